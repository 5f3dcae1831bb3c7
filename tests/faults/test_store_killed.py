"""kill -9 of the store, again and again, while engines record: what was acknowledged is there, once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from sqlalchemy import func, select

from deploy.local import Service
from store_service.database import Database
from store_service.models import run_batches, runs
from store_service.recording.queries import load_events
from store_service.recording.rows import CHAIN_START, event_digest
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc, run_pb2
from tests.fix_pair import free_addresses
from tests.fix_runs import make_events, make_finished, make_sessions, make_started, session_dates

KILLS = 4
RUNS = 30
BATCHES = 12
EVENTS_PER_MESSAGE = 3


@dataclass
class Sending:
    """One run on its way into the store: what an engine remembers of it."""

    events: list[run_pb2.RunEvent]
    next_sequence: int = 1
    acknowledged: int = 0
    refusals: list[str] = field(default_factory=list)

    @property
    def run_id(self) -> str:
        return self.events[0].started.run_id

    @property
    def is_done(self) -> bool:
        return self.acknowledged == len(self.events)

    def next_message(self) -> record_service_pb2.RecordRunsRequest:
        sent = self.events[self.next_sequence - 1 :][:EVENTS_PER_MESSAGE]
        return record_service_pb2.RecordRunsRequest(run_id=self.run_id, writer_epoch=1, first_sequence=self.next_sequence, events=sent)

    def take(self, answer: record_service_pb2.RecordRunsResponse) -> None:
        if answer.HasField("error"):
            self.refusals.append(answer.error.message)
        self.next_sequence = answer.next_sequence
        self.acknowledged = max(self.acknowledged, answer.next_sequence - 1)


def new_sending() -> Sending:
    days = session_dates("2010-01-04", BATCHES * 2)
    batches = [make_sessions(days[place * 2 : place * 2 + 2], [1e5, 1e5 + place]) for place in range(BATCHES)]
    return Sending(make_events(make_started(), *batches, make_finished()))


class Engine:
    """Sends all runs on one stream, one message of each run under way at a time, and opens the stream again whenever it breaks."""

    def __init__(self, address: str, sendings: list[Sending]) -> None:
        self._address = address
        self._by_id = {sending.run_id: sending for sending in sendings}
        self.acknowledgements = 0
        self.streams = 0
        self._heard = asyncio.Event()

    async def heard(self, acknowledgements: float) -> None:
        """Wait for so many acknowledgements."""
        while self.acknowledgements < acknowledgements:
            self._heard.clear()
            await self._heard.wait()

    async def record_all(self) -> None:
        options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50)]
        async with grpc.aio.insecure_channel(self._address, options=options) as channel:
            stub = record_service_pb2_grpc.RecordServiceStub(channel)
            while not all(sending.is_done for sending in self._by_id.values()):
                self.streams += 1
                with contextlib.suppress(grpc.RpcError):
                    await self._stream(stub)

    async def _stream(self, stub: record_service_pb2_grpc.RecordServiceStub) -> None:
        ready = deque(sending for sending in self._by_id.values() if not sending.is_done)
        answered = asyncio.Event()

        async def requests() -> AsyncIterator[record_service_pb2.RecordRunsRequest]:
            while not all(sending.is_done for sending in self._by_id.values()):
                answered.clear()
                while ready:
                    yield ready.popleft().next_message()
                await answered.wait()

        async for answer in stub.RecordRuns(requests(), wait_for_ready=True):
            sending = self._by_id[answer.run_id]
            sending.take(answer)
            self.acknowledgements += 1
            self._heard.set()
            if not sending.is_done:
                ready.append(sending)
            answered.set()


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Service]:
    record, store, health = free_addresses(3)
    addresses = {"TAPEDECK_RECORD_ADDRESS": record, "TAPEDECK_STORE_ADDRESS": store, "TAPEDECK_STORE_HEALTH_ADDRESS": health}
    service = Service("store_service", {"TAPEDECK_DATABASE_URL": database_url, **addresses}, tmp_path / "store.log")
    service.start()
    yield service
    service.stop()


async def test_killing_the_store_in_the_middle_of_runs_loses_nothing_and_doubles_nothing(store: Service, database: Database) -> None:
    sendings = [new_sending() for _ in range(RUNS)]
    engine = Engine(store.environment["TAPEDECK_RECORD_ADDRESS"], sendings)
    recording = asyncio.create_task(engine.record_all())
    messages = RUNS * -(-len(sendings[0].events) // EVENTS_PER_MESSAGE)
    moments = random.Random(11)
    for kill in range(KILLS):
        await engine.heard(messages * (kill + moments.random()) / (KILLS + 1))
        store.kill()
        await check_acknowledged(database, sendings)
        await asyncio.to_thread(store.start)
    async with asyncio.timeout(60):
        await recording

    assert engine.streams > KILLS
    assert [refusal for sending in sendings for refusal in sending.refusals] == []
    await check_acknowledged(database, sendings)
    for sending in sendings:
        await check_whole(database, sending)


async def check_acknowledged(database: Database, sendings: list[Sending]) -> None:
    """Everything acknowledged so far is stored."""
    async with database.reading() as connection:
        stored = {row.run_id: row.next_sequence for row in await connection.execute(select(runs.c.run_id, runs.c.next_sequence))}
    for sending in sendings:
        assert stored.get(uuid.UUID(sending.run_id), 1) > sending.acknowledged


async def check_whole(database: Database, sending: Sending) -> None:
    """The run is stored as it was sent, each event once, and its chain of digests is right."""
    run_id = uuid.UUID(sending.run_id)
    async with database.reading() as connection:
        stored = await load_events(connection, run_id, 1, 1_000)
        columns = (runs.c.next_sequence, runs.c.chain_digest, runs.c.state, runs.c.sessions_recorded)
        row = (await connection.execute(select(*columns).where(runs.c.run_id == run_id))).one()
        batch_count = await connection.scalar(select(func.count()).where(run_batches.c.run_id == run_id))
    assert [event.SerializeToString(deterministic=True) for event in stored] == [
        event.SerializeToString(deterministic=True) for event in sending.events
    ]
    chain = CHAIN_START
    for event in sending.events:
        chain = hashlib.sha256(chain + event_digest(event)).digest()
    assert tuple(row) == (len(sending.events) + 1, chain, run_pb2.RUN_STATE_SUCCEEDED, 2 * BATCHES)
    assert batch_count == BATCHES
