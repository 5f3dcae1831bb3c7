"""Purging: what goes, what stays, and who does it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from store_service.database import Database
from store_service.models import round_trips, run_batches, runs
from store_service.runs import purging as module
from store_service.runs import queries
from store_service.runs.organizing import RunOrganizer
from store_service.runs.purging import purge, purging
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2
from tests.fix_replays import refusal
from tests.fix_runs import Record, whole_run

Deleted = Callable[[int], Awaitable[list[str]]]


@pytest.fixture
def due(run_organizer: RunOrganizer, record: Record, database: Database) -> Deleted:
    """Makes deleted runs whose purge_time has passed."""

    async def make(count: int) -> list[str]:
        ids = [await record() for _ in range(count)]
        await run_organizer.batch_delete_runs(ids)
        past = func.now() - timedelta(days=2)
        async with database.transaction() as connection:
            named = queries.named([uuid.UUID(run_id) for run_id in ids])
            await connection.execute(update(runs).where(named).values(delete_time=past, purge_time=past + timedelta(days=1)))
        return ids

    return make


async def ids_in(database: Database, table: Any = runs) -> set[str]:
    async with database.reading() as connection:
        return {str(run_id) for run_id in (await connection.execute(select(table.c.run_id))).scalars()}


async def gone(database: Database, wanted: set[str]) -> None:
    """Wait until nothing but the wanted runs is left."""
    async with asyncio.timeout(20):
        while await ids_in(database) != wanted:  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.01)


async def test_a_run_goes_with_all_that_belongs_to_it_when_its_time_has_come(
    database: Database, run_store: RunStore, run_organizer: RunOrganizer, record: Record, due: Deleted
) -> None:
    (run_id,), kept, later = await due(1), await record(), await record()
    await run_organizer.delete_run(later)
    replay = await record(whole_run(started={"replay": run_pb2.ReplayLink(original_run_id=run_id), "request_id": "once"}))
    assert await purge(database) == 1
    for table in (runs, run_batches, round_trips):
        assert await ids_in(database, table) == {kept, later, replay}
    assert (await refusal(lambda: run_store.get_run(run_id))).reason == "RUN_NOT_FOUND"
    assert (await refusal(lambda: run_organizer.undelete_run(run_id))).reason == "RUN_NOT_FOUND"
    assert (await run_store.get_run(replay)).replay.original_run_id == run_id
    assert await purge(database) == 0


async def test_at_once_all_deleted_runs_go_and_their_request_ids_are_free(
    database: Database, run_organizer: RunOrganizer, record: Record
) -> None:
    kept, run_id = await record(), await record(whole_run(started={"request_id": "once"}))
    await run_organizer.delete_run(run_id)
    assert await purge(database) == 0
    assert await purge(database, at_once=True) == 1
    again = await record(whole_run(started={"request_id": "once"}))
    assert await ids_in(database) == {kept, again}


async def test_many_go_in_small_transactions_and_replicas_share_them(
    database: Database, due: Deleted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RUNS_PER_TRANSACTION", 2)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    await due(9)
    async with database.transaction() as holding:
        (held,) = (await holding.execute(queries.lock_purgeable(1, at_once=False))).scalars()
        assert sum(await asyncio.gather(*(purge(database) for _ in range(3)))) == 8
    assert await ids_in(database) == {str(held)}
    assert await purge(database) == 1


async def no_time_for(database: Database, run_count: int) -> None:
    """From now on the database says that it takes too long to remove so many runs, or more, in one statement."""
    body = f"IF (SELECT count(*) FROM gone) >= {run_count} THEN RAISE EXCEPTION USING ERRCODE = 'query_canceled'; END IF; RETURN NULL;"
    async with database.transaction() as connection:
        await connection.execute(text(f"CREATE FUNCTION hurry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"))
        await connection.execute(
            text("CREATE TRIGGER hurry AFTER DELETE ON runs REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hurry()")
        )


async def test_runs_that_take_too_long_together_go_one_by_one(database: Database, due: Deleted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    await due(3)
    await no_time_for(database, run_count=2)
    assert await purge(database) == 3
    assert await ids_in(database) == set()


async def test_a_run_that_takes_too_long_alone_is_said(database: Database, due: Deleted) -> None:
    ids = await due(2)
    await no_time_for(database, run_count=1)
    assert (await refusal(lambda: purge(database))).reason == "DEADLINE_EXCEEDED"
    assert await ids_in(database) == set(ids)


async def test_the_background_goes_on_after_trouble_and_ends_with_its_context(
    database: Database, due: Deleted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 0.01)
    lock, troubles = queries.lock_purgeable, asyncio.Event()

    def broken(limit: int, *, at_once: bool) -> Any:
        if troubles.is_set():
            return lock(limit, at_once=at_once)
        troubles.set()
        raise RuntimeError("a bug")

    monkeypatch.setattr(queries, "lock_purgeable", broken)
    await due(1)
    async with database.transaction() as connection:
        await connection.execute(text("ALTER TABLE runs RENAME TO away"))
    async with purging(database):
        await troubles.wait()
        await asyncio.sleep(0.05)  # it meets the missing table too
        async with database.transaction() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO runs"))
        await gone(database, set())
    left = await due(1)
    await asyncio.sleep(0.05)
    assert await ids_in(database) == set(left)
