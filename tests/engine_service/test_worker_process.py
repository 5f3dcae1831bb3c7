"""Workers as their parent sees them: they are gone when they are closed, whatever was going on."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import pytest

from engine_service.job import ZIPLINE, Job
from engine_service.worker_process import WorkerLost, WorkerProcess
from tapedeck.v1 import run_pb2
from tests.fix_engine import ALLOWED, MakeStarted, eventually

MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(make_run: MakeStarted, data_dir: Path, fork_server: None) -> MakeJob:
    def make(strategy: str = "buy_and_hold", **parameters: float) -> Job:
        spec = make_run(strategy, **parameters).spec.SerializeToString()
        return Job(
            spec, data_dir, ALLOWED, first_sequence=2, timeout_seconds=60, memory_bytes=1 << 30, engine_kind=ZIPLINE, is_built_in=True
        )

    return make


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def started(job: Job) -> tuple[WorkerProcess, int]:
    before = {child.pid for child in multiprocessing.active_children()}
    worker = await WorkerProcess.start()
    worker.begin(job)
    (pid,) = {child.pid for child in multiprocessing.active_children()} - before
    assert pid is not None
    return worker, pid


async def test_a_worker_sends_its_events_and_leaves_nothing_open(make_job: MakeJob) -> None:
    files = open_files()
    for _ in range(3):
        worker, _ = await started(make_job())
        events = [event async for event in worker.events(60)]
        await worker.close()
        assert [event.sequence for event in events] == [2, 3, 4]
        assert events[-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED
    await eventually(lambda: open_files() <= files)
    assert multiprocessing.active_children() == []


async def test_an_interrupted_worker_ends_with_what_it_had(make_job: MakeJob) -> None:
    worker, _ = await started(make_job("slow", seconds_per_session=0.01))
    events = []
    async for event in worker.events(60):
        events.append(event)
        worker.interrupt()
    await worker.close()
    assert events[-1].finished.state == run_pb2.RUN_STATE_CANCELLED
    assert [event.sequence for event in events] == list(range(2, 2 + len(events)))


async def test_an_interruption_after_the_end_does_nothing(make_job: MakeJob) -> None:
    worker, _ = await started(make_job())
    async for _ in worker.events(60):
        pass
    await worker.close()
    worker.interrupt()


async def test_closing_a_worker_that_runs_kills_it(make_job: MakeJob) -> None:
    worker, pid = await started(make_job("endless"))
    await worker.close()
    assert not is_alive(pid)


async def test_a_worker_that_ends_without_its_last_event_is_lost(make_job: MakeJob) -> None:
    worker, pid = await started(make_job("endless"))
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerLost, match="SIGKILL"):
        await anext(worker.events(60))
    await worker.close()


async def test_a_worker_that_obeys_no_limit_is_killed(make_job: MakeJob) -> None:
    worker, pid = await started(make_job("endless"))
    with pytest.raises(WorkerLost) as lost:
        await anext(worker.events(-3.0))
    assert lost.value.reason == "RUN_TIMEOUT"
    await worker.close()
    assert not is_alive(pid)


async def test_whoever_gives_up_while_a_worker_starts_leaves_none_behind(fork_server: None) -> None:
    files = open_files()
    starting = asyncio.create_task(WorkerProcess.start())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert multiprocessing.active_children() == []
    await eventually(lambda: open_files() <= files)


async def test_a_worker_whose_fork_server_died_is_killed_when_it_is_closed(make_job: MakeJob) -> None:
    worker, pid = await started(make_job("endless"))
    fork_server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    os.kill(fork_server, signal.SIGKILL)
    await eventually(lambda: not is_alive(fork_server))
    assert is_alive(pid)
    await worker.close()
    await eventually(lambda: not is_alive(pid))
    # The next start brings a new one up.
    again, _ = await started(make_job())
    assert [event.sequence async for event in again.events(60)] == [2, 3, 4]
    await again.close()
