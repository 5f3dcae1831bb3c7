"""Shards come back the same from local processes and from a Dask cluster, also when a process dies on the way."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from engine_service.sweeps import executors, shard
from engine_service.sweeps.executors import DaskCluster, LocalProcesses, ShardExecutor, ShardLost, executor_of
from engine_service.sweeps.recording import SweepRecorder
from engine_service.sweeps.shard import Shard, ShardResults
from engine_service.sweeps.sweep_runner import SweepRunner, Wishes
from tapedeck.v1 import run_pb2, sweep_pb2
from tests.engine_service.sweeps.conftest import MEMORY_BYTES, MakePlan
from tests.fix_engine import ALLOWED
from tests.fix_pair import free_addresses

no_recorder = cast(SweepRecorder, None)  # for sweeps that are not saved


async def no_promotion(_spec: run_pb2.RunSpec, _engine: run_pb2.EngineChoice, _link: run_pb2.SweepLink) -> str:
    raise AssertionError("nobody asked for a run")


ROOT = Path(__file__).parents[3]


@contextmanager
def child(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that sees the project; killed on the way out."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "protos", ROOT / "tests" / "plugin")))}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two worker processes; gives its address and the workers."""
    (address,) = free_addresses(1)
    host, _, port = address.rpartition(":")
    with ExitStack() as stack:
        stack.enter_context(child("distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"))
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", host, "--memory-limit", "0")
        yield address, [stack.enter_context(child("distributed.cli.dask_worker", f"tcp://{address}", *options)) for _ in range(2)]


async def two_workers(executor: ShardExecutor) -> None:
    """Return when both have said that they are there."""
    while await executor.width() < 2:  # noqa: ASYNC110 - the cluster says nothing by itself
        await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def dask(data_dir: Path) -> AsyncIterator[tuple[DaskCluster, list[subprocess.Popen[bytes]]]]:
    """An executor on a cluster whose workers are both there."""
    with cluster() as (address, workers):
        executor = DaskCluster(address)
        await executor.open()
        await two_workers(executor)
        yield executor, workers
        await executor.close()


def shards_of(make_plan: MakePlan, data_dir: Path, **changes: object) -> list[Shard]:
    """One run in each."""
    (whole,) = make_plan(grid={"fast": [5, 10, 15, 19], "slow": [20, 50, 80]}, **changes).shards(data_dir, ALLOWED)
    return [replace(whole, combinations=[each], checks_look_ahead=False) for each in whole.combinations]


async def all_of(executor: ShardExecutor, shards: list[Shard]) -> list[ShardResults]:
    return list(await asyncio.gather(*map(executor.execute, shards)))


async def test_a_cluster_and_local_processes_come_to_the_same_bytes(
    make_plan: MakePlan, data_dir: Path, processes: LocalProcesses, dask: tuple[DaskCluster, object]
) -> None:
    shards = shards_of(make_plan, data_dir)
    here = [shard.execute(each) for each in shards]
    assert await all_of(processes, shards) == here
    assert await all_of(dask[0], shards) == here
    assert await processes.width() == 2


async def test_a_sweep_is_the_same_to_the_last_byte_wherever_it_is_executed(
    make_plan: MakePlan,
    data_dir: Path,
    processes: LocalProcesses,
    dask: tuple[DaskCluster, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine_service.sweeps.sweep_spec.CELLS_PER_SHARD", 1_000)
    plan = make_plan(spec={"symbols": ["GOOG", "IBM"]}, grid={"fast": [5, 10, 15, 19], "slow": [20, 50, 80]})
    wishes = Wishes(save=False, omit_batches=False, promote=no_promotion)
    told = []
    for executor in (processes, dask[0]):
        runner = SweepRunner(executor, no_recorder, data_dir, ALLOWED)
        answers = [answer async for answer in runner.run(plan, sweep_pb2.SweepStarted(sweep_id="the-same"), wishes)]
        for answer in answers[-1:]:
            answer.finished.ClearField("execution_seconds")
        told.append([answer.SerializeToString(deterministic=True) for answer in answers])
    assert len(told[0]) > 10
    assert told[0] == told[1]


async def test_a_process_that_is_killed_in_the_middle_changes_nothing(
    make_plan: MakePlan, data_dir: Path, processes: LocalProcesses
) -> None:
    shards = [replace(each, engine_kind="zipline") for each in shards_of(make_plan, data_dir)]
    coming = asyncio.create_task(all_of(processes, shards))
    first = asyncio.create_task(processes.execute(shards[0]))
    await first
    os.kill(min(processes._pids), signal.SIGKILL)
    assert await coming == [shard.execute(replace(each, engine_kind="kernel")) for each in shards]


async def test_a_worker_of_the_cluster_that_is_killed_in_the_middle_changes_nothing(make_plan: MakePlan, data_dir: Path) -> None:
    shards = [replace(each, engine_kind="zipline") for each in shards_of(make_plan, data_dir)]
    with cluster() as (address, workers):
        executor = DaskCluster(address)
        await executor.open()
        try:
            await two_workers(executor)
            coming = [asyncio.create_task(executor.execute(each)) for each in shards]
            await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
            workers[0].kill()
            assert list(await asyncio.gather(*coming)) == [shard.execute(replace(each, engine_kind="kernel")) for each in shards]
            assert await executor.width() == 1
        finally:
            await executor.close()


async def test_a_shard_whose_process_dies_every_time_is_given_up(fork_server: None, make_plan: MakePlan, data_dir: Path) -> None:
    (whole,) = make_plan("eats_memory", grid={"weight": [0.5]}).shards(data_dir, ALLOWED)
    pool = LocalProcesses(1, MEMORY_BYTES)
    await pool.open()
    try:
        lost = asyncio.create_task(pool.execute(whole))
        while not lost.done():
            for pid in pool._pids:
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.2)
        with pytest.raises(ShardLost):
            await lost
        (fine,) = make_plan(grid={"fast": [5]}).shards(data_dir, ALLOWED)
        assert (await pool.execute(fine)).count == 1
    finally:
        await pool.close()


async def test_a_closed_pool_leaves_no_process(fork_server: None) -> None:
    pool = LocalProcesses(2, MEMORY_BYTES)
    await pool.open()
    pids = set(pool._pids)
    assert len(pids) == 2
    await pool.close()
    assert not pids & {each.pid for each in multiprocessing.active_children()}


async def test_a_run_that_needs_too_much_memory_is_a_failure(fork_server: None, make_plan: MakePlan, data_dir: Path) -> None:
    (whole,) = make_plan("eats_memory", grid={"weight": [0.5]}).shards(data_dir, ALLOWED)
    pool = LocalProcesses(1, 512 << 20)
    await pool.open()
    try:
        came = await pool.execute(whole)
    finally:
        await pool.close()
    assert (came.count, came.failed_count) == (0, 1)
    assert b"OUT_OF_MEMORY" in came.first_failure


async def test_a_cluster_that_is_not_there_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "CONNECT_SECONDS", 0.3)
    (address,) = free_addresses(1)
    with pytest.raises(RuntimeError, match="no Dask scheduler answers"):
        await DaskCluster(address).open()


async def test_a_missing_library_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RuntimeError, match="not installed"):
        await DaskCluster("127.0.0.1:1").open()


def test_the_setting_says_where_shards_are_executed() -> None:
    assert isinstance(executor_of("processes", 2, MEMORY_BYTES), LocalProcesses)
    assert isinstance(executor_of("dask://scheduler:8786", 2, MEMORY_BYTES), DaskCluster)
