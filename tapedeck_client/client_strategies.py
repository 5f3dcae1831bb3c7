"""What the client does with strategies: their statistics, versions and suggestions."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from tapedeck.v1.run_pb2 import Run
from tapedeck.v1.strategy_pb2 import StrategyStatistics, StrategyVersion, Suggestion, SuggestionPriority
from tapedeck.v1.strategy_service_pb2 import (
    CreateStrategyVersionRequest,
    CreateStrategyVersionResponse,
    CreateSuggestionRequest,
    CreateSuggestionResponse,
    DeleteSuggestionRequest,
    GetStrategyLineageRequest,
    GetStrategyLineageResponse,
    GetStrategyStatisticsRequest,
    GetStrategyStatisticsResponse,
    GetStrategyVersionRequest,
    GetStrategyVersionResponse,
    ListStrategyVersionRunsRequest,
    ListStrategyVersionRunsResponse,
    ListStrategyVersionsRequest,
    ListStrategyVersionsResponse,
    ListSuggestionsRequest,
    ListSuggestionsResponse,
)
from tapedeck_client.connection import UNARY_TIMEOUT_SECONDS, Connection, every_page

VERSION_PAGE_SIZE = 100
"""Fetched at once when all are asked for: lists have no source code, so a page is some tens of kilobytes."""


class StrategyMethods(Connection):
    """The client's methods on strategies. Sent again after a lost answer, each of them changes nothing more."""

    def create_strategy_version(
        self,
        name: str,
        source_code: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        parent_version_id: str = "",
        notes: str = "",
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> StrategyVersion:
        """Keep a version of a strategy; a name and source code that are known give the version that is there, as it is."""
        request = CreateStrategyVersionRequest(
            name=name, source_code=source_code, parameters=parameters, parent_version_id=parent_version_id, notes=notes
        )
        response: CreateStrategyVersionResponse = self._store_peer.call(self._versions.CreateStrategyVersion, request, timeout_seconds)
        return response.version

    def get_strategy_version(self, version_id: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> StrategyVersion:
        """One version, with its source code."""
        request = GetStrategyVersionRequest(version_id=version_id)
        response: GetStrategyVersionResponse = self._store_peer.call(self._versions.GetStrategyVersion, request, timeout_seconds)
        return response.version

    def strategy_versions(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        *,
        page_size: int = VERSION_PAGE_SIZE,
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> Generator[StrategyVersion, None, None]:
        """Every version that matches, newest first and without its source code, fetched page by page as they are asked for."""

        def fetch(page_token: str) -> ListStrategyVersionsResponse:
            request = ListStrategyVersionsRequest(filter=filter, page_size=page_size, page_token=page_token)
            response: ListStrategyVersionsResponse = self._store_peer.call(self._versions.ListStrategyVersions, request, timeout_seconds)
            return response

        for page in every_page(fetch):
            yield from page.versions

    def strategy_lineage(self, version_id: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> GetStrategyLineageResponse:
        """The tree that a version belongs to: its root first, and each version after its parent."""
        request = GetStrategyLineageRequest(version_id=version_id)
        response: GetStrategyLineageResponse = self._store_peer.call(self._versions.GetStrategyLineage, request, timeout_seconds)
        return response

    def strategy_version_runs(
        self, version_id: str, *, page_size: int = VERSION_PAGE_SIZE, timeout_seconds: float = UNARY_TIMEOUT_SECONDS
    ) -> Generator[Run, None, None]:
        """Every run of a version by its iteration, fetched page by page as they are asked for."""

        def fetch(page_token: str) -> ListStrategyVersionRunsResponse:
            request = ListStrategyVersionRunsRequest(version_id=version_id, page_size=page_size, page_token=page_token)
            call = self._versions.ListStrategyVersionRuns
            response: ListStrategyVersionRunsResponse = self._store_peer.call(call, request, timeout_seconds)
            return response

        for page in every_page(fetch):
            yield from page.runs

    def strategy_statistics(self, strategy: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> StrategyStatistics:
        """How the metrics of all runs of a strategy that succeeded are distributed; kept by the store, so it never takes long."""
        request = GetStrategyStatisticsRequest(strategy=strategy)
        response: GetStrategyStatisticsResponse = self._store_peer.call(self._versions.GetStrategyStatistics, request, timeout_seconds)
        return response.statistics

    def suggest(
        self,
        run_id: str,
        priority: SuggestionPriority,
        description: str,
        *,
        specific_changes: Sequence[str] = (),
        expected_impact: str = "",
        rationale: str = "",
        references: Sequence[str] = (),
        request_id: str = "",
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> Suggestion:
        """Attach a suggestion to a run; a request_id is made when it is empty, so that a lost answer can't make a second one."""
        suggestion = Suggestion(
            run_id=run_id,
            priority=priority,
            description=description,
            specific_changes=specific_changes,
            expected_impact=expected_impact,
            rationale=rationale,
            references=references,
        )
        request = CreateSuggestionRequest(suggestion=suggestion, request_id=request_id or str(uuid.uuid4()))
        response: CreateSuggestionResponse = self._store_peer.call(self._versions.CreateSuggestion, request, timeout_seconds)
        return response.suggestion

    def suggestions(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        *,
        page_size: int = VERSION_PAGE_SIZE,
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> Generator[Suggestion, None, None]:
        """Every suggestion that matches, high priority first, fetched page by page as they are asked for."""

        def fetch(page_token: str) -> ListSuggestionsResponse:
            request = ListSuggestionsRequest(filter=filter, page_size=page_size, page_token=page_token)
            response: ListSuggestionsResponse = self._store_peer.call(self._versions.ListSuggestions, request, timeout_seconds)
            return response

        for page in every_page(fetch):
            yield from page.suggestions

    def delete_suggestion(self, suggestion_id: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> None:
        """Remove a suggestion."""
        request = DeleteSuggestionRequest(suggestion_id=suggestion_id)
        self._store_peer.call(self._versions.DeleteSuggestion, request, timeout_seconds)
