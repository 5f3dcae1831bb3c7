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
from tapedeck_rpc import errors


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
            FailedPrecondition: the strategy or the data of the sweep is gone (STRATEGY_NOT_INSTALLED, DATASET_GONE), or nobody said which
                dates its runs have (SPEC_INCOMPLETE).
            Unavailable: no engine answers; nothing was started (ENGINE_UNAVAILABLE).
        """
        checks = Checks()
        with checks:
            check_result_name(sweep_id, number)
        with checks:
            check_request_id(request_id)
        checks.done()
        sweep, result = await self._sweeps.get_sweep_result(sweep_id, number)
        _check_dates(sweep)
        check_installed(result.strategy, sweep.provenance, await self._engine.strategies())
        # Results from elsewhere may not say which version of the data they were made from.
        recorded = sweep.sweep.spec.dataset_fingerprint
        data = store_service_pb2.REPLAY_DATA_RECORDED if recorded else store_service_pb2.REPLAY_DATA_LATEST
        choose_fingerprint(sweep.sweep.spec, await self._engine.datasets(), data)
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


def _check_dates(sweep: sweep_pb2.Sweep) -> None:
    """Check that a run can be made of a result: those that were found elsewhere may lack what every run needs."""
    absent = [field for field in ("start_date", "end_date") if not getattr(sweep.sweep.spec, field)]
    if absent:
        raise errors.FailedPrecondition(
            f"sweep {sweep.sweep_id} was saved without {' and '.join(absent)}, which its runs need: call RunBacktest with them",
            reason="SPEC_INCOMPLETE",
            metadata={"sweep_id": sweep.sweep_id, "absent_fields": ",".join(absent)},
        )
