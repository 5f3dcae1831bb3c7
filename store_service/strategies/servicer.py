"""StrategyService on the wire: takes requests apart, calls the verb, wraps the answer."""

from __future__ import annotations

from typing import Any

import grpc

from store_service.strategies.store import StrategyStore
from store_service.strategies.suggestions import SuggestionStore
from tapedeck.v1 import strategy_service_pb2 as pb
from tapedeck.v1 import strategy_service_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class StrategyServicer(strategy_service_pb2_grpc.StrategyServiceServicer):  # type: ignore[misc] # generated without types
    """Serves versions of strategies, and suggestions."""

    def __init__(self, strategies: StrategyStore, suggestions: SuggestionStore) -> None:
        self._strategies = strategies
        self._suggestions = suggestions

    async def CreateStrategyVersion(self, request: pb.CreateStrategyVersionRequest, context: Context) -> pb.CreateStrategyVersionResponse:
        """Keep a version."""
        version, created = await self._strategies.create_version(request)
        return pb.CreateStrategyVersionResponse(version=version, created=created)

    async def GetStrategyVersion(self, request: pb.GetStrategyVersionRequest, context: Context) -> pb.GetStrategyVersionResponse:
        """One version."""
        return pb.GetStrategyVersionResponse(version=await self._strategies.get_version(request.version_id))

    async def ListStrategyVersions(self, request: pb.ListStrategyVersionsRequest, context: Context) -> pb.ListStrategyVersionsResponse:
        """A page of versions."""
        versions, next_page_token = await self._strategies.list_versions(
            filter_text=request.filter, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListStrategyVersionsResponse(versions=versions, next_page_token=next_page_token)

    async def GetStrategyLineage(self, request: pb.GetStrategyLineageRequest, context: Context) -> pb.GetStrategyLineageResponse:
        """The tree of a version."""
        versions, truncated = await self._strategies.get_lineage(request.version_id)
        return pb.GetStrategyLineageResponse(versions=versions, truncated=truncated)

    async def ListStrategyVersionRuns(
        self, request: pb.ListStrategyVersionRunsRequest, context: Context
    ) -> pb.ListStrategyVersionRunsResponse:
        """A page of the runs of a version."""
        runs, next_page_token = await self._strategies.list_runs(
            request.version_id, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListStrategyVersionRunsResponse(runs=runs, next_page_token=next_page_token)

    async def GetStrategyStatistics(self, request: pb.GetStrategyStatisticsRequest, context: Context) -> pb.GetStrategyStatisticsResponse:
        """The statistics of a strategy."""
        return pb.GetStrategyStatisticsResponse(statistics=await self._strategies.get_statistics(request.strategy))

    async def CreateSuggestion(self, request: pb.CreateSuggestionRequest, context: Context) -> pb.CreateSuggestionResponse:
        """Keep a suggestion."""
        return pb.CreateSuggestionResponse(suggestion=await self._suggestions.create_suggestion(request))

    async def ListSuggestions(self, request: pb.ListSuggestionsRequest, context: Context) -> pb.ListSuggestionsResponse:
        """A page of suggestions."""
        suggestions, next_page_token = await self._suggestions.list_suggestions(
            filter_text=request.filter, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListSuggestionsResponse(suggestions=suggestions, next_page_token=next_page_token)

    async def DeleteSuggestion(self, request: pb.DeleteSuggestionRequest, context: Context) -> pb.DeleteSuggestionResponse:
        """Remove a suggestion."""
        await self._suggestions.delete_suggestion(request.suggestion_id)
        return pb.DeleteSuggestionResponse()
