"""The child process: a job in, run events out; it ends with a job that spends it, or when the parent hangs up.

Started by the fork server with zipline loaded already (`preload`), it gets ready before it has a job. It knows no gRPC: frames of
serialized RunEvents go up a pipe. Limits of time and memory are enforced in here first; the parent kills a worker that does not obey.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from engine_service.batches import SessionBatcher
from engine_service.datasets import Catalogue
from engine_service.job import ZIPLINE, Job
from engine_service.ledger import Ledger, Undefined
from engine_service.session_facts import SessionFacts
from engine_service.strategies import Strategy, load_strategies
from tapedeck.v1 import run_pb2

MAX_RUN_BYTES = 256 * 1024 * 1024
"""Size of all events of a run; the server keeps them in memory until the run ends. 2,148 sessions of one symbol are 64 KiB."""

MAX_FINISHED_BYTES = 15 * 1024 * 1024
"""The last event holds every round trip and must fit into one message (tapedeck_rpc.channel.MAX_MESSAGE_BYTES)."""


class Interrupted(BaseException):
    """Raised when time is up or somebody cancelled; no Exception, so that strategies don't swallow it by accident."""

    def __init__(self, state: run_pb2.RunState, reason: str, message: str) -> None:
        super().__init__(message)
        self.state, self.reason = state, reason


class ResultTooLarge(Exception):
    """The events of the run are larger than the limits above."""


class Interruptions:
    """Time limit and cancel of a run as exceptions. Signals are not blocked: libraries have threads that would take them."""

    def __init__(self) -> None:
        self._held_back = 0
        self._pending: Interrupted | None = None

    def obey(self, timeout_seconds: float) -> None:
        """Raise Interrupted in the main thread when time is up or SIGTERM comes, whichever is first."""

        def time_is_up(_number: int, _frame: FrameType | None) -> None:
            text = f"the run took longer than its limit of {timeout_seconds:g} s (timeout_seconds)"
            self._interrupt(Interrupted(run_pb2.RUN_STATE_FAILED, "RUN_TIMEOUT", text))

        def cancelled(_number: int, _frame: FrameType | None) -> None:
            self._interrupt(Interrupted(run_pb2.RUN_STATE_CANCELLED, "RUN_CANCELLED", "the run was cancelled"))

        signal.signal(signal.SIGALRM, time_is_up)
        signal.signal(signal.SIGTERM, cancelled)
        signal.setitimer(signal.ITIMER_REAL, timeout_seconds)

    def ignore(self) -> None:
        """Raise nothing any more."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Stop the clock, and raise what comes on the way out: a frame cut in the middle would garble the pipe."""
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        self._held_back += 1
        try:
            yield
        finally:
            self._held_back -= 1
            if left:
                signal.setitimer(signal.ITIMER_REAL, left)
            if self._pending is not None and not self._held_back:
                pending, self._pending = self._pending, None
                raise pending

    def _interrupt(self, interrupted: Interrupted) -> None:
        self.ignore()  # a second one must not disturb what the first one makes the run do
        if not self._held_back:
            raise interrupted
        self._pending = interrupted


class Outbox:
    """Numbers events and sends them; the clock of the run stands still while the parent is not ready to take more."""

    def __init__(self, connection: Connection, first_sequence: int, interruptions: Interruptions) -> None:
        self._connection, self._interruptions = connection, interruptions
        self._sequence = first_sequence
        self._bytes = 0

    def send(self, event: run_pb2.RunEvent) -> None:
        """Send one event; blocks while the pipe is full, which is how a store outage pauses the run."""
        event.sequence = self._sequence
        frame = event.SerializeToString()
        self._bytes += len(frame)
        if self._bytes > MAX_RUN_BYTES and not event.HasField("finished"):
            raise ResultTooLarge(f"the events of the run are larger than {MAX_RUN_BYTES >> 20} MiB")
        with self._interruptions.held_back():
            self._connection.send_bytes(frame)
            self._sequence += 1  # in here: an interruption that was held back is raised on the way out


def main(connection: Connection) -> None:
    """Get ready, then execute the jobs that come down the pipe."""
    from engine_service import preload  # importing it does the fork server's work

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the whole group; the parent decides
    preload.get_ready()
    with connection:
        while True:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the job before ignores it; a cancel must not be lost before this one obeys
            try:
                job: Job = connection.recv()
            except EOFError:
                return
            if job.spends_worker(execute(connection, job)):
                return


def execute(connection: Connection, job: Job) -> run_pb2.RunFinished:
    """Execute a job and send its events; the last one, which is returned too, is always RunFinished."""
    interruptions = Interruptions()
    outbox = Outbox(connection, job.first_sequence, interruptions)
    started = time.perf_counter()
    ledger = Ledger()
    spec = run_pb2.RunSpec.FromString(job.spec)
    _limit_memory(job.memory_bytes)
    try:
        try:
            interruptions.obey(job.timeout_seconds)
            finished = _execute(spec, job, ledger, outbox, interruptions)
        finally:
            interruptions.ignore()
    except BaseException as error:  # noqa: BLE001 - the border of the process: the run must end with an event, whatever happened
        finished = _failure(error, ledger)
    finished.execution_seconds = time.perf_counter() - started
    finished.session_count = ledger.session_count
    if finished.ByteSize() > MAX_FINISHED_BYTES:
        finished.ClearField("round_trips")
        finished.ClearField("metrics")
        finished.ClearField("result_digest")
        finished.state = run_pb2.RUN_STATE_FAILED
        finished.error.reason = "RESULT_TOO_LARGE"
        finished.error.message = f"the round trips of the run are larger than {MAX_FINISHED_BYTES >> 20} MiB: make it shorter"
    finished.engine_kind = finished.engine_kind or job.engine_kind
    outbox.send(run_pb2.RunEvent(finished=finished))
    return finished


def _execute(spec: run_pb2.RunSpec, job: Job, ledger: Ledger, outbox: Outbox, interruptions: Interruptions) -> run_pb2.RunFinished:
    from engine_service import simulation

    strategy = strategies_of(job.plugins).get(spec.strategy)
    if strategy is None:  # of a run that another engine began
        return _failed("STRATEGY_NOT_INSTALLED", f"strategy {spec.strategy!r} is not installed in the engine that took the run over")
    dataset = catalogue_of(job.data_dir).version(spec.dataset, spec.dataset_fingerprint)
    if dataset is None:
        return _failed("DATASET_GONE", f"dataset {spec.dataset!r} was removed while the run waited")
    engine_kind = job.engine_kind
    try:
        _send_sessions(simulation.simulate(spec, strategy, dataset, engine_kind), ledger, outbox, interruptions)
    except simulation.BeyondKernel:  # before the first session
        engine_kind = ZIPLINE
        _send_sessions(simulation.simulate(spec, strategy, dataset, engine_kind), ledger, outbox, interruptions)
    finished = ledger.finish(spec, dataset)
    finished.engine_kind = engine_kind
    return finished


def _send_sessions(sessions: Generator[SessionFacts, None, None], ledger: Ledger, outbox: Outbox, interruptions: Interruptions) -> None:
    batcher = SessionBatcher()
    try:
        for facts in sessions:
            ledger.add(facts)
            for batch in batcher.add(facts):
                outbox.send(run_pb2.RunEvent(sessions=batch))
    finally:
        # Also when the run fails or is cancelled: what it had produced is kept.
        sessions.close()
        with interruptions.held_back():
            for batch in batcher.flush():
                outbox.send(run_pb2.RunEvent(sessions=batch))


@cache
def catalogue_of(data_dir: Path) -> Catalogue:
    """The datasets on disk; what was read of them is kept from job to job."""
    return Catalogue(data_dir)


@cache
def strategies_of(plugins: frozenset[str]) -> dict[str, Strategy]:
    """What may run, by name, loaded once."""
    return load_strategies(plugins)


def _failure(error: BaseException, ledger: Ledger) -> run_pb2.RunFinished:
    from engine_service import simulation

    session_date, message = ledger.last_session_date, str(error)
    match error:
        case MemoryError() | simulation.StrategyFailed(__cause__=MemoryError()):
            reason, message = "OUT_OF_MEMORY", "the run needed more memory than a worker may use (TAPEDECK_WORKER_MEMORY_MB)"
        case Interrupted():
            finished = _failed(error.reason, message, session_date)
            finished.state = error.state
            return finished
        case simulation.StrategyFailed():
            reason, session_date = "STRATEGY_FAILED", error.session_date
        case simulation.LookAhead():
            reason, session_date = "LOOK_AHEAD", ""
        case Undefined():
            reason = "STRATEGY_FAILED"
        case ResultTooLarge():
            reason = "RESULT_TOO_LARGE"
        case _:
            sys.excepthook(type(error), error, error.__traceback__)
            reason, message = "INTERNAL", "the simulation broke; the engine's log has the details"
    return _failed(reason, message, session_date)


def _failed(reason: str, message: str, session_date: str = "") -> run_pb2.RunFinished:
    error = run_pb2.RunError(reason=reason, message=message, session_date=session_date)
    return run_pb2.RunFinished(state=run_pb2.RUN_STATE_FAILED, error=error)


def _limit_memory(allowance_bytes: int) -> None:
    """Let the address space grow by the allowance from what the worker has before the job."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + allowance_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)  # left as it is: the next job has a limit of its own
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
