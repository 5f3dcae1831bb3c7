"""The record stream: many runs on one stream, each answer when its message is durable, and what happens when the database goes away."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from sqlalchemy import text

from store_service.database import Database
from store_service.recording import servicer as servicers
from store_service.recording.queries import load_events
from store_service.recording.servicer import RecordServicer
from store_service.recording.store import Ack, RecordingStore
from store_service.sweeps.recording import SweepRecording
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc, run_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.interceptors import server_interceptors
from tapedeck_rpc.status import from_rpc_error, from_status
from tests.fix_runs import whole_run
from tests.fix_strategies import strategies_of

Request = record_service_pb2.RecordRunsRequest
Response = record_service_pb2.RecordRunsResponse


@asynccontextmanager
async def served(store: RecordingStore, database: Database) -> AsyncIterator[Any]:
    """A stub of a RecordService that serves a store."""
    server = grpc.aio.server(interceptors=server_interceptors())
    servicer = RecordServicer(store, SweepRecording(database), strategies_of(database))
    record_service_pb2_grpc.add_RecordServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield record_service_pb2_grpc.RecordServiceStub(channel)
    await server.stop(None)


@pytest.fixture
async def stub(database: Database) -> AsyncIterator[Any]:
    async with served(RecordingStore(database, lease_seconds=30), database) as made:
        yield made


def message(events: Sequence[run_pb2.RunEvent], run_id: str) -> Request:
    return Request(run_id=run_id, writer_epoch=1, first_sequence=events[0].sequence, events=events)


def one_event_a_message(run: Sequence[run_pb2.RunEvent]) -> list[Request]:
    return [message([event], run[0].started.run_id) for event in run]


async def answers_to(stub: Any, requests: Iterable[Request]) -> list[Response]:
    return [answer async for answer in stub.RecordRuns(iter(requests))]


async def stored_sequences(database: Database, run_id: str) -> list[int]:
    async with database.reading() as connection:
        return [event.sequence for event in await load_events(connection, uuid.UUID(run_id), 1, 1_000)]


async def test_messages_of_many_runs_on_one_stream_are_stored_in_the_order_of_each(stub: Any, database: Database) -> None:
    runs = [whole_run() for _ in range(20)]
    mixed = random.Random(7)
    waiting = [one_event_a_message(run) for run in runs]
    requests = []
    while waiting:
        chosen = mixed.choice(waiting)
        requests.append(chosen.pop(0))
        waiting = [left for left in waiting if left]

    answers = await answers_to(stub, requests)
    assert not any(answer.HasField("error") for answer in answers)
    for run in runs:
        run_id = run[0].started.run_id
        assert [answer.next_sequence for answer in answers if answer.run_id == run_id] == [2, 3, 4, 5]
        assert await stored_sequences(database, run_id) == [1, 2, 3, 4]


async def test_a_refused_message_is_answered_and_the_stream_goes_on(stub: Any) -> None:
    gap, fine = whole_run(), whole_run()
    gap_id, fine_id = gap[0].started.run_id, fine[0].started.run_id
    requests = [message(gap[:1], gap_id), message(gap[2:], gap_id), message(fine, fine_id), message(gap[1:], gap_id)]
    answers = await answers_to(stub, requests)
    of_gap = [answer for answer in answers if answer.run_id == gap_id]
    refused = from_status(of_gap[1].error)
    assert (type(refused), refused.reason, of_gap[1].next_sequence) == (errors.OutOfRange, "SEQUENCE_GAP", 2)
    assert of_gap[2].next_sequence == 5
    assert [answer.next_sequence for answer in answers if answer.run_id == fine_id] == [5]


async def test_a_stream_that_is_cut_anywhere_can_be_opened_again(stub: Any, database: Database) -> None:
    run = whole_run()
    requests = one_event_a_message(run)
    for length in range(1, len(requests) + 1):
        stream = stub.RecordRuns()
        for request in requests[:length]:
            await stream.write(request)
        assert (await stream.read()).next_sequence >= 2
        stream.cancel()
    answers = await answers_to(stub, requests)
    assert [answer.HasField("error") for answer in answers] == [False] * 4
    assert answers[-1].next_sequence == 5
    assert await stored_sequences(database, run[0].started.run_id) == [1, 2, 3, 4]


class Failing(RecordingStore):
    """A store whose appends of some runs end in an exception; a gate holds the others back."""

    def __init__(self, database: Database, failures: dict[str, Exception]) -> None:
        super().__init__(database, lease_seconds=30)
        self.failures = failures
        self.gate = asyncio.Event()
        self.full = asyncio.Event()
        self.under_way = 0
        self.most_under_way = 0

    async def append(
        self,
        run_id: str,
        writer_epoch: int,
        first_sequence: int,
        events: Sequence[run_pb2.RunEvent],
        *,
        duplicate_policy: int = run_pb2.DUPLICATE_POLICY_RUN,
    ) -> Ack:
        if run_id in self.failures:
            raise self.failures[run_id]
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        if self.under_way == servicers.MAX_CONCURRENT_MESSAGES:
            self.full.set()
        try:
            await self.gate.wait()
            return await super().append(run_id, writer_epoch, first_sequence, events, duplicate_policy=duplicate_policy)
        finally:
            self.under_way -= 1


def away() -> errors.Unavailable:
    return errors.Unavailable("the store's database is away", reason="STORE_UNAVAILABLE", retry_after_seconds=1.5)


async def test_when_the_database_is_away_what_was_stored_is_answered_before_the_stream_ends(database: Database) -> None:
    fine, lost = whole_run(), whole_run()
    store = Failing(database, {lost[0].started.run_id: away()})
    async with served(store, database) as stub:
        stream = stub.RecordRuns()
        for request in (message(fine, fine[0].started.run_id), *one_event_a_message(lost)):
            await stream.write(request)
        store.gate.set()
        assert (await stream.read()).run_id == fine[0].started.run_id
        with pytest.raises(grpc.RpcError) as ended:
            await stream.read()
    error = from_rpc_error(ended.value)
    assert (type(error), error.reason, error.retry_after_seconds) == (errors.Unavailable, "STORE_UNAVAILABLE", 1.5)


async def test_a_bug_that_one_run_meets_does_not_end_the_stream_of_the_others(database: Database) -> None:
    poison, fine = whole_run(), whole_run()
    store = Failing(database, {poison[0].started.run_id: ZeroDivisionError("secret")})
    store.gate.set()
    async with served(store, database) as stub:
        answers = await answers_to(stub, [message(run, run[0].started.run_id) for run in (poison, fine)])
    by_run = {answer.run_id: answer for answer in answers}
    refused = from_status(by_run[poison[0].started.run_id].error)
    assert (type(refused), refused.reason) == (errors.Internal, "INTERNAL")
    assert "secret" not in refused.message
    assert by_run[fine[0].started.run_id].next_sequence == 5


async def test_so_many_messages_are_stored_at_once_and_no_more(database: Database) -> None:
    store = Failing(database, {})
    runs = [whole_run() for _ in range(servicers.MAX_WAITING_MESSAGES + 10)]
    async with served(store, database) as stub:
        answering = asyncio.create_task(answers_to(stub, [message(run, run[0].started.run_id) for run in runs]))
        await store.full.wait()
        store.gate.set()
        assert len(await answering) == len(runs)
    assert store.most_under_way == servicers.MAX_CONCURRENT_MESSAGES


async def test_a_restarted_database_ends_the_stream_and_the_next_one_goes_on(stub: Any, database: Database) -> None:
    run = whole_run()
    await answers_to(stub, one_event_a_message(run)[:2])
    async with database.reading() as connection:
        await connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )
    outcomes: list[int | str] = []
    for _ in range(20):  # at most one failure per connection of the pool
        try:
            outcomes.append(len(await answers_to(stub, one_event_a_message(run))))
        except grpc.RpcError as error:
            outcomes.append(from_rpc_error(error).reason)
    assert set(outcomes) <= {"STORE_UNAVAILABLE", 4}
    assert outcomes[-1] == 4
    assert await stored_sequences(database, run[0].started.run_id) == [1, 2, 3, 4]


async def test_a_server_that_stops_ends_its_streams(database: Database) -> None:
    server = grpc.aio.server(interceptors=server_interceptors())
    servicer = RecordServicer(RecordingStore(database, lease_seconds=30), SweepRecording(database), strategies_of(database))
    record_service_pb2_grpc.add_RecordServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = record_service_pb2_grpc.RecordServiceStub(channel).RecordRuns()
        run = whole_run()
        await stream.write(message(run, run[0].started.run_id))
        assert (await stream.read()).next_sequence == 5
        await server.stop(0)
        with pytest.raises(grpc.RpcError):
            await stream.read()
