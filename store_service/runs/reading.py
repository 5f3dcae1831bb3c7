"""Reading the runs that a filter of a caller's matches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.database import Database, translated
from tapedeck_rpc import errors

INDEXED = (
    'an index serves strategy = "..." and create_time > ... newest first, a range of a metric sorted by that metric, and symbols:"...", '
    'labels.KEY = "..." and search:"..." in any order'
)
"""Filters and orders that find their runs whatever else is stored; docs/operations.md lists all."""


@contextmanager
def finding() -> Iterator[None]:
    """Around a statement that a filter of a caller's makes slow, inside a transaction or outside.

    Raises:
        DeadlineExceeded: the statement took too long; it says what would not.
        CallError: what else the database said, in words for the caller.
    """
    try:
        with translated():
            yield
    except errors.DeadlineExceeded as slow:
        raise errors.DeadlineExceeded(f"finding the runs took longer than a statement may: {INDEXED}", reason=slow.reason) from slow


@asynccontextmanager
async def reading_filtered(database: Database) -> AsyncIterator[AsyncConnection]:
    """`Database.reading` for a filter and an order that may read all runs; raises what `finding` does."""
    with finding():
        async with database.reading() as connection:
            yield connection
