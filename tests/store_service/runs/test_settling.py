"""Verdicts are worked out when they are asked for, once, from what is recorded."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from store_service.database import Database
from store_service.models import runs
from store_service.runs.settling import is_unsettled
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2
from tests.fix_runs import Record, make_events, make_finished, make_sessions, make_started, session_dates, whole_run

Verdict = run_pb2.ReplayVerdict


def replay_of(original: str, **changes: Any) -> list[run_pb2.RunEvent]:
    return whole_run(started={"replay": run_pb2.ReplayLink(original_run_id=original)}, **changes)


async def test_the_verdict_is_kept(database: Database, run_store: RunStore, record: Record) -> None:
    replay = await record(replay_of(await record()))
    verdict = (await run_store.get_run(replay)).verdict
    assert verdict.outcome == Verdict.OUTCOME_IDENTICAL
    async with database.reading() as connection:
        kept = await connection.scalar(select(runs.c.verdict).where(runs.c.verdict.is_not(None)))
    assert kept == verdict.SerializeToString()


async def test_comparing_and_listing_show_it_too(run_store: RunStore, record: Record) -> None:
    original = await record()
    replay = await record(replay_of(original))
    compared = await run_store.compare_runs([original, replay])
    assert [run.HasField("verdict") for run in compared.runs] == [False, True]


async def test_there_is_none_before_both_runs_have_ended(run_store: RunStore, record: Record) -> None:
    original = whole_run()
    await record(original[:2])
    replay = replay_of(original[0].started.run_id)
    await record(replay[:2])
    replay_id = replay[0].started.run_id
    assert not (await run_store.get_run(replay_id)).HasField("verdict")
    await record(replay)
    assert not (await run_store.get_run(replay_id)).HasField("verdict")
    await record(original)
    assert (await run_store.get_run(replay_id)).HasField("verdict")


async def test_ledgers_in_other_batches_are_compared_by_session(run_store: RunStore, record: Record) -> None:
    days, values = session_dates("2010-01-04", 3), [100_000.0, 101_000.0, 102_000.5]
    sessions = make_sessions(days, values)
    replay = make_events(
        make_started(replay=run_pb2.ReplayLink(original_run_id=await record())), sessions, make_finished(result_digest="other")
    )
    verdict = (await run_store.get_run(await record(replay))).verdict
    # The first batch of the original ends with an order and a dividend on its second session, which the replay has on its third.
    assert verdict.outcome == Verdict.OUTCOME_DIVERGED
    assert (verdict.first_difference.session_date, verdict.first_difference.field) == ("2010-01-05", "orders")


async def test_a_replay_whose_original_was_deleted_has_none(database: Database, run_store: RunStore, record: Record) -> None:
    original = await record()
    replay = await record(replay_of(original))
    async with database.transaction() as connection:
        await connection.execute(runs.delete().where(runs.c.run_id == original))
    run = await run_store.get_run(replay)
    assert run.replay.original_run_id == original
    assert not run.HasField("verdict")


async def test_a_run_that_replays_nothing_is_not_unsettled(database: Database, record: Record) -> None:
    await record()
    async with database.reading() as connection:
        assert not is_unsettled((await connection.execute(select(runs))).one())
