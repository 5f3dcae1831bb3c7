"""Admits runs, executes them in workers, has them recorded, cancels them, and takes over runs whose engine has vanished."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine_service.job import Job
from engine_service.live_run import LiveRun
from engine_service.recorder import Recorder
from engine_service.recording import Recording
from engine_service.worker_pool import WorkerPool
from engine_service.worker_process import WorkerLost
from tapedeck.v1 import engine_service_pb2, run_pb2
from tapedeck_rpc import errors

CONTINUE = engine_service_pb2.IF_STORE_UNAVAILABLE_CONTINUE
FAIL = engine_service_pb2.IF_STORE_UNAVAILABLE_FAIL

RETRY_SECONDS = 1.0
"""What RetryInfo tells a caller who found the queue full: about the time of one run."""

LOOK_SECONDS = 0.5
"""How often a run that waits for the store looks whether its caller's patience is over."""

LAST_EVENT_TRIES = 2
"""The last event, and when the store refuses it, one that says so at the place where the store stands."""

CUT_SHORT = frozenset({"RUN_CANCELLED", "RUN_TIMEOUT", "WORKER_LOST", "OUT_OF_MEMORY"})
"""Ends that come at any moment. A claimed run that is cut short before it has caught up with the store is not nondeterministic."""

_log = structlog.get_logger("runner")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is executed at once, and for how long."""

    workers: int
    queue: int
    memory_bytes: int
    store_wait_seconds: float


class Runner:
    """Every run that is alive in this engine. One task per run drives it from admission to its end, whoever still listens."""

    def __init__(self, limits: Limits, data_dir: Path, plugins: frozenset[str], recorder: Recorder) -> None:
        self._limits, self._data_dir, self._plugins = limits, data_dir, plugins
        self._recorder = recorder
        self._runs: dict[str, LiveRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = WorkerPool(limits.workers)
        self._engine_id = socket.gethostname()

    def prepare(self) -> None:
        """Have a worker get ready for the first run."""
        self._workers.prepare()

    def start(self, run: LiveRun) -> LiveRun:
        """Admit a run and execute it in the background.

        Raises:
            ResourceExhausted: every worker is busy and the queue is full (QUEUE_FULL).
        """
        workers, queue = self._limits.workers, self._limits.queue
        if len(self._runs) >= workers + queue:
            raise errors.ResourceExhausted(
                f"the engine executes {workers} runs at once and {queue} more wait already: try again in a moment",
                reason="QUEUE_FULL",
                retry_after_seconds=RETRY_SECONDS,
            )
        self._admit(run)
        return run

    def _admit(self, run: LiveRun) -> None:
        self._runs[run.run_id] = run
        task = asyncio.create_task(self._drive(run), name=f"run {run.run_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cancel(self, run_id: str) -> None:
        """Cancel a run, here or, through the store, in whichever engine executes it.

        Raises:
            NotFound: there is no such run.
            FailedPrecondition: it has ended already.
        """
        if (run := self._runs.get(run_id)) is None:
            await self._recorder.request_cancel(run_id)
        else:
            run.cancel()

    async def claim_forever(self, every_seconds: float) -> None:
        """Take over runs whose engine has vanished, as long as there are idle workers, until cancelled."""
        while True:
            with contextlib.suppress(errors.CallError):  # the store is away: next time
                while len(self._runs) < self._limits.workers and await self._claim():
                    pass
            await asyncio.sleep(every_seconds)

    async def _claim(self) -> bool:
        if (claim := await self._recorder.claim(self._engine_id)) is None:
            return False
        _log.info("claimed", run_id=claim.run_id, writer_epoch=claim.writer_epoch)
        alive = self._runs.get(claim.run_id)
        if alive is not None and alive.recording is not None:  # it is ours: its lease ran out while the store was away
            alive.recording.adopt(claim.writer_epoch)
        else:
            # Even when the queue is full by now: a run that is claimed and not executed would count as lost once more.
            self._admit(LiveRun(claim.started, writer_epoch=claim.writer_epoch))
        return True

    async def close(self) -> None:
        """Stop everything. Saved runs that are cut off here become stale and are claimed by another engine."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._workers.close()

    async def _drive(self, run: LiveRun) -> None:
        beginning = asyncio.create_task(self._begin(run), name=f"first event of {run.run_id}")
        try:
            finished = await self._execute(run, beginning)
            if finished is not None:
                await self._finish(run, finished)
        except errors.CallError as error:
            run.end(error)
        except asyncio.CancelledError:
            run.end(errors.Unavailable("the engine was stopped", reason="ENGINE_STOPPED"))
            raise
        except Exception:  # noqa: BLE001 - whoever follows the run must hear of its end, whatever happened
            _log.exception("run broke", run_id=run.run_id)
            run.end(errors.Internal("the engine failed to execute the run; its log has the details", reason="INTERNAL"))
        else:
            run.end()
        finally:
            beginning.cancel()
            if self._runs.get(run.run_id) is run:  # it may have been claimed here, and be executed anew
                del self._runs[run.run_id]
            self._stop_recording(run)

    def _stop_recording(self, run: LiveRun, reason: str = "") -> None:
        if run.recording is not None:
            self._recorder.close(run.recording)
            run.recording, run.not_recorded_reason = None, run.not_recorded_reason or reason

    async def _begin(self, run: LiveRun) -> bool:
        """Record the first event and show it; False when the run must not be executed because another one answers its request."""
        first = run_pb2.RunEvent(sequence=1, started=run.started)
        if run.save or run.must_be_new:
            claimed = run.writer_epoch > 1
            run.recording = recording = self._recorder.open(
                *(run.run_id, run.writer_epoch, 2 if claimed else 1),
                on_cancel=run.cancel,
                duplicate_policy=run.duplicate_policy,
                look_only=not run.save,
            )
            if not claimed:
                recording.put(first)
                await self._recorded(run, recording, lambda: recording.first_answer is not None or (run.cancelled and not run.save))
                if (answer := recording.first_answer) is not None and run.is_answered_by(answer):
                    return False
            if not run.save:
                self._stop_recording(run)
        run.emit(first)
        return True

    async def _recorded(self, run: LiveRun, recording: Recording, condition: Callable[[], bool]) -> bool:
        """Wait for the store as long as the caller wants to.

        Returns:
            True when the condition holds; False when the run goes on without being recorded.

        Raises:
            CallError: the store refused an event.
            Unavailable: the caller's patience is over and it asked for FAIL.
        """
        patient = run.if_store_unavailable not in {CONTINUE, FAIL}
        loop = asyncio.get_running_loop()
        since = loop.time()
        while not await recording.pulse.wait_for(lambda: condition() or recording.refused is not None, LOOK_SECONDS):
            # An outage that began before the wait may be over, and only the next answer says so.
            if patient or min(self._recorder.away_seconds(), loop.time() - since) < self._limits.store_wait_seconds:
                continue
            away = f"the store could not be reached for {self._limits.store_wait_seconds:g} s"
            self._stop_recording(run, away)
            if run.if_store_unavailable == FAIL:
                raise errors.Unavailable(away, reason="STORE_UNAVAILABLE")
            return False
        if recording.refused is not None:
            if recording.refused.reason == "WRITER_FENCED":
                self._stop_recording(run)
            raise recording.refused
        return True

    async def _execute(self, run: LiveRun, beginning: asyncio.Task[bool]) -> run_pb2.RunEvent | None:
        """Execute the run in a worker and show and record its events.

        A worker that is free begins while the first event is being recorded, unless that may end the run; nothing of it is shown before.

        Returns:
            The last event, which is not shown yet; None when the run is not to be executed because another one answers its request.
        """
        sequence = 2
        try:
            if (run.must_be_new or not self._workers.has_room) and not await beginning:
                return None
            async with self._workers.worker(run, self._job(run)) as worker:
                if not await beginning:
                    return None
                async for event in worker.events(run.spec.timeout_seconds):
                    if event.HasField("finished"):
                        return event
                    sequence = event.sequence + 1
                    run.emit(event)
                    if run.recording is not None:
                        await self._record(run, run.recording, event)
        except WorkerLost as lost:
            return run.last_event(sequence, lost.reason, str(lost)) if await beginning else None
        except errors.CallError as refusal:
            if refusal.reason == "WRITER_FENCED" or not run.has_begun:
                raise
            return run.last_event(sequence, refusal.reason, refusal.message)
        except Exception:
            if not run.has_begun:
                raise
            # A bug of ours; the run must not be executed again and again by every engine that claims it.
            _log.exception("run broke", run_id=run.run_id)
            return run.last_event(sequence, "INTERNAL", "the engine failed to execute the run; its log has the details")
        raise AssertionError("a worker's events end with RunFinished or WorkerLost")

    async def _record(self, run: LiveRun, recording: Recording, event: run_pb2.RunEvent) -> None:
        """Record an event; returns when the run may produce the next one, which is how a store outage pauses it."""
        recording.put(event)
        await self._recorded(run, recording, lambda: recording.has_room or run.cancelled)

    def _job(self, run: LiveRun) -> Job:
        return Job(
            spec=run.spec.SerializeToString(),
            data_dir=self._data_dir,
            plugins=self._plugins,
            first_sequence=2,
            timeout_seconds=run.spec.timeout_seconds,
            memory_bytes=self._limits.memory_bytes,
            engine_kind=run.started.provenance.engine_kind,
            is_built_in=run.spec.strategy not in self._plugins,
        )

    async def _finish(self, run: LiveRun, event: run_pb2.RunEvent) -> None:
        """Record the last event and show it when it is durable, or when nobody waits for that any longer."""
        if run.recording is not None:
            event = await self._record_last(run, run.recording, event)
        event.finished.recorded = run.recording is not None
        event.finished.not_recorded_reason = run.not_recorded_reason
        run.emit(event)

    async def _record_last(self, run: LiveRun, recording: Recording, event: run_pb2.RunEvent) -> run_pb2.RunEvent:
        """Record the last event, or another one in its place when the store refuses it or what came before it.

        Returns:
            The event that the run ends with; run.recording is None when it is not recorded.

        Raises:
            FailedPrecondition: another engine has claimed the run (WRITER_FENCED).
        """
        for _ in range(LAST_EVENT_TRIES):
            event.finished.recorded = True
            if recording.refused is None:
                recording.put(event)
            else:
                recording.end_with(event)
            try:
                await self._recorded(run, recording, lambda: recording.all_recorded)
            except errors.CallError as refusal:
                if refusal.reason == "WRITER_FENCED":
                    raise
                differs = refusal.reason == "NONDETERMINISTIC_RESULT"
                if not (differs and event.finished.error.reason in CUT_SHORT):
                    event = run.last_event(event.sequence, refusal.reason, refusal.message)
                if run.recording is None:
                    return event
            else:
                return event
        self._stop_recording(run, f"the store refused the end of the run: {event.finished.error.message}")
        return event
