"""How one sweep is recorded: as a whole, but begun a little before its end, so that storing does not come on top of executing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import structlog

from engine_service.sweeps.live_sweep import LiveSweep
from engine_service.sweeps.recording import Ending, SweepRecorder
from tapedeck.v1 import sweep_pb2
from tapedeck_rpc import errors

AHEAD_SECONDS = 5.0
"""How long before its expected end a sweep begins to be sent: the store keeps a transaction open so long, and gives up after 30 s without
a part."""

_log = structlog.get_logger("sweeps")


class SweepRecord:
    """Sends what comes when the end is near; at the end, if that went wrong, all of it again."""

    def __init__(self, recorder: SweepRecorder | None, started: sweep_pb2.SweepStarted) -> None:
        """Takes what records, or None when nothing is to be recorded."""
        self._recorder, self._started = recorder, started
        self._finished: asyncio.Future[sweep_pb2.SweepFinished] = asyncio.get_running_loop().create_future()
        self._early: asyncio.Task[str] | None = None

    def may_begin(self, live: LiveSweep, run_count: int, seconds: float) -> None:
        """Begin to send the sweep's results if its end is near.

        Args:
            live: What has come so far.
            run_count: How many runs the sweep has.
            seconds: How long those that have ended took.
        """
        left_seconds = seconds / max(live.completed_count, 1) * (run_count - live.completed_count)
        if left_seconds < AHEAD_SECONDS:
            self.begin(live)

    def begin(self, live: LiveSweep) -> None:
        """Begin to send the sweep's results, those to come too, unless that has begun."""
        if self._recorder is not None and self._early is None:
            self._early = asyncio.create_task(self._recorder.try_once(self._started, Ending(live.follow, self._finished)))

    async def finish(self, live: LiveSweep, finished: sweep_pb2.SweepFinished) -> None:
        """Record the end; `finished` says afterwards whether that went well."""
        if self._recorder is None:
            finished.not_recorded_reason = "the caller asked for the sweep not to be saved"
            return
        finished.recorded = True
        try:
            if finished.state == sweep_pb2.SWEEP_STATE_SUCCEEDED:
                existing = await self._complete(self._recorder, live, finished)
            else:
                await self._give_up()
                self._finished.set_result(finished)
                existing = await self._recorder.record(self._started, Ending(_nothing, self._finished))
            reason = f"the same request_id has made sweep {existing} meanwhile" if existing else ""
        except errors.CallError as error:
            _log.warning("sweep not recorded", sweep_id=self._started.sweep_id, why=error.message)
            reason = f"the store did not take the sweep: {error.message}"
        finally:
            await self._give_up()
        finished.recorded, finished.not_recorded_reason = not reason, reason

    async def _complete(self, recorder: SweepRecorder, live: LiveSweep, finished: sweep_pb2.SweepFinished) -> str:
        self._finished.set_result(finished)
        live.end()
        if self._early is not None:
            try:
                return await self._early
            except errors.CallError as error:
                _log.warning("sweep is sent again", sweep_id=self._started.sweep_id, why=error.message)
        return await recorder.record(self._started, Ending(live.follow, self._finished))

    async def _give_up(self) -> None:
        """Cut the stream that was begun early, if it is still open: the store keeps nothing of it."""
        if self._early is not None:
            self._early.cancel()
            await asyncio.gather(self._early, return_exceptions=True)


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield
