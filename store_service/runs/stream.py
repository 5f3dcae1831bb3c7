"""The events of one run, read back as they were recorded."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import TERMINAL_STATES
from store_service.database import Database
from store_service.recording.queries import load_events
from store_service.runs import queries
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors

EVENTS_PER_READ = 8
"""Events fetched at once: a read stays short, and a watcher holds some 8 MiB at most, however long the run."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Events that follow each other."""

    events: list[run_pb2.RunEvent]
    is_end: bool
    """Whether nothing comes after them, now or later."""


def no_such_run(run_id: uuid.UUID) -> errors.NotFound:
    """The error for the id of no run."""
    return errors.NotFound(f"there is no run {run_id}", reason="RUN_NOT_FOUND", metadata={"run_id": str(run_id)})


async def read_stretch(connection: AsyncConnection, run_id: uuid.UUID, from_sequence: int) -> Stretch:
    """The next recorded events from a sequence on; none when there are none yet.

    Raises:
        NotFound: there is no such run.
    """
    head = (await connection.execute(queries.GET_PROGRESS, {"run_id": run_id})).one_or_none()
    if head is None:
        raise no_such_run(run_id)
    # What the head knows of is all there, and stays as it is: the statements need no common snapshot.
    newest = head.next_sequence - 1
    last = min(newest, from_sequence + EVENTS_PER_READ - 1)
    events = await load_events(connection, run_id, from_sequence, last) if from_sequence <= last else []
    return Stretch(events, is_end=head.state in TERMINAL_STATES and last >= newest)


async def recorded_events(database: Database, run_id: uuid.UUID) -> AsyncGenerator[run_pb2.RunEvent]:
    """All that is recorded of a run now.

    Raises:
        NotFound: there is no such run.
    """
    sequence = 1
    while True:
        async with database.reading() as connection:
            stretch = await read_stretch(connection, run_id, sequence)
        for event in stretch.events:
            yield event
            sequence = event.sequence + 1
        if stretch.is_end or not stretch.events:
            return
