"""Which sessions are refused, and what is said about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_service.recording.batch_checks import are_dates, check_batches
from store_service.recording.checks import Problems
from store_service.recording.columns import BatchColumns, symbol_places
from tapedeck.v1 import run_pb2
from tests.random_batches import SYMBOLS, session_batches

NAN, INFINITY = float("nan"), float("inf")


def problems_of(batches: Sequence[run_pb2.SessionBatch], last_session_date: int | None = None) -> dict[str, str]:
    problems = Problems()
    paths = [f"events[{place}].sessions" for place in range(len(batches))]
    check_batches(BatchColumns(batches, symbol_places(SYMBOLS)), paths, last_session_date, problems)
    return {violation.field.removeprefix("events[0].sessions."): violation.description for violation in problems.violations}


def batch(*sessions: int, **fields: Any) -> run_pb2.SessionBatch:
    values = [1.0] * len(sessions)
    return run_pb2.SessionBatch(**{"session_dates": sessions, "portfolio_values": values, "cash": values, **fields})


@given(session_batches())
def test_valid_sessions_are_taken(batches: list[run_pb2.SessionBatch]) -> None:
    assert problems_of(batches) == {}


def _is_date(number: int) -> bool:
    try:
        date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return False
    return True


@given(st.lists(st.dates().map(lambda day: day.year * 10_000 + day.month * 100 + day.day) | st.integers(-(2**31), 2**31 - 1), min_size=1))
def test_dates_are_what_the_calendar_says(numbers: list[int]) -> None:
    assert are_dates(np.array(numbers, np.int32)).tolist() == [_is_date(number) for number in numbers]


@pytest.mark.parametrize("year", [1900, 2000, 2003, 2004])
def test_february_knows_leap_years(year: int) -> None:
    assert bool(are_dates(np.array([year * 10_000 + 229]))[0]) == (year in {2000, 2004})


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (batch(), "events[0].sessions"),
        (batch(20100104, cash=[1.0, 2.0]), "events[0].sessions"),
        (batch(20100104, portfolio_values=[]), "events[0].sessions"),
        (batch(20100230), "session_dates[0]"),
        (batch(20100104, 20100104), "session_dates[1]"),
        (batch(20100105, 20100104), "session_dates[1]"),
        (batch(20100104, fills=[run_pb2.Fill(session_date=20100105)]), "fills[0].session_date"),
        (batch(20100104, fills=[run_pb2.Fill(session_date=20100103)]), "fills[0].session_date"),
        (
            batch(20100104, 20100105, positions=[run_pb2.Position(session_date=20100105), run_pb2.Position(session_date=20100104)]),
            "positions[1].session_date",
        ),
        (batch(20100104, fills=[run_pb2.Fill(session_date=20100104, symbol="IBM")]), "fills[0].symbol"),
        (batch(20100104, corporate_actions=[run_pb2.CorporateAction(session_date=20100104, pay_date=0)]), "corporate_actions[0].pay_date"),
        (batch(20100104, corporate_actions=[run_pb2.CorporateAction(session_date=20100104, pay_date=1)]), "corporate_actions[0].pay_date"),
        (batch(20100104, cash=[NAN]), "cash[0]"),
        (batch(20100104, mark_prices=[1.0, -INFINITY]), "mark_prices[1]"),
        (batch(20100104, fills=[run_pb2.Fill(session_date=20100104, price=INFINITY)]), "fills[0].price"),
        (batch(20100104, orders=[run_pb2.Order(session_date=20100104, target_weight=NAN)]), "orders[0].target_weight"),
        (batch(20100104, orders=[run_pb2.Order(session_date=20100104, target_weight=INFINITY)]), "orders[0].target_weight"),
    ],
)
def test_a_wrong_value_is_named(sent: run_pb2.SessionBatch, field: str) -> None:
    assert list(problems_of([sent])) == [field]


def test_numbers_that_are_not_finite_are_unstorable() -> None:
    problems = Problems()
    check_batches(BatchColumns([batch(20100104, cash=[NAN])], {}), ["sessions"], None, problems)
    assert problems.reason == "UNSTORABLE_VALUE"
    assert problems.violations[0].description == "is nan; only finite numbers are stored"


def test_entries_without_any_session_are_refused() -> None:
    sent = batch(fills=[run_pb2.Fill(session_date=20100104, symbol=SYMBOLS[0], quantity=1, price=1)])
    assert problems_of([sent]) == {"events[0].sessions": "session_dates, portfolio_values and cash must have the same length, at least 1"}


def test_sums_that_overflow_are_no_problem() -> None:
    assert problems_of([batch(20100104, 20100105, cash=[1.7e308, 1.7e308])]) == {}


def test_sessions_go_on_after_those_that_are_stored() -> None:
    assert list(problems_of([batch(20100104)], last_session_date=20100104)) == ["session_dates[0]"]
    assert problems_of([batch(20100105)], last_session_date=20100104) == {}


def test_entries_belong_to_sessions_of_their_own_batch() -> None:
    strange = batch(20100105, fills=[run_pb2.Fill(session_date=20100104)])
    assert list(problems_of([batch(20100104), strange])) == ["events[1].sessions.fills[0].session_date"]
