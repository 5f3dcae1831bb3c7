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
from store_service.recording.copy_format import batch_rows, joined
from store_service.recording.driver import pipelined
from store_service.strategies.rollups import ADD_RUNS
from store_service.transfer.importing import RUNS_PER_ANSWER
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
            await self._insert_row(connection, run_id, spec_digest)
            await self._insert_events(connection, [run_id])
            earlier = await queries.EARLIER_RUNS.run(connection, {"id": run_id, "spec_digest": spec_digest})
            await earlier.fetchall()
            await _count(connection, [run_id])
            await connection.commit()

    async def write_at_once(self, keys: Sequence[RunKey]) -> None:
        """Store the run under all of the keys in one transaction, as many together as an import writes."""
        connection = self._connections[0]
        for first in range(0, len(keys), RUNS_PER_ANSWER):
            group = keys[first : first + RUNS_PER_ANSWER]
            async with pipelined(connection):
                for run_id, spec_digest in group:
                    await self._insert_row(connection, run_id, spec_digest)
            await self._insert_events(connection, [run_id for run_id, _ in group])
        await _count(connection, [run_id for run_id, _ in keys])
        await connection.commit()

    async def _insert_row(self, connection: Connection, run_id: uuid.UUID, spec_digest: str) -> None:
        await queries.INSERT_RUN.run(connection, {**self._row, "run_id": run_id, "spec_digest": spec_digest})

    async def _insert_events(self, connection: Connection, run_ids: Sequence[uuid.UUID]) -> None:
        batches = joined([batch_rows(run_id, self._sequences, self._digests, self._columns) for run_id in run_ids])
        await queries.insert_events(connection, batches, [(run_id, *trip[1:]) for run_id in run_ids for trip in self._trips])


async def _count(connection: Connection, run_ids: Sequence[uuid.UUID]) -> None:
    """What runs add to the strategies they are of."""
    for statement in (queries.NUMBER_RUNS, ADD_RUNS):
        await statement.run(connection, {"run_ids": run_ids})


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
