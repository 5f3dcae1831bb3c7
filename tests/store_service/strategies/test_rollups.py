"""Statistics of strategies are always what the runs say, whatever becomes of these and whoever asks meanwhile."""

from __future__ import annotations

import asyncio
import math
import random
import uuid

import psycopg
import pytest
from sqlalchemy import text

from store_service import migrations
from store_service.database import Database, parse_url
from store_service.recording.store import RecordingStore
from store_service.runs import queries
from store_service.runs.organizing import RunOrganizer
from store_service.runs.purging import purge
from store_service.runs.store import RunStore
from store_service.strategies import rollups
from store_service.strategies.store import StrategyStore
from tapedeck.v1 import run_pb2, strategy_pb2, transfer_service_pb2
from tests.fix_runs import Record, make_events, whole_run
from tests.fix_transfer import Transfers, make_entry
from tests.store_service.strategies.test_queries import plan_of

NAMES = ("momentum", "sma_crossover")

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
"""Who waits for a lock."""


def random_run(chance: random.Random, state: int = run_pb2.RUN_STATE_SUCCEEDED) -> list[run_pb2.RunEvent]:
    """A run of one of the strategies whose metrics are of any size; some are undefined."""
    metrics = {name: chance.choice([chance.gauss(0, 1), chance.gauss(1e6, 1), None]) for name in ("sharpe_ratio", "alpha", "pnl")}
    return whole_run(
        strategy=chance.choice(NAMES), state=state, finished={"metrics": metrics} if state == run_pb2.RUN_STATE_SUCCEEDED else {}
    )


def random_entry(chance: random.Random) -> transfer_service_pb2.RunEntry:
    """Such a run, made elsewhere."""
    started, *_, finished = random_run(chance)
    return make_entry(spec=started.started.spec, metrics=finished.finished.metrics)


async def assert_exact(strategies: StrategyStore, runs: RunStore) -> None:
    """The statistics of all strategies are those of SummarizeRuns, but for the last bits of means."""
    for name in NAMES:
        found = await strategies.get_statistics(name)
        (group,) = await runs.summarize_runs(f'strategy = "{name}"')
        newest, _ = await runs.list_runs(filter_text=f'strategy = "{name}" AND state = SUCCEEDED', page_size=1)
        assert found.run_count == group.run_count
        assert [found.newest_create_time] * len(newest) == [run.create_time for run in newest]
        assert len(found.metrics) == len(group.metrics)
        for each, expected in zip(found.metrics, group.metrics, strict=True):
            assert math.isclose(each.mean, expected.mean, rel_tol=1e-12, abs_tol=1e-12)
            assert each == strategy_pb2.MetricStatistics(
                metric=expected.metric,
                count=expected.count,
                undefined_count=expected.undefined_count,
                mean=each.mean if expected.count else None,
                lowest=expected.quantiles[0].value if expected.count else None,
                highest=expected.quantiles[-1].value if expected.count else None,
                best=expected.best if expected.HasField("best") else None,
                worst=expected.worst if expected.HasField("worst") else None,
            )


class Story:
    """What becomes of runs, by chance."""

    def __init__(self, seed: int, database: Database, record: Record, runs: RunStore, organizer: RunOrganizer) -> None:
        self._chance, self._database, self._record, self._runs, self._organizer = random.Random(seed), database, record, runs, organizer
        self._transfers = Transfers(database)
        self._ids: list[str] = []
        self._file = b""

    async def go_on(self) -> None:
        """One of these things happens."""
        happenings = (self._run, self._run, self._fail, self._delete, self._undelete, self._purge, self._create, self._export, self._import)
        await self._chance.choice(happenings)()

    async def _run(self) -> None:
        self._ids.append(await self._record(random_run(self._chance)))

    async def _fail(self) -> None:
        self._ids.append(await self._record(random_run(self._chance, run_pb2.RUN_STATE_FAILED)))

    async def _delete(self) -> None:
        await self._organizer.batch_delete_runs(self._some() or [await self._record()])

    async def _undelete(self) -> None:
        for run_id in self._some():
            await self._organizer.undelete_run(run_id)

    async def _purge(self) -> None:
        await purge(self._database, at_once=True)
        kept, _ = await self._runs.list_runs(page_size=1_000)
        self._ids = [run.run_id for run in kept]

    async def _create(self) -> None:
        self._ids += [created.run_id for created in await self._transfers.create([random_entry(self._chance) for _ in range(3)])]

    async def _export(self) -> None:
        self._file = await self._transfers.export()

    async def _import(self) -> None:
        for answer in await self._transfers.take(self._file) if self._file else []:
            self._ids += [run.run_id for run in answer.runs if run.added]

    def _some(self) -> list[str]:
        return self._chance.sample(self._ids, min(3, len(self._ids)))


@pytest.mark.parametrize("seed", range(2))
async def test_statistics_stay_exact_whatever_becomes_of_the_runs(
    database: Database, record: Record, run_store: RunStore, run_organizer: RunOrganizer, strategy_store: StrategyStore, seed: int
) -> None:
    story = Story(seed, database, record, run_store, run_organizer)
    for number in range(60):
        await story.go_on()
        if number % 6 == 5:
            await assert_exact(strategy_store, run_store)


async def test_runs_end_and_are_deleted_and_read_at_the_same_time_and_every_one_counts_once(
    database: Database, recording_store: RecordingStore, run_store: RunStore, run_organizer: RunOrganizer, strategy_store: StrategyStore
) -> None:
    chance, ended = random.Random(0), asyncio.Queue[str]()

    async def engine() -> None:
        for place in range(12):
            events = random_run(chance)
            run_id = events[0].started.run_id
            # At once, as short runs are, and in two messages.
            for part in [events] if place % 2 else [events[:2], events[2:]]:
                await recording_store.append(run_id, 1, part[0].sequence, part)
            ended.put_nowait(run_id)

    async def user() -> None:
        for _ in range(8):
            some = [await ended.get() for _ in range(3)]
            await run_organizer.batch_delete_runs(some)
            await run_organizer.undelete_run(chance.choice(some))

    async def reader(done: asyncio.Event) -> None:
        while not done.is_set():
            for name in NAMES:
                await strategy_store.get_statistics(name)

    async def creator() -> None:
        for _ in range(6):
            await Transfers(database).create([random_entry(chance) for _ in range(4)])

    done = asyncio.Event()
    readers = [asyncio.create_task(reader(done)) for _ in range(2)]
    await asyncio.gather(*(engine() for _ in range(4)), user(), user(), creator())
    done.set()
    await asyncio.gather(*readers)
    await assert_exact(strategy_store, run_store)
    (everything,) = await run_store.summarize_runs()
    assert everything.run_count == 48 - 2 * 8 * 2 + 24


async def until_somebody_waits_for_a_lock(database: Database) -> None:
    async with asyncio.timeout(10), database.reading() as connection:
        while not await connection.scalar(text(WAITING)):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.01)


async def test_what_is_computed_again_has_the_changes_that_it_waited_for(
    database: Database, record: Record, run_organizer: RunOrganizer, strategy_store: StrategyStore
) -> None:
    run_id = uuid.UUID(await record())
    await run_organizer.delete_run(str(run_id))
    async with database.transaction() as connection:
        await connection.execute(queries.undelete_run(run_id))
        await rollups.mark_stale(connection, [run_id])
        asking = asyncio.create_task(strategy_store.get_statistics("sma_crossover"))
        await until_somebody_waits_for_a_lock(database)
    assert (await asking).run_count == 1
    assert (await strategy_store.get_statistics("sma_crossover")).run_count == 1


async def test_who_waited_for_another_one_to_compute_a_row_does_not_compute_it_again(
    database: Database, record: Record, run_organizer: RunOrganizer, strategy_store: StrategyStore
) -> None:
    run_id = await record()
    await record()
    await run_organizer.delete_run(run_id)
    async with database.transaction() as connection:
        slot = uuid.UUID(run_id).bytes[-1] % rollups.SLOTS
        await rollups.compute(connection, "sma_crossover", slot)
        asking = asyncio.create_task(strategy_store.get_statistics("sma_crossover"))
        await until_somebody_waits_for_a_lock(database)
        # What a second computation would overwrite.
        await connection.execute(text(f"UPDATE strategy_statistics SET run_count = 100 WHERE slot = {slot}"))
    assert (await asking).run_count >= 100


async def test_statistics_are_a_scan_of_the_primary_key(database: Database, record: Record) -> None:
    for _ in range(3):
        await record(make_events(whole_run()[0].started))
    nodes = await plan_of(database, rollups.GET_STATISTICS.params(asked_strategy="sma_crossover"))
    assert [node.get("Index Name") for node in nodes if "Scan" in node["Node Type"]][-1] == "pk_strategy_statistics"


async def test_a_run_that_ends_while_statistics_are_made_for_the_first_time_is_in_them(
    database: Database, database_url: str, record: Record, strategy_store: StrategyStore
) -> None:
    await record()
    await record(random_run(random.Random(1), run_pb2.RUN_STATE_FAILED))
    await database.close()
    await asyncio.to_thread(migrations.migrate, parse_url(database_url), "0007")
    with psycopg.connect(database_url) as ending, psycopg.connect(database_url, autocommit=True) as watching:
        ending.execute("UPDATE runs SET state = 3, strategy = 'sma_crossover' WHERE state <> 3")
        migrating = asyncio.create_task(asyncio.to_thread(migrations.migrate, parse_url(database_url), "head"))
        async with asyncio.timeout(10):
            while watching.execute(WAITING.encode()).fetchone() == (0,):  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.01)
        ending.commit()
        await migrating
    assert (await strategy_store.get_statistics("sma_crossover")).run_count == 2


async def test_runs_recorded_before_there_were_statistics_are_in_them(
    database: Database, database_url: str, record: Record, run_organizer: RunOrganizer, run_store: RunStore, strategy_store: StrategyStore
) -> None:
    chance = random.Random(1)
    recorded = [await record(random_run(chance)) for _ in range(20)]
    await run_organizer.batch_delete_runs(recorded[::5])
    await record(random_run(chance, run_pb2.RUN_STATE_FAILED))
    before = [await strategy_store.get_statistics(name) for name in NAMES]
    await database.close()
    for revision in ("0007", "head"):
        await asyncio.to_thread(migrations.migrate, parse_url(database_url), revision)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM strategy_statistics WHERE is_stale").fetchone() == (0,)
    await assert_exact(strategy_store, run_store)
    assert [(await strategy_store.get_statistics(name)).run_count for name in NAMES] == [each.run_count for each in before]
