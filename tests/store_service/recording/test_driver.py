"""A transaction on the driver's own connection is as good as one through SQLAlchemy: whole or nothing, and it leaves the pool sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import make_url, text

from store_service.database import Database
from store_service.settings import Settings
from tapedeck_rpc import errors

POOL_SIZE = 4

SLEEP = "SELECT pg_sleep(600)"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Database]:
    """A database with few connections, and an empty table `kept`."""
    settings = Settings(pool_size=POOL_SIZE, max_overflow=0, pool_timeout_seconds=0.05)
    async with Database(database_url, settings) as opened:
        async with opened.transaction() as connection:
            await connection.execute(text("CREATE TABLE kept (id int PRIMARY KEY)"))
        yield opened


async def insert(pool: Database, number: int, then: str = "SELECT 1") -> None:
    async with pool.driver_transaction() as connection:
        await connection.execute("INSERT INTO kept VALUES (%s)", [number])
        await connection.execute(then.encode())


async def kept(pool: Database) -> list[int]:
    async with pool.reading() as connection:
        return list(await connection.scalars(text("SELECT id FROM kept ORDER BY id")))


async def use_all_connections(pool: Database) -> None:
    """Have every connection of the pool open and given back; fails when one is missing or broken."""
    inside = asyncio.Barrier(POOL_SIZE)

    async def use() -> None:
        async with pool.driver_transaction() as connection:
            await connection.execute("SELECT 1")
            await inside.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(POOL_SIZE):
            group.create_task(use())


async def test_a_transaction_is_kept_as_a_whole_or_not_at_all(pool: Database) -> None:
    await insert(pool, 1)
    with pytest.raises(psycopg.errors.DivisionByZero):  # not one that means something to a caller
        await insert(pool, 2, then="SELECT 1 / 0")
    assert await kept(pool) == [1]
    await use_all_connections(pool)


async def until_the_server_sleeps(pool: Database) -> None:
    """Return once the server executes SLEEP: it ignores a cancel that arrives before the statement, and goes on to sleep."""
    asleep = text("SELECT count(*) FROM pg_stat_activity WHERE query = :sleep AND state = 'active'").bindparams(sleep=SLEEP)
    async with pool.reading() as connection:
        while not await connection.scalar(asleep):
            pass


async def test_a_cancelled_transaction_leaves_nothing_and_gives_its_connection_back(pool: Database) -> None:
    inside = asyncio.Event()

    async def wait_for_ever() -> None:
        async with pool.driver_transaction() as connection:
            await connection.execute("INSERT INTO kept VALUES (1)")
            inside.set()
            await connection.execute(SLEEP)

    for _ in range(POOL_SIZE + 1):
        inside.clear()
        task = asyncio.create_task(wait_for_ever())
        await inside.wait()
        await until_the_server_sleeps(pool)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await kept(pool) == []
    await use_all_connections(pool)


async def test_when_the_server_went_away_one_transaction_finds_out_for_all(pool: Database, database_url: str) -> None:
    await use_all_connections(pool)
    plain_url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(plain_url, autocommit=True) as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
        )
    with pytest.raises(errors.Unavailable) as refused:
        await insert(pool, 1)
    assert refused.value.reason == "STORE_UNAVAILABLE"
    await use_all_connections(pool)
    await insert(pool, 2)
    assert await kept(pool) == [2]
