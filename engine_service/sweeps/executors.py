"""Where shards are executed: a pool of local processes, or a Dask cluster. The same shards give the same bytes anywhere.

Both are `concurrent.futures.Executor`s. A shard whose process died is executed again: by the pool built anew here, by the scheduler there.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import structlog

from engine_service.sweeps.shard import Shard, ShardResults, execute

TRIES = 4
"""How often a shard is executed when its process dies each time: the first death may be another shard's fault, the fourth is its own."""

SHARDS_AHEAD = 8
"""Shards for each process that are handed over or done before their turn: no process waits, and memory stays flat."""

START_SECONDS = 120.0
"""How long the processes of a pool may take to start: some tenths of a second, a minute when everything must be compiled first."""

CONNECT_SECONDS = 15.0
"""How long a Dask scheduler may take to answer at the start."""

DASK = "dask://"
"""What TAPEDECK_EXECUTOR starts with when it names a scheduler."""

_log = structlog.get_logger("sweeps")


class ShardLost(Exception):
    """A shard could not be executed: every process that tried it died, or the cluster is away."""


class ShardExecutor(Protocol):
    """Executes shards in other processes."""

    async def open(self) -> None:
        """Start, or connect; what compiles, compiles now.

        Raises:
            RuntimeError: that is not possible; the text says why.
        """

    async def width(self) -> int:
        """How many shards are executed at once."""

    async def execute(self, shard: Shard) -> ShardResults:
        """Execute a shard; when the caller is cancelled and it has not begun, it never does.

        Raises:
            ShardLost: see there.
        """

    async def close(self) -> None:
        """Let go of everything."""


class LocalProcesses:
    """A pool of processes forked off the engine's fork server, which has loaded and compiled everything."""

    def __init__(self, processes: int, memory_bytes: int) -> None:
        self._processes, self._memory_bytes = processes, memory_bytes
        self._pool: ProcessPoolExecutor | None = None
        self._pids: frozenset[int] = frozenset()
        self._building = asyncio.Lock()
        # No more shards are handed to the pool than it has places for: one that waits there can't be taken back, and a pool whose process
        # dies does not survive meeting one that was.
        self._places = asyncio.Semaphore(processes + 1)

    async def open(self) -> None:
        """Start all processes."""
        try:
            await self._build(None)
        except BrokenExecutor as error:
            raise RuntimeError("the processes that execute sweeps end at once") from error

    async def width(self) -> int:
        """The number of processes."""
        return self._processes

    async def execute(self, shard: Shard) -> ShardResults:
        """Execute a shard, again when its process dies."""
        async with self._places:
            for _ in range(TRIES):
                pool = self._pool
                try:
                    if pool is not None:
                        return await asyncio.wrap_future(pool.submit(execute, shard))
                except BrokenExecutor:
                    pass
                with contextlib.suppress(BrokenExecutor):
                    await self._build(pool)
        raise ShardLost("the process that executed a part of the sweep ended without a result, again and again")

    async def close(self) -> None:
        """End all processes, whatever they do."""
        async with self._building:
            await asyncio.to_thread(self._end)

    async def _build(self, broken: ProcessPoolExecutor | None) -> None:
        """Put a new pool in the place of one that is broken, unless somebody has done so already."""
        async with self._building:
            if self._pool is broken:
                if broken is not None:
                    _log.warning("a process that executed shards died; new ones are started")
                await asyncio.to_thread(self._start)

    def _start(self) -> None:
        self._end()
        context = multiprocessing.get_context("forkserver")
        meeting = context.Barrier(self._processes)
        self._pool = ProcessPoolExecutor(self._processes, context, initializer=_prepare, initargs=(self._memory_bytes, meeting.wait))
        # A process is started when there is work and no idle one; none is idle before all have started.
        self._pids = frozenset(future.result() for future in [self._pool.submit(_meet) for _ in range(self._processes)])

    def _end(self) -> None:
        for child in multiprocessing.active_children():
            if child.pid in self._pids:
                child.kill()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._pids = None, frozenset()


_meetings: list[Callable[[float], object]] = []
"""In a process of a pool: what waits until all of them have started."""


def _prepare(memory_bytes: int, wait: Callable[[float], object]) -> None:
    """Runs in each process of the pool, first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the whole group; the parent decides
    threading.Thread(target=_follow_parent, daemon=True).start()
    _meetings.append(wait)
    _warm()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _follow_parent() -> None:
    """End with the engine, however it ends: the queue that shards come from stays open without it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _meet() -> int:
    """Wait for all other processes of the pool; returns the process id."""
    _meetings[0](START_SECONDS)
    return os.getpid()


def _warm() -> None:
    from engine_service.sweeps import computing

    computing.warm()


class DaskCluster:
    """The workers of a Dask cluster. They need the project with its engine extra, and the data directory at the same path."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Any = None
        self._executor: Executor | None = None

    async def open(self) -> None:
        """Connect to the scheduler."""
        await asyncio.to_thread(self._connect)

    def _connect(self) -> None:
        try:
            import distributed
        except ImportError:
            raise RuntimeError("TAPEDECK_EXECUTOR names a Dask scheduler, but distributed is not installed: tapedeck[dask]") from None
        try:
            self._client = distributed.Client(f"tcp://{self._address}", timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise RuntimeError(f"no Dask scheduler answers at {self._address}") from error
        self._client.run(_warm)
        self._executor = self._client.get_executor(pure=False)

    async def width(self) -> int:
        """Threads of all workers that are connected now; at least 1, as workers may come later."""
        threads: dict[str, int] = await asyncio.to_thread(self._client.nthreads)
        return max(1, sum(threads.values()))

    async def execute(self, shard: Shard) -> ShardResults:
        """Execute a shard; the scheduler hands it to another worker when its own dies."""
        assert self._executor is not None
        try:
            return await asyncio.wrap_future(self._executor.submit(execute, shard))
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            raise ShardLost(f"the Dask cluster at {self._address} was lost") from None
        except Exception as error:  # the cluster's own: shards return what goes wrong in them
            raise ShardLost(f"the Dask cluster at {self._address} could not execute a part of the sweep: {type(error).__name__}") from error

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await asyncio.to_thread(self._client.close)
            self._client = self._executor = None


def executor_of(setting: str, processes: int, memory_bytes: int) -> ShardExecutor:
    """What a setting names: "processes", or "dask://HOST:PORT"."""
    if setting.startswith(DASK):
        return DaskCluster(setting.removeprefix(DASK))
    return LocalProcesses(processes, memory_bytes)
