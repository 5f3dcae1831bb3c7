"""Four asynchronous writers that store runs with the store's own statements, and nothing else: no gRPC, no checks, no SQLAlchemy.

They have the run as the store has it after it has read and checked a message: columns of numbers, and values of the row. What they do for
each run, and what is measured, is to encode these for the database, to send them, and to commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import psycopg

from store_service.arrays import register_arrays
from store_service.recording import queries, rows
from store_service.recording.changes import changes_of
from store_service.recording.checks import Problems
from store_service.recording.columns import BatchColumns, symbol_places
from store_service.recording.copy_format import batch_rows
from store_service.recording.driver import DriverStatement
from store_service.strategies.rollups import ADD_RUNS
from tapedeck.v1 import run_pb2

WRITERS = 4
LEASE = timedelta(seconds=30)

RunKey = tuple[uuid.UUID, str]
"""Id and spec digest: what is a run's own."""

Connection = psycopg.AsyncConnection[Any]


class Writers:
    """Connections to a database, and one run that is stored under many ids."""

    def __init__(self, connections: Sequence[Connection], events: Sequence[run_pb2.RunEvent]) -> None:
        self._connections = connections
        started, batches = events[0].started, events[1:-1]
        symbols = list(started.spec.symbols)
        changes = changes_of(uuid.UUID(started.run_id), rows.NOT_STARTED, events, symbols, Problems())
        self._row: Mapping[str, Any] = {
            "writer_epoch": 1,
            "claim_count": 0,
            "cancel_requested": False,
            "ended": True,
            "lease": LEASE,
            **changes.values,
            **asdict(changes.progress),
        }
        self._columns = BatchColumns([event.sessions for event in batches], symbol_places(symbols))
        self._sequences = [event.sequence for event in batches]
        self._digests = [rows.event_digest(event) for event in batches]
        self._trips = changes.trips

    async def write(self, keys: Sequence[RunKey]) -> None:
        """Store the run under each of the keys, in a transaction of its own."""
        waiting = iter(keys)
        async with asyncio.TaskGroup() as group:
            for connection in self._connections:
                group.create_task(self._write_each(connection, waiting))

    async def _write_each(self, connection: Connection, waiting: Iterator[RunKey]) -> None:
        for run_id, spec_digest in waiting:
            await self._insert(connection, run_id, spec_digest)
            earlier = await _execute(connection, queries.EARLIER_RUNS, {"id": run_id, "spec_digest": spec_digest})
            await earlier.fetchall()
            await _count(connection, [run_id])
            await connection.commit()

    async def write_at_once(self, keys: Sequence[RunKey]) -> None:
        """Store the run under all of the keys in one transaction, one after the other, as an import does."""
        connection = self._connections[0]
        for run_id, spec_digest in keys:
            await self._insert(connection, run_id, spec_digest)
        await _count(connection, [run_id for run_id, _ in keys])
        await connection.commit()

    async def _insert(self, connection: Connection, run_id: uuid.UUID, spec_digest: str) -> None:
        await _execute(connection, queries.INSERT_RUN, {**self._row, "run_id": run_id, "spec_digest": spec_digest})
        async with connection.cursor() as cursor, cursor.copy(queries.COPY_BATCHES.sql) as copy:
            await copy.write(batch_rows(run_id, self._sequences, self._digests, self._columns))
        async with connection.cursor() as cursor, cursor.copy(queries.COPY_TRIPS.sql) as copy:
            copy.set_types(queries.COPY_TRIPS.types)
            for trip in self._trips:
                await copy.write_row((run_id, *trip[1:]))


async def _count(connection: Connection, run_ids: Sequence[uuid.UUID]) -> None:
    """What runs add to the strategies they are of."""
    await _execute(connection, queries.NUMBER_RUNS, {"run_ids": run_ids})
    await _execute(connection, ADD_RUNS, {"run_ids": run_ids})


async def _execute(connection: Connection, statement: DriverStatement, values: Mapping[str, Any]) -> psycopg.AsyncCursor[Any]:
    cursor = psycopg.AsyncRawCursor(connection)
    await cursor.execute(statement.sql, statement.arguments(values), prepare=True, binary=True)
    return cursor


@contextlib.asynccontextmanager
async def open_writers(database_url: str, events: Sequence[run_pb2.RunEvent]) -> AsyncIterator[Writers]:
    """Connected writers of the run that some events tell."""
    async with contextlib.AsyncExitStack() as stack:
        connections = []
        for _ in range(WRITERS):
            connection = await stack.enter_async_context(await psycopg.AsyncConnection.connect(database_url))
            register_arrays(connection)
            connections.append(connection)
        yield Writers(connections, events)
