"""Hypothesis strategies for the sessions of runs: valid ones, with every kind of entry."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from store_service.recording.columns import BatchColumns
from tapedeck.v1 import run_pb2

SYMBOLS = ("GOOG", "BRK.A", "é💥")

finite = st.floats(allow_nan=False, allow_infinity=False)
small = st.integers(-(2**31), 2**31 - 1)
symbols = st.sampled_from(SYMBOLS)


def yyyymmdd(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _entries(
    message: type[Any], sessions: list[int], required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[list[Any]]:
    one = st.fixed_dictionaries({"session_date": st.sampled_from(sessions), **required}, optional=optional)
    return st.lists(one.map(lambda values: message(**values)), max_size=3).map(
        lambda made: sorted(made, key=lambda each: each.session_date)
    )


def _batch(sessions: list[int]) -> st.SearchStrategy[run_pb2.SessionBatch]:
    column = st.lists(finite, min_size=len(sessions), max_size=len(sessions))
    fill = {"symbol": symbols, "quantity": finite, "price": finite, "commission": finite, "order_number": small}
    order = {"symbol": symbols, "quantity": finite, "filled": finite, "order_number": small, "cancelled": st.booleans()}
    position = {"symbol": symbols, "quantity": finite, "cost_basis": finite}
    action = {"kind": st.integers(1, 4), "quantity": finite, "cash": finite}
    of_some_actions = {"symbol": symbols, "split_ratio": finite, "dividend_per_share": finite, "price": finite}
    return st.builds(
        run_pb2.SessionBatch,
        session_dates=st.just(sessions),
        portfolio_values=column,
        cash=column,
        mark_prices=st.lists(finite, max_size=5),
        fills=_entries(run_pb2.Fill, sessions, fill, {}),
        orders=_entries(run_pb2.Order, sessions, order, {"target_weight": finite}),
        positions=_entries(run_pb2.Position, sessions, position, {}),
        corporate_actions=_entries(run_pb2.CorporateAction, sessions, action, {**of_some_actions, "pay_date": st.dates().map(yyyymmdd)}),
    )


@st.composite
def session_batches(draw: st.DrawFn, *, max_size: int = 4) -> list[run_pb2.SessionBatch]:
    """Some batches of one run, their sessions in order."""
    day = draw(st.dates(date(1970, 1, 1), date(2090, 1, 1)))
    batches = []
    for count in draw(st.lists(st.integers(1, 4), min_size=1, max_size=max_size)):
        sessions = []
        for gap in draw(st.lists(st.integers(1, 40), min_size=count, max_size=count)):
            day += timedelta(days=gap)
            sessions.append(yyyymmdd(day))
        batches.append(draw(_batch(sessions)))
    return batches


def rows_of(columns: BatchColumns) -> list[dict[str, Any]]:
    """The columns of each batch, as the table will hold them."""
    return [
        {
            name: array[start:end] if start < end else None
            for name, array in columns.arrays.items()
            for start, end in [columns.bounds[name][at : at + 2]]
        }
        for at in range(len(columns.batches))
    ]
