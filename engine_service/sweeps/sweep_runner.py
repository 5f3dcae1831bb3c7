"""Drives sweeps from admission to their end.

A sweep lives as long as its caller listens, until all its runs have ended; what is left to do then, to record it, is done in any case.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine_service.job import KERNEL, ZIPLINE
from engine_service.sweeps import verification
from engine_service.sweeps.executors import SHARDS_AHEAD, ShardExecutor, ShardLost
from engine_service.sweeps.live_sweep import LiveSweep
from engine_service.sweeps.recorded import recorded_sweep
from engine_service.sweeps.recording import AWAY, SweepRecorder
from engine_service.sweeps.shard import Shard, ShardResults
from engine_service.sweeps.sweep_record import SweepRecord
from engine_service.sweeps.sweep_spec import SweepPlan
from tapedeck.v1 import engine_service_pb2, run_pb2, sweep_pb2
from tapedeck_rpc import errors

MAX_SWEEPS = 4
"""Sweeps executed at once: they share the same processes, so more would only make each slower and take its memory."""

RETRY_SECONDS = 5.0
"""What RetryInfo tells a caller who found no room."""

CLOSE_SECONDS = 5.0
"""How long sweeps that have ended may still be recorded when the engine stops."""

Response = engine_service_pb2.RunSweepResponse

Promote = Callable[[run_pb2.RunSpec, run_pb2.EngineChoice, run_pb2.SweepLink], Awaitable[str]]
"""Makes a full run of a result; returns its id, and raises CallError when there is none."""

_log = structlog.get_logger("sweeps")


class SweepFailed(Exception):
    """What ends a sweep as FAILED."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.error = run_pb2.RunError(reason=reason, message=message)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller wants besides the results."""

    save: bool
    omit_batches: bool
    promote: Promote


class SweepRunner:
    """Every sweep that is alive in this engine."""

    def __init__(self, executor: ShardExecutor, recorder: SweepRecorder, data_dir: Path, plugins: frozenset[str]) -> None:
        self._executor, self._recorder = executor, recorder
        self._data_dir, self._plugins = data_dir, plugins
        self._alive = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, plan: SweepPlan, started: sweep_pb2.SweepStarted, wishes: Wishes) -> AsyncGenerator[Response, None]:
        """Execute a sweep; closing the iterator cancels it.

        Yields:
            What happens, as `engine_service_pb2.RunSweepResponse` says.

        Raises:
            ResourceExhausted: as many sweeps as may be are being executed (QUEUE_FULL).
            CallError: the store refuses the request.
        """
        with self._place():
            if wishes.save and started.request_id and (sweep_id := await self._existing(started)):
                async with aclosing(recorded_sweep(self._recorder, sweep_id, plan.top, omit_batches=wishes.omit_batches)) as answers:
                    async for answer in answers:
                        yield answer
                return
            async with aclosing(self._run(plan, started, wishes)) as answers:
                async for answer in answers:
                    yield answer

    async def close(self) -> None:
        """Let sweeps that have ended be recorded, but not for long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._alive >= MAX_SWEEPS:
            raise errors.ResourceExhausted(
                f"the engine executes {MAX_SWEEPS} sweeps already: try again in a moment",
                reason="QUEUE_FULL",
                retry_after_seconds=RETRY_SECONDS,
            )
        self._alive += 1
        try:
            yield
        finally:
            self._alive -= 1

    async def _existing(self, started: sweep_pb2.SweepStarted) -> str:
        try:
            return await self._recorder.existing(started)
        except AWAY:
            return ""  # a known request_id is noticed when the sweep is recorded

    async def _run(self, plan: SweepPlan, started: sweep_pb2.SweepStarted, wishes: Wishes) -> AsyncGenerator[Response, None]:
        live, record = LiveSweep(plan), SweepRecord(self._recorder if wishes.save else None, started)
        finished = _finished(sweep_pb2.SWEEP_STATE_CANCELLED, "SWEEP_CANCELLED", "the caller left")
        began = time.perf_counter()
        if plan.is_short:
            record.begin(live)
        try:
            yield Response(started=started)
            async with aclosing(self._execute(plan, live)) as batches:
                async for results in batches:
                    record.may_begin(live, plan.result_count, time.perf_counter() - began)
                    batch = engine_service_pb2.SweepBatch(completed_count=live.completed_count)
                    if not wishes.omit_batches:
                        batch.results.CopyFrom(results)
                    yield Response(batch=batch)
            finished = _finished(sweep_pb2.SWEEP_STATE_SUCCEEDED)
        except SweepFailed as failed:
            finished = _finished(sweep_pb2.SWEEP_STATE_FAILED, failed.error.reason, failed.error.message)
        except Exception:  # noqa: BLE001 - whatever it was, the sweep must be told and recorded to have failed
            _log.exception("sweep broke", sweep_id=started.sweep_id)
            text = "the engine failed to execute the sweep; its log has the details"
            finished = _finished(sweep_pb2.SWEEP_STATE_FAILED, "INTERNAL", text)
        finally:
            _sum_up(finished, live, time.perf_counter() - began)
            recording = self._keep(record.finish(live, finished))
        succeeded = finished.state == sweep_pb2.SWEEP_STATE_SUCCEEDED
        if succeeded:
            yield Response(ranked=live.ranked())
        await asyncio.shield(recording)
        yield Response(finished=finished)
        if succeeded:
            async with aclosing(self._follow_up(plan, started, live, finished, wishes)) as answers:
                async for answer in answers:
                    yield answer

    async def _execute(self, plan: SweepPlan, live: LiveSweep) -> AsyncGenerator[sweep_pb2.SweepResults, None]:
        """Execute all shards and add their results to the sweep, in order; then look at the best of them once more.

        Raises:
            SweepFailed: see there.
        """
        async with aclosing(self._in_order(plan.shards(self._data_dir, self._plugins))) as done:
            async for shard, came in done:
                yield live.add(shard.symbol, came)
        if not live.result_count:
            why = live.first_failure or run_pb2.RunError(reason="INTERNAL", message="there was none")
            raise SweepFailed(why.reason, f"no run of the sweep succeeded; the first one ended with: {why.message}")
        if plan.engine_kind == KERNEL:  # a run of zipline looks by itself
            best = verification.shards(plan, live.pick(live.best(1) or [1]), plan.engine_kind, self._data_dir, self._plugins)
            async with aclosing(self._in_order(best)) as done:
                async for _ in done:
                    pass  # a strategy that looks ahead fails the sweep

    async def _in_order(self, shards: Iterable[Shard]) -> AsyncGenerator[tuple[Shard, ShardResults], None]:
        """Execute shards side by side, and yield what came in their order.

        Raises:
            SweepFailed: see there.
        """
        ahead = SHARDS_AHEAD * await self._executor.width()
        waiting: deque[tuple[Shard, asyncio.Task[ShardResults]]] = deque()
        source = iter(shards)
        try:
            while True:
                while len(waiting) < ahead and (shard := next(source, None)) is not None:
                    waiting.append((shard, asyncio.create_task(self._executor.execute(shard))))
                    await asyncio.sleep(0)  # it is on its way while the next one is cut
                if not waiting:
                    return
                shard, task = waiting[0]
                came = await task
                waiting.popleft()
                if came.error:
                    error = run_pb2.RunError.FromString(came.error)
                    raise SweepFailed(error.reason, error.message)
                yield shard, came
        except ShardLost as lost:
            raise SweepFailed("WORKER_LOST", str(lost)) from lost
        finally:
            for _, task in waiting:
                task.cancel()
            await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    def _keep(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Do it whoever still listens."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow_up(
        self, plan: SweepPlan, started: sweep_pb2.SweepStarted, live: LiveSweep, finished: sweep_pb2.SweepFinished, wishes: Wishes
    ) -> AsyncGenerator[Response, None]:
        """Promotions and the verification."""
        for number in live.best(plan.promoted_count):
            promotion = engine_service_pb2.SweepPromotion(number=number)
            if not finished.recorded:
                promotion.error.reason, promotion.error.message = "STORE_UNAVAILABLE", finished.not_recorded_reason
            else:
                try:
                    spec = verification.run_spec(plan, live.pick([number]), 0)
                    link = run_pb2.SweepLink(sweep_id=started.sweep_id, number=number)
                    promotion.run_id = await wishes.promote(spec, plan.sweep.engine, link)
                except errors.CallError as error:
                    promotion.error.reason, promotion.error.message = error.reason, error.message
            yield Response(promotion=promotion)
        if plan.verified_count >= 0:
            yield Response(verification=await self._verify(plan, live))

    async def _verify(self, plan: SweepPlan, live: LiveSweep) -> engine_service_pb2.SweepVerification:
        chosen = live.pick(verification.choose(live.best(1), live.result_count, plan.verified_count, plan.sweep.spec.seed))
        again = []
        shards = verification.shards(plan, chosen, ZIPLINE, self._data_dir, self._plugins)
        try:
            async with aclosing(self._in_order(shards)) as done:
                async for _, came in done:
                    again.append(came)
        except SweepFailed as failed:
            return verification.broken(chosen, failed.error)
        return verification.compare(chosen, again)


def _finished(state: sweep_pb2.SweepState, reason: str = "", message: str = "") -> sweep_pb2.SweepFinished:
    error = run_pb2.RunError(reason=reason, message=message) if reason else None
    return sweep_pb2.SweepFinished(state=state, error=error)


def _sum_up(finished: sweep_pb2.SweepFinished, live: LiveSweep, seconds: float) -> None:
    finished.execution_seconds = seconds
    finished.failed_count = live.failed_count
    if finished.state == sweep_pb2.SWEEP_STATE_SUCCEEDED:
        finished.result_count, finished.result_digest = live.result_count, live.result_digest
    if live.first_failure is not None:
        finished.first_failure.CopyFrom(live.first_failure)
