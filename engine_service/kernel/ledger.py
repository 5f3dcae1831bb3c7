"""The ledger of a run: session by session where something happens, whole stretches at once where nothing does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine_service.kernel.buffers import (
    BEYOND_PRECISION,
    DONE,
    FILLS,
    FULL,
    HELD,
    INFINITE,
    NO_ORDER,
    NOT_A_NUMBER,
    QUEUED,
    TOO_MANY_UNITS,
    Buffers,
)
from engine_service.kernel.compilation import inlined, uncounted
from engine_service.kernel.costs import Costs
from engine_service.kernel.market import CLOSE, DIVIDEND, PAYMENT, SPLIT, Decisions, Market
from engine_service.kernel.orders import MOST_UNITS, cancel_orders, fill_orders, place, split_orders
from engine_service.kernel.positions import (
    check_units,
    close_positions,
    earn_dividend,
    mark,
    pay_dividends,
    settle,
    split_position,
    worth,
)
from engine_service.kernel.report import report

MOST_UNITS_OF_AN_ORDER = 1e11
"""zipline takes no larger order to buy (zipline/finance/blotter/simulation_blotter.py, max_shares)."""

NEARLY_WHOLE = 1e-4
"""So near to a whole number is that number (zipline/utils/math_utils.py, round_if_near_integer)."""

NO_PRICE = 1e-6
"""zipline infers no quantity from a price as low (zipline/algorithm.py, _calculate_order_value_amount)."""


class Played(NamedTuple):
    """How a run ended."""

    status: int
    row: int
    """Where: the number of sessions when it is DONE."""
    sessions_with_position: int


@uncounted
def play(market: Market, costs: Costs, capital_base: float, decisions: Decisions, decision_count: int, buffers: Buffers) -> Played:
    """Execute the decisions; journals and values are in the buffers.

    A session runs in zipline's order (zipline/gens/tradesimulation.py, transform): dividends, splits, fills of earlier orders, new orders,
    automatic closes, value.

    Args:
        market: What is traded.
        costs: What trading costs.
        capital_base: Cash before the first session.
        decisions: By row, then by column; each within the listing of its symbol.
        decision_count: How many of them count.
        buffers: At least as many symbols and sessions as the market has.
    """
    sessions = market.price.shape[1]
    if max(decision_count, len(market.events)) > len(buffers.fills):
        return Played(FULL, 0, 0)
    _reset(buffers, sessions)
    cash, row, event, decision, sessions_with_position, status = capital_base, 0, 0, 0, 0, DONE
    while row < sessions:
        first_fill = buffers.counts[FILLS]
        status, event, cash = _open_session(row, market, event, cash, buffers)
        if status == DONE and buffers.counts[QUEUED] > 0:
            status = fill_orders(row, market, costs, buffers)
            cash = settle(first_fill, cash, buffers)
        if status == DONE and decision < decision_count and decisions.row[decision] == row:
            status, decision = _order(row, market, cash, decisions, decision, decision_count, buffers)
        if status == DONE and event < len(market.events) and market.events[event]["row"] == row:  # what is left are closes
            status, event, cash = _end_session(row, market, event, cash, buffers)
        if status == DONE:
            status = report(row, buffers) if buffers.recording else check_units(buffers)
        if status != DONE:
            break
        due = decisions.row[decision] if decision < decision_count else sessions
        following, event = _next_row(row, due, market, event, buffers)
        mark(row, following, market, cash, buffers)
        if buffers.recording:
            buffers.cash[row:following] = cash
        if buffers.counts[HELD] > 0:
            sessions_with_position += following - row
        row = following
    return Played(status, row, sessions_with_position)


@inlined
def _reset(buffers: Buffers, sessions: int) -> None:
    buffers.counts[:] = 0
    buffers.owed[:sessions] = 0.0
    buffers.due[:sessions] = 0
    for column in range(len(buffers.accounts)):
        account = buffers.accounts[column]
        account["quantity"], account["cost_basis"] = 0.0, 0.0
        account["reported_quantity"], account["reported_basis"] = 0.0, 0.0
        account["first_order"], account["last_order"] = NO_ORDER, NO_ORDER


@inlined
def _open_session(row: int, market: Market, event: int, cash: float, buffers: Buffers) -> tuple[int, int, float]:
    """Dividends earned, dividends paid, then splits, whose fractions are paid in one sum."""
    fractions, status = 0.0, DONE
    while event < len(market.events) and market.events[event]["row"] == row and status == DONE:
        what = market.events[event]
        column = what["column"]
        if what["kind"] == DIVIDEND:
            earn_dividend(row, column, what["rate"], what["pay_row"], buffers)
        elif what["kind"] == PAYMENT:
            cash += pay_dividends(row, buffers)
        elif what["kind"] == SPLIT:
            if _concerns(column, buffers):
                status = split_orders(row, column, what["rate"], buffers)
                fractions += split_position(row, column, what["rate"], buffers)
        else:
            break
        event += 1
    return status, event, cash + fractions


@inlined
def _concerns(column: int, buffers: Buffers) -> bool:
    account = buffers.accounts[column]
    return bool(account["quantity"] != 0.0 or account["first_order"] != NO_ORDER)


@inlined
def _order(
    row: int, market: Market, cash: float, decisions: Decisions, decision: int, decision_count: int, buffers: Buffers
) -> tuple[int, int]:
    """Place the session's orders (zipline/algorithm.py, order_target_percent)."""
    value, status = worth(row, market, cash, buffers), DONE
    while status == DONE and decision < decision_count and decisions.row[decision] == row:
        column, weight = decisions.column[decision], decisions.weight[decision]
        decision += 1
        price, wanted = market.price[column, row], 0.0
        if row > market.last_row[column]:
            continue
        if not abs(price) <= NO_PRICE:
            wanted = (value * weight) / price
        wanted -= buffers.accounts[column]["quantity"]
        if np.isfinite(wanted):
            whole = np.rint(wanted)
            units = whole if abs(wanted - whole) <= NEARLY_WHOLE else np.trunc(wanted)
            if units > MOST_UNITS_OF_AN_ORDER:
                status = TOO_MANY_UNITS
            elif units < -MOST_UNITS:
                status = BEYOND_PRECISION
            elif units != 0.0:
                status = place(row, column, weight, units, buffers)
        else:
            status = NOT_A_NUMBER if np.isnan(wanted) else INFINITE
    return status, decision


@inlined
def _end_session(row: int, market: Market, event: int, cash: float, buffers: Buffers) -> tuple[int, int, float]:
    """Automatic closes: positions, then orders (tradesimulation.py, _cleanup_expired_assets)."""
    while event < len(market.events) and market.events[event]["row"] == row:
        event += 1
    cash = close_positions(row, market, cash, buffers)
    return cancel_orders(row, market, buffers), event, cash


@inlined
def _next_row(row: int, due: int, market: Market, event: int, buffers: Buffers) -> tuple[int, int]:
    """The next session on which something happens, at the latest that of the next decision; and the first event that is not over."""
    if buffers.counts[QUEUED] > 0:
        return row + 1, event
    while event < len(market.events) and market.events[event]["row"] < due:
        what = market.events[event]
        kind = what["kind"]
        if buffers.due[what["row"]] > 0 if kind == PAYMENT else _concerns(what["column"], buffers):
            return what["row"], event
        event += 1
    return due, event


assert max(DIVIDEND, PAYMENT, SPLIT) < CLOSE, "closes come last in a session"
