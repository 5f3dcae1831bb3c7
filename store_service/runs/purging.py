"""Removing deleted runs for good, with all that belongs to them.

Every replica does it, in small transactions; runs that another one has locked are passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from store_service.database import Database
from store_service.runs import queries
from tapedeck_rpc import errors

RUNS_PER_TRANSACTION = 50
"""Runs removed together: also long runs of many symbols are gone within a second, well within the time of a statement."""

PAUSE_SECONDS = 0.1
"""Between two transactions: the database's disk is for those who record and read."""

INTERVAL_SECONDS = 60.0
"""How often it is looked for runs whose time has come: soon enough for a time that is counted in days, and one short index scan."""

_log = structlog.get_logger("purging")


@asynccontextmanager
async def purging(database: Database) -> AsyncIterator[None]:
    """Purge in the background while the context lasts."""
    task = asyncio.create_task(_purge_forever(database))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def purge(database: Database, *, at_once: bool = False) -> int:
    """Remove the deleted runs whose purge_time has passed; `at_once`: all deleted runs. Returns how many.

    Runs that don't go together within the time of a statement go one by one.

    Raises:
        CallError: what the database said, also when one run alone takes too long; what was removed before stays removed.
    """
    total, limit = 0, RUNS_PER_TRANSACTION
    while True:
        try:
            count = await _purge_some(database, limit, at_once=at_once)
        except errors.DeadlineExceeded as slow:
            if limit == 1:
                raise
            _log.warning("purging goes on run by run", why=slow.message)
            limit = 1
            continue
        total += count
        if count < limit:
            return total
        await asyncio.sleep(PAUSE_SECONDS)


async def _purge_some(database: Database, limit: int, *, at_once: bool) -> int:
    async with database.transaction() as connection:
        found = (await connection.execute(queries.lock_purgeable(limit, at_once=at_once))).scalars().all()
        if found:
            await connection.execute(queries.purge_runs(found))
    return len(found)


async def _purge_forever(database: Database) -> None:
    while True:
        try:
            count = await purge(database)
        except errors.CallError as error:
            _log.warning("purging goes on later", why=error.message)
        except Exception:  # noqa: BLE001 - a bug of ours; the store records and reads all the same
            _log.exception("purging broke, and is tried again")
        else:
            if count:
                _log.info("runs purged", run_count=count)
        await asyncio.sleep(INTERVAL_SECONDS)
