"""What the database's errors mean to callers, and which databases the store refuses to work with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, make_url, select, text

from store_service.database import Database, Misconfigured, parse_url
from store_service.migrations import head_revision
from store_service.models import runs
from store_service.settings import Settings
from tapedeck_rpc import errors

SLEEP = text("SELECT pg_sleep(30)")


def small(**changes: float) -> Settings:
    return Settings.model_validate({"pool_size": 1, "max_overflow": 0, "pool_timeout_seconds": 0.05, **changes})


@pytest.fixture
async def one_connection(database_url: str) -> AsyncIterator[Database]:
    """A pool of one connection and short timeouts."""
    async with Database(database_url, small(statement_timeout_seconds=0.05)) as opened:
        yield opened


async def test_a_transaction_is_kept_as_a_whole_or_not_at_all(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE kept (id int)"))

    async def broken() -> None:
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO kept VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    async with database.reading() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM kept")) == 0


async def test_a_full_pool_is_unavailable(one_connection: Database) -> None:
    async with one_connection.reading():
        with pytest.raises(errors.Unavailable, match="no free connection") as refused:
            async with one_connection.reading():
                pass
    assert refused.value.reason == "STORE_UNAVAILABLE"
    assert refused.value.retry_after_seconds is not None


async def test_a_statement_that_takes_too_long_is_ended(one_connection: Database) -> None:
    with pytest.raises(errors.DeadlineExceeded) as refused:
        async with one_connection.reading() as connection:
            await connection.execute(SLEEP)
    assert refused.value.reason == "DEADLINE_EXCEEDED"
    assert await one_connection.check() is None


async def test_a_lock_held_for_too_long_is_a_clash(database: Database, database_url: str) -> None:
    async with database.transaction() as holder, Database(database_url, small(lock_timeout_seconds=0.05)) as impatient:
        await holder.execute(text("LOCK TABLE runs"))
        with pytest.raises(errors.Aborted) as refused:
            async with impatient.reading() as connection:
                await connection.execute(select(runs.c.run_id))
    assert refused.value.retry_after_seconds is not None


async def test_a_deadlock_is_a_clash_for_one_of_the_two(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE a AS SELECT 1 AS n"))
        await connection.execute(text("CREATE TABLE b AS SELECT 1 AS n"))
    both_hold_one = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> str:
        try:
            async with database.transaction() as connection:
                await connection.execute(text(f"LOCK TABLE {first}"))
                await both_hold_one.wait()
                await connection.execute(text(f"LOCK TABLE {second}"))
        except errors.Aborted as error:
            return error.reason
        return "done"

    assert sorted(await asyncio.gather(lock("a", "b"), lock("b", "a"))) == ["OVERLOADED", "done"]


async def test_a_connection_that_was_ended_is_unavailable_and_the_next_one_works(one_connection: Database, database: Database) -> None:
    async with one_connection.reading() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with database.reading() as killer:
        await killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with pytest.raises(errors.Unavailable) as refused:
        async with one_connection.reading() as connection:
            await connection.execute(text("SELECT 1"))
    assert refused.value.message == "the store's database is away"
    assert await one_connection.check() is None


@asynccontextmanager
async def a_transaction_under_way(database: Database) -> AsyncIterator[None]:
    """Until the block ends, somebody else has a connection."""
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def use() -> None:
        async with database.driver_transaction() as driver:
            await driver.execute("SELECT 1")
            has_begun.set()
            await may_end.wait()

    user = asyncio.create_task(use())
    await has_begun.wait()
    yield
    may_end.set()
    await user


async def all_connections_end(database_url: str) -> None:
    """Return when nobody is connected but who asks; the test's timeout ends the wait."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        while await (await connection.execute(others)).fetchone() != (0,):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_a_connection_in_use_while_the_database_is_closed_is_closed_when_given_back(database_url: str) -> None:
    async with a_transaction_under_way(database := Database(database_url, Settings())):
        await database.close()
    await all_connections_end(database_url)


async def test_a_connection_in_use_while_another_one_broke_is_closed_when_given_back(database_url: str) -> None:
    async with Database(database_url, Settings()) as database:
        async with a_transaction_under_way(database):
            with pytest.raises(errors.Unavailable):
                async with database.driver_transaction() as driver:
                    await driver.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        await all_connections_end(database_url)


@pytest.mark.parametrize("value", ["a\0b"])
async def test_a_text_that_no_database_can_store_is_the_callers_fault(database: Database, value: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        async with database.reading() as connection:
            await connection.execute(select(runs.c.run_id).where(runs.c.strategy == value))
    assert refused.value.reason == "UNSTORABLE_VALUE"


async def test_bugs_of_ours_stay_exceptions_of_the_driver(database: Database) -> None:
    with pytest.raises(Exception, match="syntax error") as raised:
        async with database.reading() as connection:
            await connection.execute(text("SELEC 1"))
    assert not isinstance(raised.value, errors.CallError)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tapedeck",
        "postgresql://",
        "postgresql://user:secret@host",
        "mysql://user:secret@host/db",
        "postgresql://user:secret@host:port/db",
    ],
)
def test_what_is_not_a_postgresql_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Misconfigured, match="TAPEDECK_DATABASE_URL is not the URL") as refused:
        parse_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_usual_schemes_are_taken(scheme: str) -> None:
    assert parse_url(f"{scheme}://user:secret@host/tapedeck").drivername == "postgresql+psycopg"


async def problem_of(url: str) -> str:
    """Why the store refuses to work with a database."""
    async with Database(url, small()) as database:
        with pytest.raises(Misconfigured) as refused:
            await database.verify()
        assert await database.check() == str(refused.value)
        return str(refused.value)


async def test_a_database_at_this_versions_schema_is_taken(database: Database) -> None:
    await database.verify()
    assert await database.check() is None


async def test_a_missing_schema_is_said(empty_database_url: str) -> None:
    assert "has no Tapedeck schema: run `python -m store_service migrate`" in await problem_of(empty_database_url)


async def test_a_newer_schema_is_said(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert f"revision 9999, is newer than this version of the store, which knows revisions up to {head_revision()}" in await problem_of(
        database_url
    )


async def test_an_older_schema_is_said(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store_service.database.head_revision", lambda: "0999")
    assert "is older than 0999: run `python -m store_service migrate`" in await problem_of(database_url)


async def test_a_database_that_does_not_exist_is_said(database_url: str) -> None:
    url = make_url(database_url).set(database="nowhere").render_as_string(hide_password=False)
    assert await problem_of(url) == "the database server has no such database"


async def test_an_unknown_user_is_said(database_url: str) -> None:
    url = make_url(database_url).set(username="nobody_here").render_as_string(hide_password=False)
    # Where passwords are asked for, PostgreSQL does not tell which of the two is wrong.
    asked = bool(make_url(database_url).password)
    assert await problem_of(url) == ("the database refused the password" if asked else "the database knows no such user")


async def test_a_server_that_does_not_answer_is_waited_for() -> None:
    async with Database("postgresql://user:secret@127.0.0.1:1/tapedeck", small()) as database:
        with pytest.raises(errors.Unavailable):
            await database.verify()
        assert await database.check() == "the store's database is away"


@pytest.fixture
def guarded_url(database_url: str) -> Iterator[str]:
    """The database's URL for a user who needs a password."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        before = rules.read_text()
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        rules.write_text("local all guarded scram-sha-256\nhost all guarded all scram-sha-256\n" + before)
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield make_url(database_url).set(username="guarded").render_as_string(hide_password=False)
        finally:
            rules.write_text(before)
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP ROLE guarded")


@pytest.mark.parametrize(
    ("password", "said"), [("wrong", "the database refused the password"), (None, "the database asks for a password and the URL has none")]
)
async def test_a_wrong_password_is_said(guarded_url: str, password: str | None, said: str) -> None:
    url = make_url(guarded_url)
    with_password = URL.create(url.drivername, "guarded", password, url.host, url.port, url.database, url.query)
    assert await problem_of(with_password.render_as_string(hide_password=False)) == said
