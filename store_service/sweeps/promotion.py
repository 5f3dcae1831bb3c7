"""Promoting a sweep's result: its run is executed by the engine and recorded as a whole, with a link to the sweep."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from store_service.runs.engine import Engine
from store_service.runs.execution import check_installed, check_request_id, choose_fingerprint, execute
from store_service.runs.store import RunStore
from store_service.sweeps.store import SweepStore, check_result_name
from store_service.violations import Checks
from tapedeck.v1 import engine_service_pb2, run_pb2, store_service_pb2, sweep_pb2


class Promotions:
    """Makes full runs of results. Nothing of a promotion is kept here: the run itself says which result it was made of."""

    def __init__(self, sweeps: SweepStore, runs: RunStore, engine: Engine) -> None:
        self._sweeps = sweeps
        self._runs = runs
        self._engine = engine

    async def promote_sweep_result(self, sweep_id: str, number: int, *, request_id: str = "") -> AsyncGenerator[run_pb2.RunEvent]:
        """Execute the run of a result, on the data of the sweep: the events of the new run.

        Raises:
            InvalidArgument: the request is wrong, or its request_id made a run of something else (REQUEST_ID_REUSED).
            NotFound: there is no such sweep or result (SWEEP_NOT_FOUND).
            FailedPrecondition: the strategy or the data of the sweep is gone.
            Unavailable: no engine answers; nothing was started (ENGINE_UNAVAILABLE).
        """
        checks = Checks()
        with checks:
            check_result_name(sweep_id, number)
        with checks:
            check_request_id(request_id)
        checks.done()
        sweep, result = await self._sweeps.get_sweep_result(sweep_id, number)
        check_installed(result.strategy, sweep.provenance, await self._engine.strategies())
        choose_fingerprint(sweep.sweep.spec, await self._engine.datasets(), store_service_pb2.REPLAY_DATA_RECORDED)
        request = engine_service_pb2.RunBacktestRequest(
            spec=result_spec(sweep, result),
            request_id=request_id,
            save=True,
            labels=sweep.labels,
            if_store_unavailable=engine_service_pb2.IF_STORE_UNAVAILABLE_WAIT,
            engine=sweep.sweep.engine,
            sweep=run_pb2.SweepLink(sweep_id=sweep.sweep_id, number=number),
        )
        async with aclosing(execute(self._engine, self._runs, request)) as events:
            async for event in events:
                yield event


def result_spec(sweep: sweep_pb2.Sweep, result: sweep_pb2.SweepResult) -> run_pb2.RunSpec:
    """What the run of a result is asked to simulate: what all runs share, its own parameters, and its symbol when it has one alone."""
    spec = run_pb2.RunSpec()
    spec.CopyFrom(sweep.sweep.spec)
    for name, value in result.parameters.fields.items():
        spec.parameters.fields[name].CopyFrom(value)
    if result.symbol:
        spec.symbols[:] = [result.symbol]
    return spec
