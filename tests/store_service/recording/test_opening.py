"""First messages share transactions, and what is wrong with one harms no other."""

from __future__ import annotations

import asyncio
import uuid

from sqlalchemy import text

from store_service.database import Database
from store_service.recording import opening
from store_service.recording.store import RecordingStore
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors
from tests.fix_runs import whole_run


async def append(store: RecordingStore, events: list[run_pb2.RunEvent]) -> int:
    return (await store.append(events[0].started.run_id, 1, 1, events)).next_sequence


async def transactions_of(database: Database) -> int:
    """How many transactions wrote runs: rows that were inserted together have the same one."""
    async with database.reading() as connection:
        return int(await connection.scalar(text("SELECT count(DISTINCT xmin::text) FROM runs")) or 0)


async def test_messages_that_wait_share_a_transaction_and_each_is_answered(database: Database, run_store: RunStore) -> None:
    store = RecordingStore(database, lease_seconds=30)
    runs = [whole_run() for _ in range(3 * opening.MAX_TOGETHER)]
    sequences = await asyncio.gather(*(append(store, events) for events in runs))
    await store.close()
    assert sequences == [len(events) + 1 for events in runs]
    for events in runs:
        assert [event async for event in run_store.watch_run(events[0].started.run_id)] == events
    assert await transactions_of(database) < len(runs) / 2


async def test_one_that_the_database_refuses_harms_no_other(database: Database) -> None:
    store = RecordingStore(database, lease_seconds=30)
    fine = [whole_run() for _ in range(6)]
    wrong = whole_run(started={"replay": run_pb2.ReplayLink(original_run_id=str(uuid.uuid4()))})  # there is no such run
    answers = await asyncio.gather(*(append(store, events) for events in [*fine[:3], wrong, *fine[3:]]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, int, int, errors.NotFound, int, int, int]


async def test_the_same_run_and_the_same_request_twice_at_once_are_stored_once(database: Database, run_store: RunStore) -> None:
    store = RecordingStore(database, lease_seconds=30)
    first = whole_run(started={"request_id": "once"})
    second = whole_run(started={"request_id": "once", "spec_digest": first[0].started.spec_digest})
    acks = await asyncio.gather(*(store.append(events[0].started.run_id, 1, 1, events) for events in (first, first, second, second)))
    owners = {events[0].started.run_id for events, ack in zip((first, first, second, second), acks, strict=True) if not ack.existing_run_id}
    assert len(owners) == 1
    assert await run_store.count_runs() == 1


async def test_whoever_leaves_while_its_run_is_stored_disturbs_nobody(database: Database, run_store: RunStore) -> None:
    store = RecordingStore(database, lease_seconds=30)
    runs = [whole_run() for _ in range(6)]
    tasks = [asyncio.create_task(append(store, events)) for events in runs]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[5].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()
    assert [isinstance(answer, int) for answer in answers] == [False, True, True, True, True, False]
    assert await run_store.count_runs() >= 4
