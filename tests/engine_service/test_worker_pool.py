"""The pool of workers: one is ready before it is needed, kernel runs share theirs, and nothing outlives the pool."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine_service.job import KERNEL, ZIPLINE, Job
from engine_service.live_run import LiveRun
from engine_service.worker_pool import WorkerPool
from engine_service.worker_process import WorkerLost
from tapedeck.v1 import run_pb2
from tests.fix_engine import ALLOWED, MakeStarted, eventually

Execute = Callable[..., object]


@pytest.fixture
async def pool(fork_server: None) -> AsyncIterator[WorkerPool]:
    made = WorkerPool(1)
    yield made
    await made.close()
    assert multiprocessing.active_children() == []


@pytest.fixture
def make_job(make_run: MakeStarted, data_dir: Path) -> Callable[..., Job]:
    def make(strategy: str = "buy_and_hold", *, engine_kind: str = ZIPLINE, is_built_in: bool = True, **parameters: float) -> Job:
        spec = make_run(strategy, **parameters).spec.SerializeToString()
        return Job(spec, data_dir, ALLOWED, 2, 60, 1 << 30, engine_kind, is_built_in=is_built_in)

    return make


def pids() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid is not None}


async def execute(pool: WorkerPool, run: LiveRun, job: Job) -> run_pb2.RunFinished:
    async with pool.worker(run, job) as worker:
        events = [event async for event in worker.events(60)]
    return events[-1].finished


async def test_a_worker_is_ready_before_it_is_needed(pool: WorkerPool, make_run: MakeStarted, make_job: Callable[..., Job]) -> None:
    pool.prepare()
    await eventually(lambda: len(pids()) == 1)
    (ready,) = pids()
    run = LiveRun(make_run("endless"))
    async with pool.worker(run, make_job("endless")):
        await eventually(lambda: len(pids()) == 2)  # the next one gets ready meanwhile
        assert ready in pids()
    await eventually(lambda: ready not in pids())
    assert len(pids()) == 1


async def test_a_worker_that_died_while_it_waited_is_replaced(
    pool: WorkerPool, make_run: MakeStarted, make_job: Callable[..., Job]
) -> None:
    pool.prepare()
    await eventually(lambda: len(pids()) == 1)
    (ready,) = pids()
    os.kill(ready, signal.SIGKILL)
    await eventually(lambda: ready not in pids())
    assert (await execute(pool, LiveRun(make_run()), make_job())).state == run_pb2.RUN_STATE_SUCCEEDED


@pytest.mark.parametrize(("engine_kind", "is_built_in", "shared"), [(KERNEL, True, True), (KERNEL, False, False), (ZIPLINE, True, False)])
async def test_only_kernel_runs_of_our_own_strategies_share_a_worker(
    pool: WorkerPool, make_run: MakeStarted, make_job: Callable[..., Job], engine_kind: str, *, is_built_in: bool, shared: bool
) -> None:
    pool.prepare()
    await eventually(lambda: len(pids()) == 1)
    first = pids()
    digests = set()
    for _ in range(2):
        finished = await execute(pool, LiveRun(make_run()), make_job(engine_kind=engine_kind, is_built_in=is_built_in))
        assert finished.engine_kind == engine_kind
        digests.add(finished.result_digest)
    await eventually(lambda: (first <= pids()) == shared)
    assert len(digests) == 1


async def test_a_kernel_run_that_was_cut_short_spends_its_worker(
    pool: WorkerPool, make_run: MakeStarted, make_job: Callable[..., Job]
) -> None:
    run = LiveRun(make_run())
    async with pool.worker(run, make_job(engine_kind=KERNEL)) as worker:
        before = pids()
        run.cancel()
        try:
            events = [event async for event in worker.events(60)]
        except WorkerLost:
            events = []
    assert not events or events[-1].finished.state in {run_pb2.RUN_STATE_CANCELLED, run_pb2.RUN_STATE_SUCCEEDED}
    await eventually(lambda: not before <= pids())


async def test_a_cancel_ends_the_wait_for_a_worker(pool: WorkerPool, make_run: MakeStarted, make_job: Callable[..., Job]) -> None:
    async with pool.worker(LiveRun(make_run("endless")), make_job("endless")):
        assert not pool.has_room
        waits = LiveRun(make_run())
        waits.cancel()
        with pytest.raises(WorkerLost, match="before it began"):
            await execute(pool, waits, make_job())
    await eventually(lambda: pool.has_room)
