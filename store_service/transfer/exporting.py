"""Runs as a file: lines of JSON with all that is recorded of them, or a table of one row for each."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Column, Row, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import TERMINAL_STATES
from store_service.database import Database
from store_service.filter_fields import Condition
from store_service.filtering import condition
from store_service.models import METRIC_COLUMNS, is_kept, runs
from store_service.recording.queries import load_events
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.transfer.attached import ExportedVersions, suggestions_of
from store_service.transfer.lines import FORMAT_VERSION, write_line, write_run
from store_service.violations import Checks, refuse
from tapedeck.v1 import run_pb2, transfer_service_pb2

CHUNK_BYTES = 256 * 1024
"""Size of a part of the file: large enough that its message costs nothing, and a small part of what one may have."""

RUNS_PER_READ = 100
"""Runs looked up at once. Their events are read one run after the other, so that no more than one is held."""

MAX_CONCURRENT_EXPORTS = 4
"""Exports at once: each holds a connection of the pool, and others wait for one of them to end."""

IDLE_SECONDS = 60.0
"""How long a reader may leave the next part waiting; then the database ends the snapshot, which keeps it from cleaning up."""

TABLE_COLUMNS: tuple[Column[Any], ...] = tuple(
    runs.c[name]
    for name in (
        *("run_id", "create_time", "finish_time", "state", "strategy", "strategy_type", "dataset", "dataset_fingerprint", "interval"),
        *("symbols", "start_date", "end_date", "capital_base", "benchmark_symbol", "parameters", "engine_kind", "spec_digest"),
        *("result_digest", "session_count", "execution_seconds", "error_reason", "error_message", "replay_of", "sweep_id"),
        *("sweep_number", "labels", "note", *METRIC_COLUMNS),
    )
)
"""Columns of a table, in its order."""

_RECORD_COLUMNS = (runs.c.run_id, runs.c.finish_time, runs.c.labels, runs.c.note, runs.c.verdict, runs.c.next_sequence)
_HAS_ENDED = runs.c.state.in_([literal_column(str(int(state))) for state in sorted(TERMINAL_STATES)])
_STATES = {int(state): name.removeprefix("RUN_STATE_").lower() for name, state in run_pb2.RunState.items()}


class RunExports:
    """Writes files of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_EXPORTS)

    async def export_runs(self, filter_text: str = "", form: int = transfer_service_pb2.EXPORT_FORMAT_UNSPECIFIED) -> AsyncGenerator[bytes]:
        """The file, part by part, as everything is at one moment.

        Raises:
            InvalidArgument: the filter is wrong, or there is no such format; both at once.
            DeadlineExceeded: a part was not taken in time.
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
            is_table = form == transfer_service_pb2.EXPORT_FORMAT_CSV
            lines = _table(connection, matching) if is_table else _records(connection, matching, filter_text)
            async with aclosing(lines), aclosing(_chunks(lines)) as chunks:
                async for chunk in chunks:
                    yield chunk


async def _records(connection: AsyncConnection, matching: Condition, filter_text: str) -> AsyncGenerator[bytes]:
    """Lines of JSON."""
    run_count = (await connection.execute(select(func.count()).select_from(runs).where(matching))).scalar_one()
    header = transfer_service_pb2.ExportHeader(format_version=FORMAT_VERSION, run_count=run_count, filter=filter_text)
    header.export_time.FromDatetime(datetime.now(UTC))
    yield write_line(header)
    versions = ExportedVersions(connection)
    async for page in _pages(connection, matching, _RECORD_COLUMNS):
        suggestions = await suggestions_of(connection, [row.run_id for row in page])
        for row in page:
            events = await load_events(connection, row.run_id, 1, row.next_sequence - 1)
            exported = transfer_service_pb2.ExportedRun(events=events, labels=row.labels, note=row.note)
            exported.finish_time.FromDatetime(row.finish_time)
            if row.verdict is not None:
                exported.verdict.ParseFromString(row.verdict)
            exported.suggestions.extend(suggestions[str(row.run_id)])
            exported.strategy_versions.extend(await versions.needed_by(events[0].started))
            yield await asyncio.to_thread(write_run, exported)


async def _table(connection: AsyncConnection, matching: Condition) -> AsyncGenerator[bytes]:
    """Lines of CSV."""
    yield _csv_lines([[column.name for column in TABLE_COLUMNS]])
    async for page in _pages(connection, matching, TABLE_COLUMNS):
        yield _csv_lines([[_cell(name, value) for name, value in row._mapping.items()] for row in page])


async def _pages(
    connection: AsyncConnection, matching: Condition, columns: Sequence[Column[Any]]
) -> AsyncIterator[Sequence[Row[*tuple[Any, ...]]]]:
    """The runs, oldest first: their ids begin with the time. So what a replay replays comes before it."""
    page = select(*columns).where(matching).order_by(runs.c.run_id).limit(RUNS_PER_READ)
    found = (await connection.execute(page)).all()
    while found:
        yield found
        found = (await connection.execute(page.where(runs.c.run_id > found[-1].run_id))).all()


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


def _csv_lines(cells: Sequence[Sequence[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(cells)
    return written.getvalue().encode()


def _cell(name: str, value: Any) -> Any:
    """A value as a table holds it; what is undefined is empty."""
    if name == "state":
        return _STATES[value]
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
