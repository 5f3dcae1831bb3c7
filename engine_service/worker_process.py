"""The parent's side of a worker: start it, hand it a job, read its events, interrupt it, and make sure that it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import socket
import struct
from collections.abc import AsyncIterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import structlog

from engine_service.job import Job, report_preload, work
from tapedeck.v1 import run_pb2

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""No event is larger (tapedeck_rpc.channel.MAX_MESSAGE_BYTES)."""

KILL_GRACE_SECONDS = 3.0
"""How long a worker may take to obey an interruption before it is killed: a C-level loop never does."""

EXIT_SECONDS = 0.5
"""How long a worker may take to exit after its last event, or to notice that nobody listens any more."""

FORK_SERVER_LOST = 255
"""Exit code of a worker whose fork server died; it may still run. The next start brings a new fork server up."""

START_TRIES = 3
"""A fork server that was killed is noticed at the first try, or at the second when it is still dying; the next one brings a new one up."""

START_AGAIN_SECONDS = 0.1
"""Pause between them: a killed process is gone by then."""

_HEADER = struct.Struct("!i")
"""multiprocessing.Connection puts the length of a message in front of it, in four bytes."""

_context = multiprocessing.get_context("forkserver")
_log = structlog.get_logger("worker")


class WorkerLost(Exception):
    """The worker ended, or was ended, before its last event; the text says how."""

    def __init__(self, message: str, *, reason: str = "WORKER_LOST") -> None:
        super().__init__(message)
        self.reason = reason


class WorkerProcess:
    """One child process that executes one job at a time. Use `start` and, whatever happens, `close`."""

    def __init__(self, process: ForkServerProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._pid = process.pid
        self._kill_timer: asyncio.TimerHandle | None = None
        self._interrupted = self._closed = False
        self._job: Job | None = None

    @classmethod
    async def start(cls) -> WorkerProcess:
        """Fork a worker off the fork server, or off a new one when it died: about 20 ms once that runs. It gets ready by itself.

        Raises:
            WorkerLost: no fork server stays alive.
        """
        for _ in range(START_TRIES - 1):
            try:
                return await cls._start_once()
            except WorkerLost:
                await asyncio.sleep(START_AGAIN_SECONDS)
        return await cls._start_once()

    @classmethod
    async def _start_once(cls) -> WorkerProcess:
        ours, theirs = _context.Pipe()
        process = _context.Process(target=work, args=(theirs,), daemon=True)
        with ours:
            with theirs:
                await _start(process)
            end = socket.socket(fileno=os.dup(ours.fileno()))
        try:
            reader, writer = await asyncio.open_connection(sock=end)
        except asyncio.CancelledError:
            end.close()
            await asyncio.to_thread(_end, process)
            raise
        return cls(process, reader, writer)

    @property
    def is_idle(self) -> bool:
        """Whether it lives and waits for a job."""
        return self._job is None and not self._closed and not multiprocessing.connection.wait([self._process.sentinel], 0)

    def begin(self, job: Job) -> None:
        """Hand it a job; it must be idle."""
        self._job = job
        frame = pickle.dumps(job)
        self._writer.write(_HEADER.pack(len(frame)) + frame)

    async def events(self, limit_seconds: float) -> AsyncIterator[run_pb2.RunEvent]:
        """Yield the events of its job up to RunFinished.

        Args:
            limit_seconds: How long to wait for the worker in total. Time that the consumer of this iterator takes does not count.

        Raises:
            WorkerLost: the worker ended without RunFinished.
        """
        loop = asyncio.get_running_loop()
        left = limit_seconds + KILL_GRACE_SECONDS
        while True:
            before = loop.time()
            try:
                async with asyncio.timeout(max(left, 0)):
                    event = await self._read()
            except TimeoutError:
                self._kill()
                raise WorkerLost(f"the run did not stop at its limit of {limit_seconds:g} s and was killed", reason="RUN_TIMEOUT") from None
            except (asyncio.IncompleteReadError, ConnectionError):
                raise WorkerLost(await self._cause_of_death()) from None
            left -= loop.time() - before
            if not event.HasField("finished"):
                yield event
                continue
            if self._job is not None and not self._job.spends_worker(event.finished) and not self._interrupted:
                self._job = None
            yield event
            return

    async def _read(self) -> run_pb2.RunEvent:
        (length,) = _HEADER.unpack(await self._reader.readexactly(_HEADER.size))
        if not 0 <= length <= MAX_FRAME_BYTES:
            raise ConnectionError("the worker sent something that is no event")
        return run_pb2.RunEvent.FromString(await self._reader.readexactly(length))

    def interrupt(self) -> None:
        """Ask the worker to end the run as cancelled; kill it if it does not obey. Nothing when it has no job."""
        if self._interrupted or self._closed or self._job is None:
            return
        self._interrupted = True
        self._signal(signal.SIGTERM)
        self._kill_timer = asyncio.get_running_loop().call_later(KILL_GRACE_SECONDS, self._kill)

    async def close(self) -> None:
        """Kill the worker if it still runs, and reap it."""
        self._closed = True
        if self._kill_timer:
            self._kill_timer.cancel()
        self._writer.close()
        if not await self._exited(within_seconds=EXIT_SECONDS):
            self._kill()
            await self._exited(within_seconds=KILL_GRACE_SECONDS)
        if self._process.exitcode == FORK_SERVER_LOST:
            self._kill()
        if self._process.exitcode is not None:
            self._process.close()

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._pid is not None:
                os.kill(self._pid, number)

    async def _exited(self, *, within_seconds: float) -> bool:
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, gone.set)
        try:
            async with asyncio.timeout(within_seconds):
                await gone.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join(0)
        return True

    async def _cause_of_death(self) -> str:
        await self._exited(within_seconds=KILL_GRACE_SECONDS)
        code = self._process.exitcode
        if code == FORK_SERVER_LOST:
            return "the process that starts workers was lost"
        if code is not None and code < 0:
            return f"the worker process was ended by {signal.Signals(-code).name}"
        return f"the worker process ended with exit code {code}"


async def _start(process: ForkServerProcess) -> None:
    """Start it, off the event loop; whoever is cancelled meanwhile leaves no process behind."""
    starting = asyncio.ensure_future(asyncio.to_thread(process.start))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        if starting.exception() is None:
            await asyncio.to_thread(_end, process)
        raise
    except (OSError, EOFError):
        _log.exception("no worker could be started")
        raise WorkerLost("the process that starts workers was lost") from None


def _end(process: ForkServerProcess) -> None:
    process.kill()
    process.join()
    process.close()


async def start_fork_server(data_dir: Path) -> None:
    """Start the fork server with everything preloaded, which takes some seconds, and check that it is.

    Raises:
        RuntimeError: what a run needs could not be loaded; the text says why.
    """
    os.environ["TAPEDECK_DATA_DIR"] = str(data_dir)  # the preload module runs in a process that nothing can be passed to
    _context.set_forkserver_preload(["engine_service.preload"])
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=report_preload, args=(theirs,), daemon=True)
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        problem = await asyncio.to_thread(ours.recv)
    except EOFError:
        problem = "the first worker ended at once"
    finally:
        ours.close()
        await asyncio.to_thread(process.join)
    if problem:
        raise RuntimeError(problem)
    _log.info("fork server ready")
