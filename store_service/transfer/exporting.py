"""Runs as a file: lines of JSON with all that is recorded of them, or a table of one row for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Row, Select, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import TERMINAL_STATES
from store_service.database import Database
from store_service.filter_fields import Condition
from store_service.filtering import condition
from store_service.models import is_kept, runs
from store_service.recording.queries import load_batches, load_trips
from store_service.recording.rows import finished_event, started_event
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.search import with_versions
from store_service.transfer.attached import ExportedVersions, suggestions_of
from store_service.transfer.lines import FORMAT_VERSION, StoredRun, write_line, write_run
from store_service.transfer.parquet import parquet_file
from store_service.transfer.pipeline import one_ahead
from store_service.transfer.table import TABLE_COLUMNS, csv_table
from store_service.violations import Checks, refuse
from tapedeck.v1 import transfer_service_pb2

CHUNK_BYTES = 256 * 1024
"""Size of a part of the file: large enough that its message costs nothing, and a small part of what one may have."""

RUNS_PER_READ = 100
"""Runs looked up at once. Their events are read one run after the other: two are held, one that is written and the next."""

BYTES_PER_READ = 8 * 1024 * 1024
"""Size of their specs, when there are several: with it, runs of the largest specs are looked up some at a time."""

MAX_CONCURRENT_EXPORTS = 4
"""Exports at once: each holds a connection of the pool, and others wait for one of them to end."""

IDLE_SECONDS = 60.0
"""How long the export may go without asking the database, which then ends the snapshot: it is kept from cleaning up by it. All of what
was read last, such as a long run, a page of CSV or a row group of Parquet, must be taken in this time, but for its last part."""

_RECORD_COLUMNS = (
    *(runs.c.run_id, runs.c.finish_time, runs.c.labels, runs.c.note, runs.c.verdict),
    *(runs.c.next_sequence, runs.c.started, runs.c.finished),
)
_HAS_ENDED = runs.c.state.in_([literal_column(str(int(state))) for state in sorted(TERMINAL_STATES)])


class RunExports:
    """Writes files of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_EXPORTS)

    async def export_runs(self, filter_text: str = "", form: int = transfer_service_pb2.EXPORT_FORMAT_UNSPECIFIED) -> AsyncGenerator[bytes]:
        """The file, part by part, as everything is at one moment.

        Raises:
            InvalidArgument: the filter is wrong, or there is no such format; both at once.
            DeadlineExceeded: what was read last was not taken in time.
        """
        checks = Checks()
        with checks:
            matching = condition(filter_text, RUN_FIELDS) & _HAS_ENDED & is_kept
        with checks:
            if form not in transfer_service_pb2.ExportFormat.values():
                raise refuse("format", f"is no format: {form}")
        checks.done()
        async with self._slots, self._database.transaction() as connection:
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            await connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {int(IDLE_SECONDS * 1000)}"))
            file = await _file(connection, await with_versions(connection, matching), filter_text, form)
            async with aclosing(file), aclosing(one_ahead(_chunks(file))) as chunks:
                async for chunk in chunks:
                    yield chunk


async def _file(connection: AsyncConnection, matching: Condition, filter_text: str, form: int) -> AsyncGenerator[bytes]:
    """The parts of the file, of any size."""
    if form == transfer_service_pb2.EXPORT_FORMAT_CSV:
        return csv_table(_pages(connection, matching, TABLE_COLUMNS))
    header = await _header(connection, matching, filter_text)
    if form == transfer_service_pb2.EXPORT_FORMAT_PARQUET:
        return parquet_file(_pages(connection, matching, TABLE_COLUMNS), header)
    return _records(connection, matching, header)


async def _header(connection: AsyncConnection, matching: Condition, filter_text: str) -> bytes:
    """What the file is, as a line of JSON."""
    run_count = (await connection.execute(select(func.count()).select_from(runs).where(matching))).scalar_one()
    header = transfer_service_pb2.ExportHeader(format_version=FORMAT_VERSION, run_count=run_count, filter=filter_text)
    header.export_time.FromDatetime(datetime.now(UTC))
    return write_line(header)


async def _records(connection: AsyncConnection, matching: Condition, header: bytes) -> AsyncGenerator[bytes]:
    """Lines of JSON: one is written while the next run is read."""
    yield header
    async with aclosing(one_ahead(_stored_runs(connection, matching))) as stored:
        async for run in stored:
            yield await asyncio.to_thread(write_run, run)


async def _stored_runs(connection: AsyncConnection, matching: Condition) -> AsyncGenerator[StoredRun]:
    """The runs with all that is kept of them."""
    versions = ExportedVersions(connection)
    async for page in _pages(connection, matching, _RECORD_COLUMNS):
        suggestions = await suggestions_of(connection, [row.run_id for row in page])
        for row in page:
            last = row.next_sequence - 1
            exported = transfer_service_pb2.ExportedRun(
                events=[started_event(row.started), finished_event(last, row.finished, [])],
                labels=row.labels,
                note=row.note,
                suggestions=suggestions[str(row.run_id)],
            )
            exported.finish_time.FromDatetime(row.finish_time)
            if row.verdict is not None:
                exported.verdict.ParseFromString(row.verdict)
            exported.strategy_versions.extend(await versions.needed_by(exported.events[0].started))
            batches = await load_batches(connection, row.run_id, 2, last)
            yield StoredRun(exported, batches, await load_trips(connection, row.run_id))


async def _pages(
    connection: AsyncConnection, matching: Condition, columns: Sequence[Column[Any]]
) -> AsyncIterator[Sequence[Row[*tuple[Any, ...]]]]:
    """The runs, oldest first: their ids begin with the time. So what a replay replays comes before it."""
    # A run's first event has its spec: all that can be large in what is looked up.
    size = func.octet_length(runs.c.started)
    before = func.sum(size).over(order_by=runs.c.run_id) - size
    sized = select(*columns, before.label("bytes_before")).where(matching).order_by(runs.c.run_id).limit(RUNS_PER_READ)
    found = await _page(connection, sized, columns)
    while found:
        yield found
        found = await _page(connection, sized.where(runs.c.run_id > found[-1].run_id), columns)


async def _page(connection: AsyncConnection, sized: Select[Any], columns: Sequence[Column[Any]]) -> Sequence[Row[*tuple[Any, ...]]]:
    some = sized.subquery()
    page = select(*(some.c[column.name] for column in columns)).where(some.c.bytes_before < BYTES_PER_READ).order_by(some.c.run_id)
    return (await connection.execute(page)).all()


async def _chunks(lines: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Lines as parts of a file, none larger than CHUNK_BYTES."""
    waiting = bytearray()
    async for line in lines:
        waiting += line
        start = 0
        while len(waiting) - start >= CHUNK_BYTES:
            yield bytes(waiting[start : start + CHUNK_BYTES])
            start += CHUNK_BYTES
        del waiting[:start]
    if waiting:
        yield bytes(waiting)
