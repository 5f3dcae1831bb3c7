"""A run that this engine executes: its events so far, for everybody who follows it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager

from engine_service.pulse import Pulse
from engine_service.recording import Recording
from tapedeck.v1 import engine_service_pb2, record_service_pb2, run_pb2
from tapedeck_rpc import errors


class LiveRun:
    """Events are kept until the run is over and nobody follows it (bounded by `worker.MAX_RUN_BYTES`): a slow caller delays nobody."""

    def __init__(
        self,
        started: run_pb2.RunStarted,
        *,
        save: bool = True,
        if_store_unavailable: engine_service_pb2.IfStoreUnavailable = engine_service_pb2.IF_STORE_UNAVAILABLE_WAIT,
        duplicate_policy: run_pb2.DuplicatePolicy = run_pb2.DUPLICATE_POLICY_RUN,
        writer_epoch: int = 1,
    ) -> None:
        self.started = started
        self.save = save
        self.if_store_unavailable = if_store_unavailable
        self.duplicate_policy = duplicate_policy
        self.writer_epoch = writer_epoch
        self.recording: Recording | None = None
        self.not_recorded_reason = "" if save else "the caller asked for the run not to be saved"
        self.earlier_runs: Sequence[run_pb2.EarlierRun] = ()
        self.existing_run_id = ""
        """The run that answers the request, because its request_id made it before or its spec is the same; this one is not executed."""
        self.cancelled = False
        self._events: list[run_pb2.RunEvent] = []
        self._over = False
        self._error: errors.CallError | None = None
        self._on_cancel: list[Callable[[], object]] = []
        self._pulse = Pulse()

    @property
    def run_id(self) -> str:
        """Identity of the run."""
        return self.started.run_id

    @property
    def spec(self) -> run_pb2.RunSpec:
        """The spec, with every default filled in."""
        return self.started.spec

    @property
    def has_begun(self) -> bool:
        """Whether anybody has seen anything of it."""
        return bool(self._events)

    @property
    def must_be_new(self) -> bool:
        """Whether it is executed only when no run of its spec has succeeded."""
        return self.duplicate_policy in {run_pb2.DUPLICATE_POLICY_REUSE, run_pb2.DUPLICATE_POLICY_REFUSE}

    def is_answered_by(self, answer: record_service_pb2.RecordRunsResponse) -> bool:
        """Take in what the store says to the first event: whether another run answers the request.

        Raises:
            AlreadyExists: one does, and the caller wants none of its spec (DUPLICATE_RUN).
        """
        self.existing_run_id, self.earlier_runs = answer.existing_run_id, list(answer.earlier_runs)
        if self.existing_run_id and self.earlier_runs and self.duplicate_policy == run_pb2.DUPLICATE_POLICY_REFUSE:
            raise _duplicate(self.earlier_runs[0])
        return bool(self.existing_run_id)

    def emit(self, event: run_pb2.RunEvent) -> None:
        """Show an event to everybody who follows."""
        self._events.append(event)
        self._pulse.beat()

    def last_event(self, sequence: int, reason: str, message: str) -> run_pb2.RunEvent:
        """The end of a run that its worker did not end itself; whatever happened to one that was cancelled, it was cancelled."""
        if self.cancelled:
            reason, message = "RUN_CANCELLED", "the run was cancelled"
        state = run_pb2.RUN_STATE_CANCELLED if self.cancelled else run_pb2.RUN_STATE_FAILED
        error = run_pb2.RunError(reason=reason, message=message)
        return run_pb2.RunEvent(sequence=sequence, finished=run_pb2.RunFinished(state=state, error=error))

    def end(self, error: errors.CallError | None = None) -> None:
        """No further events; with an error, everybody who follows gets it."""
        self._over, self._error = True, error
        self._pulse.beat()

    def cancel(self) -> None:
        """Ask for the run to end as cancelled."""
        if not self.cancelled:
            self.cancelled = True
            for call in list(self._on_cancel):
                call()

    @contextmanager
    def when_cancelled(self, call: Callable[[], object]) -> Iterator[None]:
        """Call this when the run is cancelled meanwhile, or now if it is already."""
        self._on_cancel.append(call)
        if self.cancelled:
            call()
        try:
            yield
        finally:
            self._on_cancel.remove(call)

    async def follow(self) -> AsyncGenerator[run_pb2.RunEvent, None]:
        """Yield every event from the first on, as they come, until the run ends.

        Raises:
            CallError: the run ended without a last event; says why.
        """
        seen = 0
        while await self._has_more_than(seen):
            yield self._events[seen]
            seen += 1
        if self._error is not None:
            raise self._error

    async def _has_more_than(self, seen: int) -> bool:
        await self._pulse.wait_for(lambda: self._over or len(self._events) > seen)
        return len(self._events) > seen


def _duplicate(recorded: run_pb2.EarlierRun) -> errors.AlreadyExists:
    create_time = recorded.create_time.ToJsonString()
    return errors.AlreadyExists(
        f"run {recorded.run_id} of {create_time} has the same spec and succeeded: WatchRun shows it; to execute the spec again, send "
        "duplicate_policy RUN",
        reason="DUPLICATE_RUN",
        metadata={"existing_run_id": recorded.run_id, "create_time": create_time},
    )
