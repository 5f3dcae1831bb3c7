"""Room for workers: so many runs at once, and a worker that is ready before it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine_service.job import Job
from engine_service.live_run import LiveRun
from engine_service.worker_process import WorkerLost, WorkerProcess


class WorkerPool:
    """Owns every worker. A run does not wait for a fork, nor for the end of the process that executed it: both happen in the background."""

    def __init__(self, size: int) -> None:
        """`size` is how many jobs are executed at once."""
        self._size = size
        self._slots = asyncio.Semaphore(size)
        self._idle: list[WorkerProcess] = []
        self._preparing: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        """Whether the next job would not have to wait."""
        return not self._slots.locked()

    def prepare(self) -> None:
        """Have a worker get ready, unless one is."""
        if self._preparing is None and not self._idle:
            self._preparing = asyncio.create_task(self._add_worker())
            self._preparing.add_done_callback(self._prepared)

    @asynccontextmanager
    async def worker(self, run: LiveRun, job: Job) -> AsyncIterator[WorkerProcess]:
        """A worker that executes the job, as soon as there is room for one; a cancel of the run interrupts it.

        Raises:
            WorkerLost: the run was cancelled while it waited, or no worker can be started.
        """
        await self._slot(run)
        try:
            worker = await self._take()
        except BaseException:
            self._slots.release()
            raise
        worker.begin(job)
        try:
            with run.when_cancelled(worker.interrupt):
                yield worker
        finally:
            self._leave(worker)

    async def close(self) -> None:
        """End every worker; nobody uses one any more."""
        if self._preparing is not None:
            await asyncio.wait([self._preparing])
        for worker in self._idle:
            self._retire(worker)
        await asyncio.gather(*self._retiring)

    async def _slot(self, run: LiveRun) -> None:
        waiting = asyncio.ensure_future(self._slots.acquire())
        with run.when_cancelled(waiting.cancel):
            try:
                await waiting
            except asyncio.CancelledError:
                if run.cancelled:
                    raise WorkerLost("the run was cancelled before it began") from None
                raise

    async def _take(self) -> WorkerProcess:
        while True:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_idle:
                    self.prepare()
                    return worker
                self._retire(worker)  # it died while it waited
            self.prepare()
            assert self._preparing is not None
            await asyncio.shield(self._preparing)

    async def _add_worker(self) -> None:
        self._idle.append(await WorkerProcess.start())

    def _prepared(self, task: asyncio.Task[None]) -> None:
        self._preparing = None
        if not task.cancelled():
            task.exception()  # whoever waits for it hears of it; when nobody does, the next one tries again

    def _leave(self, worker: WorkerProcess) -> None:
        if worker.is_idle and len(self._idle) <= self._size:  # one more is the one that is ready beforehand
            self._idle.append(worker)
            self._slots.release()
        else:
            self._retire(worker).add_done_callback(lambda _: self._slots.release())

    def _retire(self, worker: WorkerProcess) -> asyncio.Task[None]:
        closing = asyncio.create_task(worker.close())
        self._retiring.add(closing)
        closing.add_done_callback(self._retiring.discard)
        return closing
