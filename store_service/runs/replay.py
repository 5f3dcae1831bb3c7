"""Replaying a run: executed again by the engine, recorded as a run of its own, and compared with the original."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from store_service.conversions import TERMINAL_STATES, parse_run_id
from store_service.runs.engine import Engine
from store_service.runs.execution import check_installed, check_request_id, choose_fingerprint, execute
from store_service.runs.organizing import is_deleted
from store_service.runs.overrides import with_overrides
from store_service.runs.store import RunStore
from store_service.violations import Checks, refuse
from tapedeck.v1 import engine_service_pb2, run_pb2, store_service_pb2
from tapedeck_rpc import errors

ReplayData = store_service_pb2.ReplayData


class Replays:
    """Executes recorded runs again.

    Nothing of a replay is kept here. The engine goes on with the run when the caller leaves, and the verdict is worked out from what is
    recorded whenever it is asked for, so a replay ends well whoever is still there.
    """

    def __init__(self, runs: RunStore, engine: Engine) -> None:
        self._runs = runs
        self._engine = engine

    async def replay_run(
        self,
        run_id: str,
        overrides: store_service_pb2.RunOverrides | None = None,
        *,
        data: int = store_service_pb2.REPLAY_DATA_UNSPECIFIED,
        request_id: str = "",
    ) -> AsyncGenerator[run_pb2.RunEvent | run_pb2.ReplayVerdict]:
        """Execute a run again: the events of the new run, then the verdict.

        Raises:
            InvalidArgument: the request is wrong, or the engine refuses what the overrides make of the spec.
            NotFound: there is no such run.
            FailedPrecondition: the run has not ended or is deleted, or its strategy or its data is gone.
            Unavailable: no engine answers; nothing was started (ENGINE_UNAVAILABLE).
        """
        _check(run_id, data, request_id)
        original = await self._runs.get_run(run_id)
        request = await self._request(original, overrides or store_service_pb2.RunOverrides(), data)
        request.request_id = request_id
        replay_id = ""
        async with aclosing(execute(self._engine, self._runs, request)) as events:
            async for event in events:
                replay_id = replay_id or event.started.run_id
                yield event
        yield (await self._runs.get_run(replay_id)).verdict

    async def _request(
        self, original: run_pb2.Run, overrides: store_service_pb2.RunOverrides, data: int
    ) -> engine_service_pb2.RunBacktestRequest:
        if original.HasField("delete_time"):
            raise is_deleted(original.run_id)
        if original.state not in TERMINAL_STATES:
            raise errors.FailedPrecondition(f"run {original.run_id} has not ended, so it can't be replayed yet", reason="RUN_NOT_FINISHED")
        check_installed(original.spec.strategy, original.provenance, await self._engine.strategies())
        spec, overridden = with_overrides(original.spec, overrides)
        spec.dataset_fingerprint = choose_fingerprint(original.spec, await self._engine.datasets(), data)
        return engine_service_pb2.RunBacktestRequest(
            spec=spec,
            save=True,
            labels=original.labels,
            if_store_unavailable=engine_service_pb2.IF_STORE_UNAVAILABLE_WAIT,
            replay=run_pb2.ReplayLink(original_run_id=original.run_id, overridden_fields=overridden),
            # A proof executes what was executed; the kernel may have been left in the middle of a run that AUTO took to it.
            engine=run_pb2.ENGINE_CHOICE_ZIPLINE if original.engine_kind == "zipline" and not overridden else run_pb2.ENGINE_CHOICE_AUTO,
        )


def _check(run_id: str, data: int, request_id: str) -> None:
    checks = Checks()
    with checks:
        parse_run_id(run_id)
    with checks:
        if data not in ReplayData.values():
            raise refuse("data", f"is no version of the data: {data}")
    with checks:
        check_request_id(request_id)
    checks.done()
