"""Requests for a run's records, and columns as messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_service.recording.columns import COLUMNS, BatchColumns, symbol_places
from store_service.runs import parts
from store_service.runs.parts import Asked, drawdowns, messages, parse
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors
from tests.fix_runs import SYMBOLS, make_sessions, new_run_id, session_dates, yyyymmdd

DAYS = session_dates("2010-01-04", 8)
BATCH = make_sessions(DAYS, [100.0 + number for number in range(8)])


def asked(**fields: Any) -> Asked:
    return parse(store_service_pb2.ReadRunRequest(run_id=new_run_id(), **fields))


def columns_of(batch: run_pb2.SessionBatch, request: Asked) -> parts.Columns:
    """The row that the store would read."""
    arrays = BatchColumns([batch], symbol_places(SYMBOLS)).arrays
    return {name: arrays[name] if len(arrays[name]) else None for name in ("session_dates", *request.columns)}


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), peak=st.floats(1e-3, 1e6))
def test_a_drawdown_is_the_fall_from_the_highest_value_so_far(values: list[float], peak: float) -> None:
    expected, highest = [], peak
    for value in values:
        highest = max(highest, value)
        expected.append((value - highest) / highest)
    found = drawdowns(np.array(values), peak)
    assert found.tolist() == expected
    assert found.max() <= 0


def test_a_fall_beyond_all_numbers_is_no_warning() -> None:
    assert drawdowns(np.array([-1e308]), 5e-324).tolist() == [-np.inf]


def test_only_columns_of_the_parts_asked_for_are_read() -> None:
    assert set(asked().columns) == set(COLUMNS) - {"session_dates", "mark_prices"}
    assert asked(parts=[store_service_pb2.RUN_PART_EQUITY_CURVE]).columns == ("portfolio_values", "cash")
    assert {name.split("_")[0] for name in asked(parts=[store_service_pb2.RUN_PART_CORPORATE_ACTIONS]).columns} == {"action"}
    assert asked(parts=[store_service_pb2.RUN_PART_ROUND_TRIPS]).columns == ()


def test_a_place_and_a_first_date_both_bound_the_sessions() -> None:
    place = store_service_pb2.RunPlace(session_date=20100108)
    assert asked(after=place).first_session == 20100109
    assert asked(after=place, start_date="2010-02-01", end_date="2010-03-01").first_session == 20100201
    assert asked(after=place, start_date="2010-02-01", end_date="2010-03-01").last_session == 20100301


def test_dates_that_are_no_dates_are_named() -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        asked(start_date="tomorrow", end_date="2010-02-30")
    assert [violation.field for violation in refused.value.violations] == ["start_date", "end_date"]


@given(limit=st.integers(1, 2_000), first=st.integers(0, 7), last=st.integers(0, 7))
def test_however_small_messages_must_be_together_they_are_the_sessions_asked_for(limit: int, first: int, last: int) -> None:
    request = asked(start_date=DAYS[min(first, last)].isoformat(), end_date=DAYS[max(first, last)].isoformat())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "MAX_READ_BYTES", limit)
        found = list(messages(columns_of(BATCH, request), request, SYMBOLS, 100.0))
    dates = [yyyymmdd(day) for day in DAYS[min(first, last) : max(first, last) + 1]]
    assert [date for message in found for date in message.sessions.session_dates] == dates
    assert [message.place.session_date for message in found] == [message.sessions.session_dates[-1] for message in found]
    for field in ("fills", "orders", "positions", "corporate_actions"):
        sent = [entry for message in found for entry in getattr(message.sessions, field)]
        assert sent == [entry for entry in getattr(BATCH, field) if entry.session_date in dates]


def test_a_batch_with_nothing_that_is_asked_for_makes_no_message() -> None:
    request = asked(symbols=["AAPL"], parts=[store_service_pb2.RUN_PART_FILLS])
    assert list(messages(columns_of(BATCH, request), request, SYMBOLS, 100.0)) == []
