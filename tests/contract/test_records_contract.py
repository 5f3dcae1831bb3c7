"""What ReadRun promises about the records of a run, asked of the store itself and through gRPC."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from store_service.database import Database
from store_service.recording.store import RecordingStore
from store_service.runs import parts as run_parts
from store_service.runs import records as run_records_module
from store_service.runs.organizing import RunOrganizer
from store_service.runs.records import RunRecords
from store_service.transfer.creating import RunCreation
from tapedeck.v1 import run_pb2, store_service_pb2, transfer_service_pb2
from tapedeck_rpc import errors
from tests.fix_replays import ThroughGrpc, fields_of, refusal
from tests.fix_runs import (
    SYMBOLS,
    Record,
    make_events,
    make_finished,
    make_sessions,
    make_spec,
    make_started,
    new_run_id,
    session_dates,
    yyyymmdd,
)

Records = RunRecords | ThroughGrpc
Answer = store_service_pb2.ReadRunResponse

CURVE, FILLS, ORDERS, POSITIONS, ACTIONS, TRIPS = store_service_pb2.RunPart.values()[1:]
SPARSE_FIELDS = {FILLS: "fills", ORDERS: "orders", POSITIONS: "positions", ACTIONS: "corporate_actions"}

DAYS = session_dates("2010-01-04", 60)
DATES = [yyyymmdd(day) for day in DAYS]
# A fall, a rise and another fall, each over several batches: what is below the highest value is so because of an earlier batch.
CHANGES = np.repeat([0.02, -0.015, 0.03, -0.01], [8, 17, 20, 15])
VALUES = (100_000.0 * np.cumprod(1.0 + CHANGES)).tolist()
BATCH = 5


def long_run(state: int = run_pb2.RUN_STATE_SUCCEEDED) -> list[run_pb2.RunEvent]:
    """A run of 60 sessions in 12 batches, every other of GOOG, with a round trip for each batch."""
    batches, trips = [], []
    for number, start in enumerate(range(0, len(DAYS), BATCH)):
        days, symbol = DAYS[start : start + BATCH], SYMBOLS[number % 2]
        batches.append(make_sessions(days, VALUES[start : start + BATCH], symbol))
        trips.append(
            run_pb2.RoundTrip(symbol=symbol, entry_date=days[0].isoformat(), exit_date=days[-1].isoformat(), quantity=10.0, pnl=number)
        )
    ended = {"round_trips": trips} if state == run_pb2.RUN_STATE_SUCCEEDED else {}
    return make_events(make_started(spec=make_spec(), session_count=len(DAYS)), *batches, make_finished(state, **ended))


async def read(records: Records, run_id: str, parts: Sequence[int] = (), **asked: Any) -> list[Answer]:
    request = store_service_pb2.ReadRunRequest(run_id=run_id, parts=parts, **asked)  # type: ignore[arg-type]
    return [message async for message in records.read_run(request)]


def whole(messages: Sequence[Answer]) -> Answer:
    """All messages as one, without their places."""
    merged = Answer()
    for message in messages:
        merged.MergeFrom(message)
    merged.ClearField("place")
    return merged


def recorded(events: Sequence[run_pb2.RunEvent], parts: Sequence[int]) -> Answer:
    """What a whole answer has of these parts, made from the events; the drawdowns by their definition."""
    answer = Answer(round_trips=events[-1].finished.round_trips if TRIPS in parts else [])
    highest = events[0].started.spec.capital_base
    for batch in (event.sessions for event in events):
        if CURVE in parts:
            for value in batch.portfolio_values:
                highest = max(highest, value)
                answer.drawdowns.append((value - highest) / highest)
            answer.sessions.session_dates.extend(batch.session_dates)
            answer.sessions.portfolio_values.extend(batch.portfolio_values)
            answer.sessions.cash.extend(batch.cash)
        for part, field in SPARSE_FIELDS.items():
            if part in parts:
                getattr(answer.sessions, field).extend(getattr(batch, field))
    return answer


class TestReadRun:
    async def test_all_parts_are_what_was_recorded_and_sessions_come_first(self, records: Records, record: Record) -> None:
        for state in (run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED):
            events = long_run(state)
            messages = await read(records, await record(events))
            assert whole(messages) == recorded(events, store_service_pb2.RunPart.values())
            assert [bool(message.round_trips) for message in messages] == sorted(bool(message.round_trips) for message in messages)

    async def test_nothing_comes_that_was_not_asked_for(self, records: Records, record: Record) -> None:
        events = long_run()
        run_id = await record(events)
        for parts in ([CURVE], [FILLS], [ORDERS], [POSITIONS], [ACTIONS], [TRIPS], [TRIPS, FILLS, FILLS]):
            assert whole(await read(records, run_id, parts)) == recorded(events, parts)

    async def test_drawdowns_fall_from_the_highest_value_so_far_and_from_the_capital(self, records: Records, record: Record) -> None:
        values = [90_000.0, 95_000.0, 110_000.0, 99_000.0]
        events = make_events(make_started(), make_sessions(DAYS[:2], values[:2]), make_sessions(DAYS[2:4], values[2:]), make_finished())
        answer = whole(await read(records, await record(events), [CURVE]))
        assert list(answer.drawdowns) == [-0.1, -0.05, 0.0, -0.1]

    async def test_symbols_leave_the_curve_and_choose_the_rest(self, records: Records, record: Record) -> None:
        events = long_run()
        run_id = await record(events)
        every = recorded(events, store_service_pb2.RunPart.values())
        answer = whole(await read(records, run_id, symbols=["AAPL", "NOT TRADED"]))
        for field in SPARSE_FIELDS.values():
            expected = [entry for entry in getattr(every.sessions, field) if entry.symbol == "AAPL"]
            assert list(getattr(answer.sessions, field)) == expected != []
        assert list(answer.round_trips) == [trip for trip in every.round_trips if trip.symbol == "AAPL"]
        assert answer.drawdowns == every.drawdowns
        assert await read(records, run_id, [FILLS, TRIPS], symbols=["NOT TRADED"]) == []

    async def test_a_stretch_of_time_has_its_sessions_with_their_drawdowns_and_the_trips_closed_in_it(
        self, records: Records, record: Record
    ) -> None:
        events = long_run()
        run_id = await record(events)
        every = recorded(events, store_service_pb2.RunPart.values())
        for first, last in ((0, 59), (7, 7), (13, 42), (59, 59)):
            start, end = DAYS[first].isoformat(), DAYS[last].isoformat()
            answer = whole(await read(records, run_id, start_date=start, end_date=end))
            assert list(answer.sessions.session_dates) == DATES[first : last + 1]
            assert list(answer.drawdowns) == list(every.drawdowns)[first : last + 1]
            for field in SPARSE_FIELDS.values():
                inside = [entry for entry in getattr(every.sessions, field) if DATES[first] <= entry.session_date <= DATES[last]]
                assert list(getattr(answer.sessions, field)) == inside
            assert list(answer.round_trips) == [trip for trip in every.round_trips if start <= trip.exit_date <= end]
        assert await read(records, run_id, end_date="2009-12-31") == await read(records, run_id, start_date="2011-01-01") == []

    async def test_after_any_message_a_call_goes_on_right_behind_it(
        self, records: Records, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_records_module, "TRIPS_PER_READ", 5)
        run_id = await record(long_run())
        asked: list[dict[str, Any]] = [{}, {"parts": [CURVE, TRIPS]}, {"symbols": ["GOOG"], "start_date": "2010-01-12"}]
        for how in asked:
            messages = await read(records, run_id, **how)
            assert len(messages) > 6
            for count in range(1, len(messages) + 1):
                assert await read(records, run_id, **how, after=messages[count - 1].place) == messages[count:]

    async def test_a_message_that_would_be_too_large_is_several(
        self, records: Records, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events = long_run()
        run_id = await record(events)
        monkeypatch.setattr(run_parts, "MAX_READ_BYTES", 300)
        messages = await read(records, run_id)
        assert whole(messages) == recorded(events, store_service_pb2.RunPart.values())
        assert len([message for message in messages if message.HasField("sessions")]) > 12
        for message in messages:
            sessions = set(message.sessions.session_dates)
            assert message.ByteSize() <= 320 or len(sessions) <= 1, "only a single session may have more"
        assert await read(records, run_id, after=messages[4].place) == messages[5:]

    async def test_of_a_run_that_goes_on_comes_what_is_recorded_and_later_the_rest(
        self, records: Records, record: Record, recording_store: RecordingStore
    ) -> None:
        events = long_run()
        run_id = await record(events[:1])
        assert await read(records, run_id) == []
        await recording_store.append(run_id, 1, 2, events[1:4])
        first = await read(records, run_id)
        assert list(whole(first).sessions.session_dates) == DATES[:15]
        await recording_store.append(run_id, 1, 5, events[4:])
        rest = await read(records, run_id, after=first[-1].place)
        assert whole([*first, *rest]) == recorded(events, store_service_pb2.RunPart.values())

    async def test_a_curve_from_elsewhere_may_have_no_cash(self, records: Records, database: Database) -> None:
        batch = run_pb2.SessionBatch(session_dates=DATES[:3], portfolio_values=VALUES[:3])
        entry = transfer_service_pb2.RunEntry(spec=make_spec(), sessions=[batch], create_time=make_started().create_time)
        (created,) = await RunCreation(database).batch_create_runs([entry])
        answer = whole(await read(records, created.run_id, [CURVE]))
        assert (len(answer.sessions.session_dates), len(answer.sessions.cash), len(answer.drawdowns)) == (3, 0, 3)

    async def test_an_unknown_run_is_not_found(self, records: Records) -> None:
        assert (await refusal(lambda: read(records, new_run_id()))).reason == "RUN_NOT_FOUND"

    async def test_everything_wrong_is_said_at_once(self, records: Records, record: Record) -> None:
        place = store_service_pb2.RunPlace(session_date=-1, round_trip=-1)
        wrong = {"start_date": "2010-02-30", "end_date": "20100104", "symbols": ["A", "", "\0"], "after": place}
        error = await refusal(lambda: read(records, "7", [FILLS, 0, 99], **wrong))
        expected = ["run_id", "parts[1]", "parts[2]", "symbols[1]", "symbols[2]", "start_date", "end_date"]
        assert fields_of(error) == [*expected, "after.session_date", "after.round_trip"]
        run_id = await record()
        backwards = await refusal(lambda: read(records, run_id, start_date="2010-01-06", end_date="2010-01-05"))
        assert fields_of(backwards) == ["end_date"]

    async def test_no_more_is_looked_at_than_a_request_may_have(self, records: Records) -> None:
        error = await refusal(lambda: read(records, new_run_id(), [FILLS] * 7, symbols=["A"] * 1_001))
        assert fields_of(error) == ["parts", "symbols"]
        assert "are 7, a request has at most 6" in error.message
        assert "are 1,001, a request has at most 1,000" in error.message


async def test_a_deleted_run_is_read_and_a_run_that_is_purged_meanwhile_is_not_ended_quietly(
    run_records: RunRecords, record: Record, run_organizer: RunOrganizer, database: Database
) -> None:
    events = long_run()
    run_id = await record(events)
    await run_organizer.delete_run(run_id)
    for parts in ([CURVE], [TRIPS, CURVE]):
        stream = run_records.read_run(store_service_pb2.ReadRunRequest(run_id=run_id, parts=parts))  # type: ignore[arg-type]
        seen = [await anext(stream) for _ in range(8 if parts == [CURVE] else 12)]
        assert list(itertools.chain.from_iterable(message.sessions.session_dates for message in seen)) == DATES[: BATCH * len(seen)]
        async with database.transaction() as connection:
            await connection.execute(text("DELETE FROM runs"))
        with pytest.raises(errors.NotFound, match="there is no run"):
            await anext(stream)
        await record(events)
