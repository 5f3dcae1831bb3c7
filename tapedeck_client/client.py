"""The client: both services as one object with a method per verb."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from tapedeck.v1.engine_service_pb2 import (
    IF_STORE_UNAVAILABLE_UNSPECIFIED,
    CancelRunRequest,
    CancelRunResponse,
    IfStoreUnavailable,
    ListDatasetsRequest,
    ListDatasetsResponse,
    ListStrategiesRequest,
    ListStrategiesResponse,
    RunBacktestRequest,
    RunBacktestResponse,
)
from tapedeck.v1.run_pb2 import (
    DUPLICATE_POLICY_UNSPECIFIED,
    ENGINE_CHOICE_UNSPECIFIED,
    DuplicatePolicy,
    EngineChoice,
    Run,
    RunSpec,
)
from tapedeck.v1.store_service_pb2 import (
    REPLAY_DATA_UNSPECIFIED,
    RUN_VIEW_UNSPECIFIED,
    CompareRunsRequest,
    CompareRunsResponse,
    CountRunsRequest,
    CountRunsResponse,
    FindSimilarRunsRequest,
    FindSimilarRunsResponse,
    GetRunRequest,
    GetRunResponse,
    ListRunsRequest,
    ListRunsResponse,
    ReplayData,
    ReplayRunRequest,
    ReplayRunResponse,
    RunOverrides,
    RunView,
    SummarizeRunsRequest,
    SummarizeRunsResponse,
    WatchRunRequest,
    WatchRunResponse,
)
from tapedeck_client.client_organize import OrganizeMethods
from tapedeck_client.client_records import RecordMethods
from tapedeck_client.client_strategies import StrategyMethods
from tapedeck_client.client_sweeps import SweepMethods
from tapedeck_client.client_transfer import TransferMethods
from tapedeck_client.connection import UNARY_TIMEOUT_SECONDS, every_page
from tapedeck_client.resume import Opened, Place, each_once
from tapedeck_rpc import errors

COMPARE_TIMEOUT_SECONDS = 30.0
"""Deadline of a comparison: it may read the sessions of ten long runs."""

SUMMARY_TIMEOUT_SECONDS = 30.0
"""Deadline of statistics: they may read and sort all metrics of 100,000 runs."""

LIST_PAGE_SIZE = 200
"""Runs a page of `list_all`: some 200 KB, far below the largest message, and few calls."""


class TapedeckClient(RecordMethods, SweepMethods, OrganizeMethods, StrategyMethods, TransferMethods):
    """A client of the engine and the store; safe to share between threads.

    Unary calls have a deadline and are retried by the channel while the service is away. Streams have no deadline; one that is cut is
    taken up again where it was, so that every event comes exactly once; a sweep lives with its stream and ends with it. Every method raises
    `tapedeck_rpc.errors.CallError` when its call fails: `Unavailable` names the service that can't be reached, `InvalidArgument` lists
    every violation.
    """

    def run(
        self,
        spec: RunSpec,
        *,
        request_id: str = "",
        save: bool = True,
        labels: Mapping[str, str] | None = None,
        if_store_unavailable: IfStoreUnavailable = IF_STORE_UNAVAILABLE_UNSPECIFIED,
        engine: EngineChoice = ENGINE_CHOICE_UNSPECIFIED,
        duplicate_policy: DuplicatePolicy = DUPLICATE_POLICY_UNSPECIFIED,
    ) -> Generator[RunBacktestResponse, None, None]:
        """Execute a backtest and yield its events, from `started` to `finished`.

        Nothing is sent before the first event is asked for. A saved run goes on when the generator is closed, an unsaved one is cancelled.

        Args:
            spec: What to simulate.
            request_id: Idempotency key; one is made when it is empty, so that a cut stream can't make a second run.
            save: Whether the run is recorded.
            labels: Labels of the run.
            if_store_unavailable: What to do when the engine can't reach the store.
            engine: Which engine executes the run; the result is the same.
            duplicate_policy: What to do when the spec has succeeded before; REFUSE raises `AlreadyExists`, REUSE yields the recorded run.
        """
        request = RunBacktestRequest(
            spec=spec,
            request_id=request_id or str(uuid.uuid4()),
            save=save,
            labels=labels,
            if_store_unavailable=if_store_unavailable,
            engine=engine,
            duplicate_policy=duplicate_policy,
        )

        is_recorded = save

        def open_call(place: Place) -> Opened[RunBacktestResponse | WatchRunResponse]:
            if place.run_id and not is_recorded:
                lost = f"the engine at {self._engine_peer.target} went away, and the run with it: it was not saved"
                raise errors.Unavailable(lost, reason="ENGINE_UNAVAILABLE")
            if place.run_id:
                return self._open_watch(place)
            return Opened(self._engine_peer, self._engine.RunBacktest(request), may_end_early=False)

        with contextlib.closing(each_once(open_call, _is_finished, Place(), self._backoff)) as messages:
            for message in messages:
                answer = message if isinstance(message, RunBacktestResponse) else RunBacktestResponse(event=message.event)
                is_recorded |= answer.event.started.run_id in {run.run_id for run in answer.earlier_runs}  # it is reused
                yield answer

    def watch(self, run_id: str, from_sequence: int = 1) -> Generator[WatchRunResponse, None, None]:
        """Yield the events of a run from a sequence on, recorded and then live, until the run ends."""
        place = Place(run_id, max(1, from_sequence))
        return each_once(self._open_watch, _is_finished, place, self._backoff)

    def _open_watch(self, place: Place) -> Opened[Any]:
        request = WatchRunRequest(run_id=place.run_id, from_sequence=place.next_sequence)
        return Opened(self._store_peer, self._store.WatchRun(request), may_end_early=True)

    def replay(
        self, run_id: str, overrides: RunOverrides | None = None, *, data: ReplayData = REPLAY_DATA_UNSPECIFIED, request_id: str = ""
    ) -> Generator[ReplayRunResponse, None, None]:
        """Execute a recorded run again; yield the new run's events and, last, the verdict.

        Args:
            run_id: The run to execute again.
            overrides: Changes to its spec; None proves the run instead.
            data: Which version of the data to read.
            request_id: Idempotency key; one is made when it is empty.
        """
        request = ReplayRunRequest(run_id=run_id, overrides=overrides, data=data, request_id=request_id or str(uuid.uuid4()))

        # The same request_id is answered with the same run: after a cut its events come again, and those seen are left out.
        def open_call(_: Place) -> Opened[ReplayRunResponse]:
            return Opened(self._store_peer, self._store.ReplayRun(request), may_end_early=False)

        return each_once(open_call, lambda message: message.HasField("verdict"), Place(), self._backoff)

    def get(self, run_id: str, *, view: RunView = RUN_VIEW_UNSPECIFIED, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> Run:
        """One run, by default in the FULL view."""
        request = GetRunRequest(run_id=run_id, view=view)
        response: GetRunResponse = self._store_peer.call(self._store.GetRun, request, timeout_seconds)
        return response.run

    def list(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        order_by: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        view: RunView = RUN_VIEW_UNSPECIFIED,
        show_deleted: bool = False,
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> ListRunsResponse:
        """One page of runs: by default the 20 newest. `ListRunsRequest` describes filter and order."""
        request = ListRunsRequest(
            filter=filter, order_by=order_by, page_size=page_size, page_token=page_token, view=view, show_deleted=show_deleted
        )
        response: ListRunsResponse = self._store_peer.call(self._store.ListRuns, request, timeout_seconds)
        return response

    def list_all(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        order_by: str = "",
        *,
        page_size: int = LIST_PAGE_SIZE,
        view: RunView = RUN_VIEW_UNSPECIFIED,
        show_deleted: bool = False,
    ) -> Generator[Run, None, None]:
        """Every run that matches, fetched page by page as they are asked for."""

        def fetch(page_token: str) -> ListRunsResponse:
            return self.list(filter, order_by, page_size=page_size, page_token=page_token, view=view, show_deleted=show_deleted)

        for page in every_page(fetch):
            yield from page.runs

    def count(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        *,
        show_deleted: bool = False,
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> int:
        """Number of runs that match."""
        request = CountRunsRequest(filter=filter, show_deleted=show_deleted)
        response: CountRunsResponse = self._store_peer.call(self._store.CountRuns, request, timeout_seconds)
        return response.run_count

    def summarize(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        *,
        group_by: str = "",
        metrics: Sequence[str] = (),
        timeout_seconds: float = SUMMARY_TIMEOUT_SECONDS,
    ) -> SummarizeRunsResponse:
        """Statistics of the metrics of runs that match and succeeded: together, or by "strategy", "symbol" or "parameters.NAME"."""
        request = SummarizeRunsRequest(filter=filter, group_by=group_by, metrics=metrics)
        response: SummarizeRunsResponse = self._store_peer.call(self._store.SummarizeRuns, request, timeout_seconds)
        return response

    def compare(
        self,
        run_ids: Sequence[str],
        *,
        include_curves: bool = False,
        include_sharpe: bool = False,
        timeout_seconds: float = COMPARE_TIMEOUT_SECONDS,
    ) -> CompareRunsResponse:
        """2 to 10 runs side by side; `include_sharpe` says whether differences between Sharpe ratios are more than noise."""
        request = CompareRunsRequest(run_ids=run_ids, include_curves=include_curves, include_sharpe=include_sharpe)
        response: CompareRunsResponse = self._store_peer.call(self._store.CompareRuns, request, timeout_seconds)
        return response

    def similar(
        self, subject: str | RunSpec, *, page_size: int = 0, page_token: str = "", timeout_seconds: float = UNARY_TIMEOUT_SECONDS
    ) -> FindSimilarRunsResponse:
        """A page of the runs that are like a run, given by its id, or like a spec: those of the same spec first, by default 20."""
        request = FindSimilarRunsRequest(page_size=page_size, page_token=page_token)
        if isinstance(subject, str):
            request.run_id = subject
        else:
            request.spec.CopyFrom(subject)
        response: FindSimilarRunsResponse = self._store_peer.call(self._store.FindSimilarRuns, request, timeout_seconds)
        return response

    def cancel(self, run_id: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> CancelRunResponse:
        """Ask for a run to be ended in state CANCELLED; what it had produced is kept."""
        response: CancelRunResponse = self._engine_peer.call(self._engine.CancelRun, CancelRunRequest(run_id=run_id), timeout_seconds)
        return response

    def strategies(self, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> ListStrategiesResponse:
        """The installed strategies and their parameters."""
        response: ListStrategiesResponse = self._engine_peer.call(self._engine.ListStrategies, ListStrategiesRequest(), timeout_seconds)
        return response

    def datasets(self, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> ListDatasetsResponse:
        """The datasets and what they cover."""
        response: ListDatasetsResponse = self._engine_peer.call(self._engine.ListDatasets, ListDatasetsRequest(), timeout_seconds)
        return response


def _is_finished(message: RunBacktestResponse | WatchRunResponse) -> bool:
    return message.event.HasField("finished")
