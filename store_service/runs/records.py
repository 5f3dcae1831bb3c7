"""What is recorded of a run, part by part: only the columns that are asked for are read, some batches at a time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from sqlalchemy import Row, Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import TERMINAL_STATES
from store_service.database import Database
from store_service.models import round_trips, run_batches, runs
from store_service.recording.rows import trip_fields
from store_service.runs.parts import Asked, messages, parse
from store_service.runs.stream import EVENTS_PER_READ, no_such_run
from tapedeck.v1 import store_service_pb2

TRIPS_PER_READ = 2_000
"""Round trips of a message: about 200 KB, and within MAX_READ_BYTES with the longest symbols."""

_FIRST_BATCH = 2
"""Sequence of the first event with sessions: the one before is `started`."""

_HEAD_COLUMNS = (runs.c.state, runs.c.next_sequence, runs.c.symbols, runs.c.capital_base)

# Dates are read of all batches before the place; those of 30 years are some 30 KB.
_BATCH_FROM = text("""
    SELECT min(sequence) FROM run_batches WHERE run_id = :run_id AND session_dates[cardinality(session_dates)] >= :first_session
""")
_PEAK_BEFORE = text("""
    SELECT max(value) FROM run_batches, unnest(portfolio_values) AS value WHERE run_id = :run_id AND sequence < :sequence
""")


class RunRecords:
    """Reads what runs have recorded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_run(self, request: store_service_pb2.ReadRunRequest) -> AsyncGenerator[store_service_pb2.ReadRunResponse]:
        """The parts asked for, sessions first, as they are recorded when the call comes.

        Raises:
            InvalidArgument: everything that is wrong with the request.
            NotFound: there is no such run, or it was purged meanwhile.
        """
        asked = parse(request)
        async with self._database.reading() as connection:
            head = await _head(connection, asked.run_id)
        place = store_service_pb2.RunPlace(session_date=asked.after_session)
        if asked.columns:
            async with aclosing(self._sessions(asked, head)) as sessions:
                async for message in sessions:
                    place.session_date = message.place.session_date
                    yield message
        if asked.trips and head.state in TERMINAL_STATES:
            async with aclosing(self._trips(asked)) as trips:
                async for message in trips:
                    message.place.session_date = place.session_date
                    yield message

    async def _sessions(self, asked: Asked, head: Row[*tuple[Any, ...]]) -> AsyncGenerator[store_service_pb2.ReadRunResponse]:
        last = head.next_sequence - (2 if head.state in TERMINAL_STATES else 1)
        async with self._database.reading() as connection:
            sequence = await _first_batch(connection, asked)
            peak = max(head.capital_base, await _peak_before(connection, asked, sequence))
        while sequence <= last:
            async with self._database.reading() as connection:
                until = min(last, sequence + EVENTS_PER_READ - 1)
                batches = (await connection.execute(_batches(asked, sequence, until))).mappings().all()
            if not batches:
                raise no_such_run(asked.run_id)
            for batch in batches:
                if batch["session_dates"][0] > asked.last_session:
                    return
                for message in await asyncio.to_thread(list, messages(dict(batch), asked, head.symbols, peak)):
                    yield message
                if asked.curve:
                    peak = max(peak, float(batch["portfolio_values"].max()))
            sequence += len(batches)

    async def _trips(self, asked: Asked) -> AsyncGenerator[store_service_pb2.ReadRunResponse]:
        after, is_end = asked.after_trip, False
        while not is_end:
            async with self._database.reading() as connection:
                await _head(connection, asked.run_id)
                rows = (await connection.execute(_trips(asked, after))).mappings().all()
            is_end = len(rows) < TRIPS_PER_READ
            if rows:
                after = rows[-1]["number"]
                message = store_service_pb2.ReadRunResponse(round_trips=map(trip_fields, map(dict, rows)))
                message.place.round_trip = after
                yield message


async def _head(connection: AsyncConnection, run_id: uuid.UUID) -> Row[*tuple[Any, ...]]:
    """What is to know of the run.

    Raises:
        NotFound: there is none.
    """
    head = (await connection.execute(select(*_HEAD_COLUMNS).where(runs.c.run_id == run_id))).one_or_none()
    if head is None:
        raise no_such_run(run_id)
    return head


async def _first_batch(connection: AsyncConnection, asked: Asked) -> int:
    """Sequence of the batch with the first session to send; past the last when there is none."""
    if asked.first_session <= 1_01_01:
        return _FIRST_BATCH
    found = await connection.scalar(_BATCH_FROM, {"run_id": asked.run_id, "first_session": asked.first_session})
    return found or 2**62


async def _peak_before(connection: AsyncConnection, asked: Asked, sequence: int) -> float:
    """The highest portfolio value of the batches before one; 0 when there are none, or when nobody asks for drawdowns."""
    if not asked.curve or sequence == _FIRST_BATCH:
        return 0.0
    return await connection.scalar(_PEAK_BEFORE, {"run_id": asked.run_id, "sequence": sequence}) or 0.0


def _batches(asked: Asked, first: int, last: int) -> Select[Any]:
    return (
        select(run_batches.c.session_dates, *(run_batches.c[name] for name in asked.columns))
        .where(run_batches.c.run_id == asked.run_id, run_batches.c.sequence.between(first, last))
        .order_by(run_batches.c.sequence)
    )


def _trips(asked: Asked, after: int) -> Select[Any]:
    trips = select(round_trips).where(
        round_trips.c.run_id == asked.run_id, round_trips.c.number > after, round_trips.c.exit_date.between(asked.start, asked.end)
    )
    if asked.symbols:
        trips = trips.where(round_trips.c.symbol.in_(asked.symbols))
    return trips.order_by(round_trips.c.number).limit(TRIPS_PER_READ)
