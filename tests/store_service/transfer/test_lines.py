"""Lines of an export: what is written is read back to the bit, however the file was cut."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator

import pytest
from hypothesis import given

from store_service.models import round_trips
from store_service.recording.columns import BatchColumns, symbol_places
from store_service.recording.rows import round_trip_rows
from store_service.transfer import lines
from tapedeck.v1 import run_pb2, transfer_service_pb2
from tapedeck_rpc import errors
from tests.fix_runs import make_events, make_finished, make_spec, make_started
from tests.random_batches import SYMBOLS, rows_of, session_batches


async def split(*parts: bytes) -> list[bytes]:
    async def come() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return [line async for line in lines.split_lines(come())]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), []),
        ((b"",), []),
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a", b"", b"b\n", b"\n", b"c"), [b"ab", b"", b"c"]),
        ((b"\n\n", b"a\n"), [b"", b"", b"a"]),
    ],
)
async def test_lines_are_the_same_wherever_the_parts_end(parts: tuple[bytes, ...], expected: list[bytes]) -> None:
    assert await split(*parts) == expected


async def test_a_line_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 3)
    assert await split(b"abc\n", b"abc") == [b"abc", b"abc"]
    with pytest.raises(errors.InvalidArgument, match="line 2 is longer than 3 bytes") as raised:
        await split(b"abc\nab", b"cd", b"\n")
    assert raised.value.metadata == {"line": "2"}


@given(session_batches())
def test_a_run_is_read_as_it_was_written_to_the_bit(batches: list[run_pb2.SessionBatch]) -> None:
    trips = [run_pb2.RoundTrip(symbol="GOOG", entry_date="2010-01-04", exit_date="2010-01-05", quantity=0.1 + 0.2, pnl=-0.0)]
    events = make_events(make_started(spec=make_spec(symbols=SYMBOLS)), *batches, make_finished(round_trips=trips))
    whole = transfer_service_pb2.ExportedRun(events=events, labels={"é": '"\n'}, note="one\ntwo\u2028")
    whole.verdict.summary = "same"
    written = lines.write_run(stored(whole))
    assert (written.count(b"\n"), written[-1:]) == (1, b"\n")
    assert lines.parse_run(written, 2).SerializeToString(deterministic=True) == whole.SerializeToString(deterministic=True)


def stored(whole: transfer_service_pb2.ExportedRun) -> lines.StoredRun:
    """A run as the tables have it."""
    exported = transfer_service_pb2.ExportedRun.FromString(whole.SerializeToString())
    del exported.events[1:-1], exported.events[-1].finished.round_trips[:]
    arrays = rows_of(BatchColumns([event.sessions for event in whole.events[1:-1]], symbol_places(SYMBOLS)))
    batches = [{name: None if array is None else array.tolist() for name, array in row.items()} for row in arrays]
    trips = [dict(zip(round_trips.c.keys(), row, strict=True)) for row in round_trip_rows(uuid.uuid4(), whole.events[-1].finished)]
    return lines.StoredRun(exported, [{"sequence": sequence, **row} for sequence, row in enumerate(batches, 2)], trips)


def test_a_line_may_be_written_in_every_way_that_json_has_for_its_message() -> None:
    sessions = {"sessionDates": ["20100104"], "cash": ["-0.0"], "fills": [{"sessionDate": 20100104.0, "price": "1e2"}]}
    finished = {"round_trips": [{"entryDate": "2010-01-04", "pnl": "12.5"}]}
    events = [{"sequence": 2, "sessions": sessions}, {"sequence": "3", "finished": finished}]
    batch, last = lines.parse_run(json.dumps({"events": events}).encode(), 2).events
    fills = [run_pb2.Fill(session_date=20100104, price=100.0)]
    assert batch.sessions == run_pb2.SessionBatch(session_dates=[20100104], cash=[-0.0], fills=fills)
    assert last.finished == run_pb2.RunFinished(round_trips=[run_pb2.RoundTrip(entry_date="2010-01-04", pnl=12.5)])


@pytest.mark.parametrize(
    "event",
    [
        {"sequence": 2.5, "sessions": {}},
        {"sequence": "2", "sessions": {"cash": ["much"]}},
        {"sequence": "2", "sessions": {"cash": [1]}, "finished": {}},
        {"sequence": "2", "finished": {"round_trips": [{"gain": 1}]}},
        {"sequence": "2", "finished": []},
        "event",
        None,
    ],
)
def test_what_is_no_event_is_refused(event: object) -> None:
    with pytest.raises(errors.InvalidArgument, match="line 7 can't be read"):
        lines.parse_run(json.dumps({"events": [event]}).encode(), 7)


def test_a_batch_without_values_stays_a_batch() -> None:
    exported = transfer_service_pb2.ExportedRun(events=[run_pb2.RunEvent(sequence=2, sessions={}), run_pb2.RunEvent(sequence=3)])
    assert lines.parse_run(lines.write_line(exported), 2) == exported
