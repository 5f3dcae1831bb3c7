"""Taking a file: how many runs are held at once, and what its last statements wait for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from store_service.database import Database
from store_service.settings import Settings
from store_service.transfer import importing
from store_service.transfer.lines import write_line
from tapedeck.v1 import transfer_service_pb2
from tests.fix_runs import whole_run
from tests.fix_transfer import Transfers
from tests.store_service.strategies.test_rollups import until_somebody_waits_for_a_lock


async def group_sizes(line_count: int) -> list[int]:
    """Sizes of the groups that lines of one length are taken in."""
    lines = [write_line(transfer_service_pb2.ExportedRun(events=whole_run(), finish_time={"seconds": 1})) for _ in range(line_count)]

    async def come() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    return [len(group) async for group in importing._groups(come())]


async def test_runs_are_held_by_their_number_and_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "RUNS_PER_ANSWER", 4)
    assert await group_sizes(9) == [4, 4, 1]
    line = write_line(transfer_service_pb2.ExportedRun(events=whole_run(), finish_time={"seconds": 1}))
    monkeypatch.setattr(importing, "BYTES_PER_ANSWER", 2 * len(line) + 100)
    assert await group_sizes(5) == [2, 2, 1]
    monkeypatch.setattr(importing, "BYTES_PER_ANSWER", 1)
    assert await group_sizes(3) == [1, 1, 1]


@pytest.mark.parametrize("table", ["strategy_iterations", "strategy_statistics"])
async def test_a_whole_file_is_not_given_up_for_a_lock(database: Database, database_url: str, table: str) -> None:
    run = transfer_service_pb2.ExportedRun(events=whole_run(), finish_time={"seconds": 1})
    file = write_line(transfer_service_pb2.ExportHeader(format_version=1, run_count=1)) + write_line(run)
    lock_timeout = 0.05
    async with Database(database_url, Settings(lock_timeout_seconds=lock_timeout)) as impatient:
        async with database.transaction() as holder:
            await holder.execute(text(f"LOCK TABLE {table} IN SHARE MODE"))
            taking = asyncio.create_task(Transfers(impatient).take(file))
            await until_somebody_waits_for_a_lock(database)
            await asyncio.wait([taking], timeout=3 * lock_timeout)
        (answer,) = await taking
    assert (answer.committed, [each.added for each in answer.runs]) == (True, [True])


async def test_many_runs_are_numbered_without_keeping_the_event_loop_busy(database: Database) -> None:
    async with database.transaction() as connection:
        started = time.thread_time()
        await importing._count(connection, bytearray(os.urandom(16 * 100_000)))
        assert time.thread_time() - started < 0.3
