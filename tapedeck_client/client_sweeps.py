"""What the client does with sweeps: execute them, find them, rank their results, make full runs of results."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping, Sequence

import grpc

from tapedeck.v1.engine_service_pb2 import RunSweepRequest, RunSweepResponse
from tapedeck.v1.run_pb2 import ENGINE_CHOICE_UNSPECIFIED, EngineChoice, RunSpec
from tapedeck.v1.sweep_pb2 import (
    SYMBOL_GROUPING_UNSPECIFIED,
    EdgeScore,
    ParameterList,
    ParameterSample,
    Sweep,
    SweepResult,
    SymbolGrouping,
)
from tapedeck.v1.sweep_service_pb2 import (
    GetSweepRequest,
    GetSweepResponse,
    ListSweepResultsRequest,
    ListSweepResultsResponse,
    ListSweepsRequest,
    ListSweepsResponse,
    PromoteSweepResultRequest,
    PromoteSweepResultResponse,
)
from tapedeck_client.connection import UNARY_TIMEOUT_SECONDS, Connection, every_page
from tapedeck_client.resume import Opened, Place, each_once
from tapedeck_rpc import errors

SWEEP_PAGE_SIZE = 20
"""Sweeps a page: few, because a sweep over a long list of combinations holds that list."""

RESULT_PAGE_SIZE = 500
"""Results a page: some 300 KB, far below the largest message, and few calls."""

RESULTS_TIMEOUT_SECONDS = 30.0
"""Deadline of a page of results: ranking a sweep of a million results sorts all of them."""

Combinations = Mapping[str, Sequence[object]] | Sequence[Mapping[str, object]] | ParameterSample
"""Which parameters a sweep tries: the values of each (a grid), the combinations themselves (a list), or a random sample."""


class SweepMethods(Connection):
    """The client's methods on sweeps."""

    def sweep(
        self,
        spec: RunSpec,
        combinations: Combinations,
        *,
        symbol_grouping: SymbolGrouping = SYMBOL_GROUPING_UNSPECIFIED,
        rank_by: str = "",
        edge_score: EdgeScore | None = None,
        engine: EngineChoice = ENGINE_CHOICE_UNSPECIFIED,
        top: int = 0,
        verify: bool = False,
        verify_sample_count: int | None = None,
        promote_top: int = 0,
        save: bool = True,
        labels: Mapping[str, str] | None = None,
        request_id: str = "",
        omit_batches: bool = False,
    ) -> Generator[RunSweepResponse, None, None]:
        """Execute a strategy over many parameters and symbols; yield its results as they come, then the best of them.

        `combinations` is a grid such as {"fast": [5, 10], "slow": [50, 100]}, a list of combinations, or a sample. The other arguments are
        fields of `RunSweepRequest`, which describes them; a request_id is made when it is empty. Nothing is sent before the first message
        is asked for. Closing the generator cancels the sweep.
        """
        request = RunSweepRequest(
            spec=spec,
            symbol_grouping=symbol_grouping,
            rank_by=rank_by,
            edge_score=edge_score,
            engine=engine,
            top=top,
            verify=verify,
            verify_sample_count=verify_sample_count,
            promote_top=promote_top,
            save=save,
            labels=labels,
            request_id=request_id or str(uuid.uuid4()),
            omit_batches=omit_batches,
        )
        request.MergeFrom(_asking_for(combinations))
        return self._sweep_messages(request)

    def _sweep_messages(self, request: RunSweepRequest) -> Generator[RunSweepResponse, None, None]:
        """A sweep lives with its stream: one that is cut is not taken up again, but says how to ask what became of it."""
        call = self._engine.RunSweep(request)
        sweep_id, finished = "", False
        try:
            for message in call:
                sweep_id = message.started.sweep_id or sweep_id
                finished = finished or message.HasField("finished")
                yield message
            if finished:
                return
            problem: errors.CallError = self._engine_peer.away()
        except grpc.RpcError as error:
            problem = self._engine_peer.translate(error)
        finally:
            call.cancel()
        if sweep_id and isinstance(problem, errors.Unavailable):
            again = f"sent again with request_id {request.request_id} it is answered with what is recorded, or else executed again"
            lost = f"the engine at {self._engine_peer.target} went away in the middle of sweep {sweep_id}; {again}"
            raise errors.Unavailable(lost, reason="ENGINE_UNAVAILABLE") from None
        raise problem from None

    def get_sweep(self, sweep_id: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> Sweep:
        """One recorded sweep, without its results."""
        response: GetSweepResponse = self._store_peer.call(self._sweeps.GetSweep, GetSweepRequest(sweep_id=sweep_id), timeout_seconds)
        return response.sweep

    def sweeps(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        *,
        page_size: int = SWEEP_PAGE_SIZE,
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> Generator[Sweep, None, None]:
        """Every recorded sweep that matches, newest first, fetched page by page as they are asked for."""

        def fetch(page_token: str) -> ListSweepsResponse:
            request = ListSweepsRequest(filter=filter, page_size=page_size, page_token=page_token)
            response: ListSweepsResponse = self._store_peer.call(self._sweeps.ListSweeps, request, timeout_seconds)
            return response

        for page in every_page(fetch):
            yield from page.sweeps

    def sweep_results(
        self,
        sweep_id: str = "",
        filter: str = "",  # noqa: A002 - the contract's word for it
        order_by: str = "",
        *,
        page_size: int = RESULT_PAGE_SIZE,
        timeout_seconds: float = RESULTS_TIMEOUT_SECONDS,
    ) -> Generator[SweepResult, None, None]:
        """Every result that matches, of one sweep or (without `sweep_id`) of all, fetched page by page as they are asked for.

        `ListSweepResultsRequest` describes filter and order.
        """

        def fetch(page_token: str) -> ListSweepResultsResponse:
            request = ListSweepResultsRequest(
                sweep_id=sweep_id, filter=filter, order_by=order_by, page_size=page_size, page_token=page_token
            )
            response: ListSweepResultsResponse = self._store_peer.call(self._sweeps.ListSweepResults, request, timeout_seconds)
            return response

        for page in every_page(fetch):
            yield from page.results

    def promote(self, sweep_id: str, number: int, *, request_id: str = "") -> Generator[PromoteSweepResultResponse, None, None]:
        """Make a full run of a sweep's result; yield the run's events, from `started` to `finished`.

        The run goes on when the generator is closed.

        Args:
            sweep_id: The sweep.
            number: The result's number in it.
            request_id: Idempotency key; one is made when it is empty, so that a cut stream can't make a second run.
        """
        request = PromoteSweepResultRequest(sweep_id=sweep_id, number=number, request_id=request_id or str(uuid.uuid4()))

        # The same request_id is answered with the same run: after a cut its events come again, and those seen are left out.
        def open_call(_: Place) -> Opened[PromoteSweepResultResponse]:
            return Opened(self._store_peer, self._sweeps.PromoteSweepResult(request), may_end_early=False)

        return each_once(open_call, lambda message: message.event.HasField("finished"), Place(), self._backoff)


def _asking_for(combinations: Combinations) -> RunSweepRequest:
    """The part of a request that says where combinations come from."""
    if isinstance(combinations, ParameterSample):
        return RunSweepRequest(sample=combinations)
    if isinstance(combinations, Mapping):
        return RunSweepRequest(grid={name: list(values) for name, values in combinations.items()})
    return RunSweepRequest(list=ParameterList(combinations=[dict(combination) for combination in combinations]))
