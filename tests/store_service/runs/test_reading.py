"""A list, a count, statistics or runs to delete that the database does not find in time: the caller is told what it would find."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from store_service.database import Database
from store_service.page_token import PageTokens, derive_key
from store_service.runs.organizing import RunOrganizer
from store_service.runs.store import RunStore
from store_service.settings import Settings
from tapedeck_rpc import errors


def store(database: Database) -> RunStore:
    return RunStore(database, PageTokens(derive_key("tests")))


def organizer(database: Database) -> RunOrganizer:
    return RunOrganizer(database, store(database), purge_after=timedelta(days=1))


READS: list[Callable[[Database], Awaitable[Any]]] = [
    lambda database: store(database).list_runs(),
    lambda database: store(database).count_runs(),
    lambda database: store(database).summarize_runs(),
    lambda database: organizer(database).batch_delete_runs(filter_text="note:old"),
]


@pytest.mark.parametrize("read", READS)
async def test_what_takes_too_long_is_told_what_an_index_serves(
    database: Database, database_url: str, read: Callable[[Database], Awaitable[Any]]
) -> None:
    settings = Settings(statement_timeout_seconds=0.05, lock_timeout_seconds=60)
    async with database.transaction() as holder, Database(database_url, settings) as hurried:
        await holder.execute(text("LOCK TABLE runs"))
        with pytest.raises(errors.DeadlineExceeded, match="took longer than a statement may") as refused:
            await read(hurried)
    assert refused.value.reason == "DEADLINE_EXCEEDED"
    for shape in ('strategy = "..."', 'symbols:"..."', 'search:"..."', "newest first"):
        assert shape in refused.value.message
