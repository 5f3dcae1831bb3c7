from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine_service.kernel.buffers import ACTIONS, FILLS, Buffers, make_buffers
from engine_service.kernel.market import CLOSE, EVENT, SPLIT, Market
from engine_service.kernel.round_trips import match_round_trips
from engine_service.round_trips import RoundTripMatcher
from tapedeck.v1 import run_pb2

SESSIONS, SYMBOLS = 30, 3
MARKET = Market(
    np.ones((SYMBOLS, SESSIONS)), np.ones((SYMBOLS, SESSIONS)), np.zeros(SYMBOLS, np.int64), np.ones(SYMBOLS, np.int64), np.empty(0, EVENT)
)
Kind = run_pb2.CorporateAction


@dataclass(frozen=True)
class Step:
    """What happens to a symbol on a session."""

    row: int
    column: int
    what: str
    amount: int
    price: float
    ratio: float


steps = st.lists(
    st.builds(
        Step,
        st.integers(0, SESSIONS - 1),
        st.integers(0, SYMBOLS - 1),
        st.sampled_from(["fill", "fill", "fill", "split", "close"]),
        st.integers(-300, 300).filter(bool),
        st.floats(0.01, 500.0),
        st.sampled_from([0.5, 2.0, 1 / 3, 3.0, 2 / 3, 7 / 3, 20 / 21, 25.0]),
    ),
    max_size=40,
).map(lambda made: sorted(made, key=lambda step: (step.row, ["split", "fill", "close"].index(step.what))))


def journal(made: list[Step], buffers: Buffers) -> dict[int, tuple[list[run_pb2.Fill], list[run_pb2.CorporateAction]]]:
    """Write the steps into the buffers, as far as a position allows them, and say the same as messages, by session."""
    held = [0.0] * SYMBOLS
    told: dict[int, tuple[list[run_pb2.Fill], list[run_pb2.CorporateAction]]] = {}
    buffers.counts[:] = 0
    for step in made:
        date = 20200101 + step.row  # any number that grows
        fills, actions = told.setdefault(step.row, ([], []))
        symbol = "ABC"[step.column]
        if step.what == "fill":
            held[step.column] += step.amount
            commission = abs(step.amount) * 0.013
            fills.append(run_pb2.Fill(session_date=date, symbol=symbol, quantity=step.amount, price=step.price, commission=commission))
            write(
                buffers.fills,
                FILLS,
                buffers,
                row=step.row,
                column=step.column,
                quantity=step.amount,
                price=step.price,
                commission=commission,
            )
        elif held[step.column]:
            before = held[step.column]
            after = float(np.trunc(before / step.ratio)) if step.what == "split" else 0.0
            kind, rate = (SPLIT, step.ratio) if step.what == "split" else (CLOSE, step.price)
            cash = round((before / step.ratio - after) * step.price, 2) if step.what == "split" else before * step.price
            action = run_pb2.CorporateAction(session_date=date, symbol=symbol, cash=cash)
            action.quantity = after if step.what == "split" else before
            if step.what == "split":
                action.kind, action.split_ratio = Kind.KIND_SPLIT, step.ratio
            else:
                action.kind, action.price = Kind.KIND_AUTOMATIC_CLOSE, step.price
            actions.append(action)
            write(
                buffers.actions,
                ACTIONS,
                buffers,
                row=step.row,
                kind=kind,
                column=step.column,
                quantity=action.quantity,
                cash=cash,
                rate=rate,
            )
            held[step.column] = after
    return told


def write(table: Any, count: int, buffers: Buffers, **values: float) -> None:
    for name, value in values.items():
        table[buffers.counts[count]][name] = value
    buffers.counts[count] += 1


@given(made=steps)
def test_matching_gives_the_profits_of_the_matcher_of_messages_in_its_order(made: list[Step]) -> None:
    buffers, matcher = make_buffers(MARKET), RoundTripMatcher()
    told = journal(made, buffers)
    trips = [trip for fills, actions in told.values() for trip in matcher.add(fills, actions)]
    count = match_round_trips(buffers)
    assert buffers.pnls[:count].tolist() == [trip.pnl for trip in trips]
    assert buffers.returns[:count].tolist() == [trip.return_on_cost for trip in trips]
