"""A run that this engine executes: its events so far, for everybody who follows it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager

from engine_service.pulse import Pulse
from engine_service.recording import Recording
from tapedeck.v1 import engine_service_pb2, run_pb2
from tapedeck_rpc import errors


class LiveRun:
    """Events are kept until the run is over and nobody follows it (bounded by `worker.MAX_RUN_BYTES`): a slow caller delays nobody."""

    def __init__(
        self,
        started: run_pb2.RunStarted,
        *,
        save: bool = True,
        if_store_unavailable: engine_service_pb2.IfStoreUnavailable = engine_service_pb2.IF_STORE_UNAVAILABLE_WAIT,
        writer_epoch: int = 1,
    ) -> None:
        self.started = started
        self.save = save
        self.if_store_unavailable = if_store_unavailable
        self.writer_epoch = writer_epoch
        self.recording: Recording | None = None
        self.not_recorded_reason = "" if save else "the caller asked for the run not to be saved"
        self.earlier_runs: Sequence[run_pb2.EarlierRun] = ()
        self.existing_run_id = ""
        """The run that the same request_id made before; this one is not executed."""
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

    def emit(self, event: run_pb2.RunEvent) -> None:
        """Show an event to everybody who follows."""
        self._events.append(event)
        self._pulse.beat()

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
