"""The schema: every revision goes up and down, and says the same as the models."""

from __future__ import annotations

import asyncio
import threading
from math import isfinite
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, select, update

from store_service import migrations
from store_service.database import Database, parse_url
from store_service.models import COUNT_METRICS, metadata, runs
from store_service.recording.plausibility import PLAUSIBLE
from store_service.runs.organizing import RunOrganizer
from tests.fix_runs import Record, whole_run
from tests.fix_strategies import run_of


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')")
        return {name for (name,) in rows}


@pytest.mark.parametrize("revision", migrations._revisions())
def test_a_revision_goes_up_down_and_up(empty_database_url: str, revision: str) -> None:
    url = parse_url(empty_database_url)
    known = ["base", *migrations._revisions()]
    before = known[known.index(revision) - 1]
    migrations.migrate(url, before)
    tables_before = _tables(empty_database_url)

    assert migrations.migrate(url, revision) == revision
    tables = _tables(empty_database_url)
    assert migrations.migrate(url, before) == before
    assert _tables(empty_database_url) == tables_before
    migrations.migrate(url, revision)
    assert _tables(empty_database_url) == tables


def test_the_models_say_what_the_migrations_make(database_url: str) -> None:
    engine = create_engine(parse_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_models_have_the_constraints_that_the_migrations_make(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c','p','u','f')"
        )
        in_database = {name for (name,) in rows} - {"alembic_version_pkc"}
    assert {str(constraint.name) for table in metadata.tables.values() for constraint in table.constraints} == in_database


def test_arrays_are_stored_uncompressed_out_of_line(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 'run_batches'::regclass AND attnum > 0 AND attndims > 0"
        ).fetchall()
    assert len(rows) == 30
    assert {storage for _, storage in rows} == {"e"}


def test_runs_recorded_before_they_named_their_engine_say_what_their_provenance_says(empty_database_url: str) -> None:
    url = parse_url(empty_database_url)
    migrations.migrate(url, "0001")
    insert = """
        INSERT INTO runs (run_id, create_time, state, strategy, dataset, "interval", symbols, start_date, end_date, capital_base,
                          parameters, spec, labels, spec_digest, session_count, sessions_recorded, provenance, started, next_sequence,
                          writer_epoch, chain_digest, lease_expire_time, claim_count, cancel_requested)
        SELECT gen_random_uuid(), now(), 1, 's', 'd', '1d', '{A}', '2010-01-04', '2010-12-31', 1, '{}', '{}', '{}', 'x', 1, 0,
               provenance, '', 1, 1, '', now(), 0, false
        FROM unnest(ARRAY['{"engine_kind": "zipline"}', '{"engine_kind": ""}', '{}']::jsonb[]) provenance
    """
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(insert.encode())
    migrations.migrate(url)
    with psycopg.connect(empty_database_url) as connection:
        kinds = connection.execute("SELECT engine_kind FROM runs ORDER BY 1").fetchall()
    assert kinds == [("zipline",), (None,), (None,)]


async def test_runs_recorded_before_there_were_iterations_are_numbered_in_their_order(
    database: Database, database_url: str, record: Record
) -> None:
    recorded = [await record(run_of(source)) for source in ("one", "two", "one", "one")]
    await database.close()
    url = parse_url(database_url)
    for revision in ("0005", "head"):
        await asyncio.to_thread(migrations.migrate, url, revision)
    with psycopg.connect(database_url) as connection:
        numbered: dict[str, int] = dict(connection.execute("SELECT run_id::text, iteration FROM run_iterations").fetchall())
        counts = connection.execute("SELECT last_iteration FROM strategy_iterations ORDER BY 1").fetchall()
    assert [numbered[run_id] for run_id in recorded] == [1, 1, 2, 3]
    assert counts == [(1,), (3,)]


async def test_runs_recorded_before_there_were_flags_get_those_that_they_would_get_now(
    database: Database, database_url: str, record: Record
) -> None:
    outside: list[dict[str, float]] = [{"sharpe_ratio": 14.2, "win_rate": 1.5}]
    for name, (lowest, highest) in PLAUSIBLE.items():
        step: Any = int if name in COUNT_METRICS else float
        outside += [{name: step(end + beyond)} for end, beyond in ((lowest, -1), (highest, 1)) if isfinite(end)]
    storable = [metrics for metrics in outside if metrics.get("max_drawdown", 0) <= 0]
    for metrics in ({}, *storable):
        await record(whole_run(finished={"metrics": {"trades_won": None, "trades_lost": None, **metrics}}))
    async with database.transaction() as connection:
        flagged = select(runs.c.flags).order_by(runs.c.run_id)
        before = (await connection.scalars(flagged)).all()
        await connection.execute(update(runs).values(flags=None))
    await database.close()
    for revision in ("0006", "head"):
        await asyncio.to_thread(migrations.migrate, parse_url(database_url), revision)
    with psycopg.connect(database_url) as connection_after:
        after = [flags for (flags,) in connection_after.execute("SELECT flags FROM runs ORDER BY run_id")]
    assert after == before
    assert before == [None, ["sharpe_ratio", "win_rate"], *([name] for metrics in storable[1:] for name in metrics)]


async def test_going_back_before_runs_could_be_deleted_loses_none(
    database: Database, database_url: str, record: Record, run_organizer: RunOrganizer
) -> None:
    await run_organizer.delete_run(await record())
    await database.close()
    url = parse_url(database_url)
    for revision in ("0002", "head"):
        await asyncio.to_thread(migrations.migrate, url, revision)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_two_migrators_at_once_both_end_at_the_head(empty_database_url: str) -> None:
    url = parse_url(empty_database_url)
    reached: list[str] = []
    threads = [threading.Thread(target=lambda: reached.append(migrations.migrate(url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reached == [migrations.head_revision()] * 2


def test_migrating_what_is_migrated_changes_nothing(database_url: str) -> None:
    before = _tables(database_url)
    assert migrations.migrate(parse_url(database_url)) == migrations.head_revision()
    assert _tables(database_url) == before


def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ValueError, match="revision 9999, is newer than this version"):
        migrations.migrate(parse_url(database_url))


def test_an_unknown_target_names_the_known_ones(database_url: str) -> None:
    with pytest.raises(ValueError, match=r"no revision 7777; there are base, 0001.* and head"):
        migrations.migrate(parse_url(database_url), "7777")
