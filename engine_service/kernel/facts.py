"""A run's journals -> SessionFacts, equal to those that zipline's run yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine_service.kernel.buffers import ACTIONS, FILLS, HOLDINGS, NO_COLUMN, NOTES, POSITIONS, Buffers
from engine_service.kernel.market import CLOSE, DIVIDEND, NEVER, PAYMENT, SPLIT, Market
from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2

_Message = TypeVar("_Message")

KINDS = {
    DIVIDEND: run_pb2.CorporateAction.KIND_DIVIDEND_EARNED,
    PAYMENT: run_pb2.CorporateAction.KIND_DIVIDEND_PAID,
    SPLIT: run_pb2.CorporateAction.KIND_SPLIT,
    CLOSE: run_pb2.CorporateAction.KIND_AUTOMATIC_CLOSE,
}


def session_facts(
    market: Market, symbols: Sequence[str], sessions: NDArray[np.int32], count: int, buffers: Buffers
) -> Iterator[SessionFacts]:
    """The facts of the first `count` sessions of a recorded run.

    Args:
        market: What it traded on.
        symbols: Of the market's columns.
        sessions: Dates of the market's rows, as yyyymmdd.
        count: How many sessions the run completed.
        buffers: As the run left them.
    """
    dates = [int(date) for date in sessions]
    counts, orders_placed = buffers.counts, buffers.orders
    fills = _by_row(buffers.fills[: counts[FILLS]], lambda record: _fill(record, dates, symbols))
    orders = _by_row(buffers.notes[: counts[NOTES]], lambda record: _order(record, dates, symbols, orders_placed))
    positions = _by_row(buffers.positions[: counts[POSITIONS]], lambda record: _position(record, dates, symbols))
    actions = _by_row(buffers.actions[: counts[ACTIONS]], lambda record: _action(record, dates, symbols))
    values, cash = buffers.values[:count].tolist(), buffers.cash[:count].tolist()
    for row, marks in enumerate(_mark_prices(market, count, buffers)):
        yield SessionFacts(
            dates[row],
            values[row],
            cash[row],
            fills.get(row, []),
            orders.get(row, []),
            positions.get(row, []),
            actions.get(row, []),
            marks,
        )


def _by_row(records: NDArray[Any], make: Callable[[Any], _Message]) -> dict[int, list[_Message]]:
    made: dict[int, list[_Message]] = {}
    for record in records.tolist():
        made.setdefault(record[0], []).append(make(record))
    return made


def _fill(record: Any, dates: Sequence[int], symbols: Sequence[str]) -> run_pb2.Fill:
    row, column, order, quantity, price, commission = record
    return run_pb2.Fill(
        session_date=dates[row], symbol=symbols[column], quantity=quantity, price=price, commission=commission, order_number=order + 1
    )


def _order(record: Any, dates: Sequence[int], symbols: Sequence[str], orders: NDArray[Any]) -> run_pb2.Order:
    row, number, quantity, filled, cancelled = record
    return run_pb2.Order(
        session_date=dates[row],
        symbol=symbols[orders[number]["column"]],
        target_weight=orders[number]["weight"],
        quantity=quantity,
        filled=filled,
        order_number=number + 1,
        cancelled=bool(cancelled),
    )


def _position(record: Any, dates: Sequence[int], symbols: Sequence[str]) -> run_pb2.Position:
    row, column, quantity, cost_basis = record
    return run_pb2.Position(session_date=dates[row], symbol=symbols[column], quantity=quantity, cost_basis=cost_basis)


def _action(record: Any, dates: Sequence[int], symbols: Sequence[str]) -> run_pb2.CorporateAction:
    row, kind, column, quantity, cash, rate, pay_row = record
    action = run_pb2.CorporateAction(session_date=dates[row], kind=KINDS[kind], cash=cash)
    if kind != PAYMENT:
        action.symbol, action.quantity = symbols[column], quantity
    if kind == DIVIDEND:
        action.dividend_per_share = rate
        if pay_row != NEVER:
            action.pay_date = dates[pay_row]
    elif kind == SPLIT:
        action.split_ratio = rate
    elif kind == CLOSE:
        action.price = rate
    return action


def _mark_prices(market: Market, count: int, buffers: Buffers) -> Iterator[list[float]]:
    """For each session, the prices of what is held at its end, in zipline's order."""
    holdings = buffers.holdings[: buffers.counts[HOLDINGS]].tolist()
    changes = [(row, [column for _, column in records]) for row, records in groupby(holdings, key=itemgetter(0))]
    changes = [(0, [NO_COLUMN]), *changes]
    ends = [*(row for row, _ in changes[1:]), count]
    for (row, columns), end in zip(changes, ends, strict=True):
        if columns == [NO_COLUMN]:
            yield from ([] for _ in range(min(end, count) - row))
        else:
            yield from market.price[columns, row : min(end, count)].T.tolist()
