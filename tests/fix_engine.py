"""The engine's inside with real parts: forked workers, and the real RecordService on a port of this process that can go away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from engine_service.datasets import Catalogue
from engine_service.live_run import LiveRun
from engine_service.recorder import Recorder
from engine_service.run_ids import new_run_id
from engine_service.run_spec import plan
from engine_service.runner import Limits, Runner
from engine_service.strategies import load_strategies
from engine_service.worker_process import start_fork_server
from store_service.database import Database
from store_service.recording.servicer import RecordServicer
from store_service.recording.store import RecordingStore
from store_service.sweeps.recording import SweepRecording
from tapedeck.v1 import record_service_pb2_grpc, run_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.interceptors import server_interceptors
from tests.fix_plugins import PLUGINS
from tests.fix_runs import make_started
from tests.fix_strategies import strategies_of

ALLOWED = frozenset(PLUGINS.split(","))
LONG_LEASE_SECONDS = 30.0


class RecordPort:
    """The real RecordService; it is stopped and started on the same port, as a restarted process would be."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._server: grpc.aio.Server | None = None
        self.address = "127.0.0.1:0"
        self.store = RecordingStore(database, lease_seconds=LONG_LEASE_SECONDS)

    async def start(self) -> None:
        """Serve."""
        self._server = grpc.aio.server(interceptors=server_interceptors(), options=[("grpc.so_reuseport", 0)])
        servicer = RecordServicer(self.store, SweepRecording(self._database), strategies_of(self._database))
        record_service_pb2_grpc.add_RecordServiceServicer_to_server(servicer, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port(self.address)}"
        await self._server.start()

    async def stop(self) -> None:
        """Cut every call and be away."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    def expire_leases_after(self, seconds: float) -> None:
        """From the next start on, a run is stale so long after its engine's last sign of life."""
        self.store = RecordingStore(self._database, lease_seconds=seconds)


@pytest.fixture
async def record_port(database: Database) -> AsyncIterator[RecordPort]:
    """The record service on a fresh database, serving."""
    port = RecordPort(database)
    await port.start()
    yield port
    await port.stop()


@asynccontextmanager
async def recording_to(address: str) -> AsyncIterator[Recorder]:
    """A recorder that keeps its stream open."""
    async with open_aio_channel(address) as channel:
        recorder = Recorder(channel, heartbeat_seconds=5)
        async with streaming(recorder):
            yield recorder


@asynccontextmanager
async def streaming(recorder: Recorder) -> AsyncIterator[None]:
    """Keep the recorder's stream open meanwhile."""
    task = asyncio.create_task(recorder.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@dataclass
class Engine:
    """A runner, and what it records with."""

    runner: Runner
    recorder: Recorder

    @asynccontextmanager
    async def claiming(self) -> AsyncIterator[None]:
        """Look for stale runs all the time meanwhile."""
        task = asyncio.create_task(self.runner.claim_forever(0.05))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


OpenEngine = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture(scope="session")
async def fork_server(data_dir: Path, plugin_path: Path) -> None:
    """This process can fork workers."""
    await start_fork_server(data_dir)


@pytest.fixture
def open_engine(data_dir: Path, record_port: RecordPort, fork_server: None) -> OpenEngine:
    """Opens an engine on the record port: `async with open_engine(workers=1) as engine`."""

    @asynccontextmanager
    async def opened(*, workers: int = 2, queue: int = 8, memory_mb: int = 1_024, store_wait_seconds: float = 0.5) -> AsyncIterator[Engine]:
        limits = Limits(workers, queue, memory_mb << 20, store_wait_seconds)
        async with recording_to(record_port.address) as recorder:
            runner = Runner(limits, data_dir, ALLOWED, recorder)
            try:
                yield Engine(runner, recorder)
            finally:
                await runner.close()

    return opened


MakeStarted = Callable[..., run_pb2.RunStarted]


@pytest.fixture
def make_run(data_dir: Path, plugin_path: Path) -> MakeStarted:
    """Makes the first event of a run of GOOG in 2006 and 2007, 502 sessions in two batches; keywords are parameters."""

    def make(strategy: str = "buy_and_hold", *, timeout_seconds: int = 60, **parameters: float) -> run_pb2.RunStarted:
        asked = run_pb2.RunSpec(strategy=strategy, dataset="wiki", symbols=["GOOG"], start_date="2006-01-03", end_date="2007-12-31")
        asked.timeout_seconds = timeout_seconds
        asked.parameters.update(parameters)
        ready = plan(asked, load_strategies(ALLOWED), Catalogue(data_dir), run_timeout_seconds=60)
        return make_started(new_run_id(), spec=ready.spec, session_count=ready.session_count)

    return make


async def events_of(run: LiveRun) -> list[run_pb2.RunEvent]:
    """Everything that followers of the run see."""
    return [event async for event in run.follow()]


async def finished_of(run: LiveRun) -> run_pb2.RunFinished:
    """How the run ends."""
    return (await events_of(run))[-1].finished


async def error_of(run: LiveRun) -> errors.CallError:
    """What the run ends with instead of a last event."""
    with pytest.raises(errors.CallError) as raised:
        await events_of(run)
    return raised.value


async def has_sessions(run: LiveRun) -> None:
    """Return as soon as the run has shown sessions."""
    async with contextlib.aclosing(run.follow()) as events:
        async for event in events:
            if event.HasField("sessions"):
                return


async def eventually(condition: Callable[[], bool]) -> None:
    """Return as soon as it is so; the test's timeout ends the wait."""
    while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
        await asyncio.sleep(0.01)


def session_dates_of(events: Iterable[run_pb2.RunEvent]) -> list[int]:
    """The sessions in the events."""
    return [date for event in events for date in event.sessions.session_dates]
