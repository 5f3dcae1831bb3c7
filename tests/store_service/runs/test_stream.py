"""Reading the events of a run in stretches."""

from __future__ import annotations

import uuid

import pytest

from store_service.database import Database
from store_service.runs.stream import EVENTS_PER_READ, read_stretch, recorded_events
from tapedeck_rpc import errors
from tests.fix_runs import Record, make_events, make_finished, make_sessions, make_started, new_run_id, session_dates, whole_run


@pytest.mark.parametrize("event_count", [EVENTS_PER_READ - 1, EVENTS_PER_READ, EVENTS_PER_READ + 1, 2 * EVENTS_PER_READ])
async def test_a_read_gives_a_bounded_number_of_events(database: Database, record: Record, event_count: int) -> None:
    batches = [make_sessions([day], [1.0]) for day in session_dates("2010-01-04", event_count - 2)]
    events = make_events(make_started(), *batches, make_finished())
    run_id = uuid.UUID(await record(events))
    async with database.reading() as connection:
        stretch = await read_stretch(connection, run_id, 1)
    assert stretch.events == events[:EVENTS_PER_READ]
    assert stretch.is_end == (event_count <= EVENTS_PER_READ)
    assert [event async for event in recorded_events(database, run_id)] == events


async def test_a_live_run_has_no_end_yet(database: Database, record: Record) -> None:
    events = whole_run()[:2]
    run_id = uuid.UUID(await record(events))
    async with database.reading() as connection:
        assert (await read_stretch(connection, run_id, 1)).events == events
        for from_sequence in (1, 3, 99):
            assert not (await read_stretch(connection, run_id, from_sequence)).is_end
    assert [event async for event in recorded_events(database, run_id)] == events


async def test_an_unknown_run_is_not_found(database: Database) -> None:
    with pytest.raises(errors.NotFound):
        await anext(recorded_events(database, uuid.UUID(new_run_id())))
