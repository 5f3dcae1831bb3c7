"""Positions: dividends, splits, fills, automatic closes, and what they are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine_service.kernel.buffers import ACTIONS, BEYOND_PRECISION, DONE, FILLS, HELD, Buffers
from engine_service.kernel.cents import round_cents
from engine_service.kernel.compilation import inlined
from engine_service.kernel.market import CLOSE, DIVIDEND, NEVER, PAYMENT, SPLIT, Market
from engine_service.kernel.orders import MOST_UNITS


@inlined
def act(row: int, kind: int, column: int, quantity: float, cash: float, rate: float, pay_row: int, buffers: Buffers) -> None:
    """Journal a corporate action. There is room: no event makes more than one."""
    action = buffers.actions[buffers.counts[ACTIONS]]
    action["row"], action["kind"], action["column"], action["quantity"] = row, kind, column, quantity
    action["cash"], action["rate"], action["pay_row"] = cash, rate, pay_row
    buffers.counts[ACTIONS] += 1


@inlined
def earn_dividend(row: int, column: int, rate: float, pay_row: int, buffers: Buffers) -> None:
    """Owe what is held overnight (zipline/finance/ledger.py, earn_dividends; a short position owes it itself)."""
    quantity = buffers.accounts[column]["quantity"]
    if quantity != 0.0:
        act(row, DIVIDEND, column, quantity, quantity * rate, rate, pay_row, buffers)
        if pay_row != NEVER:
            buffers.owed[pay_row] += quantity * rate
            buffers.due[pay_row] += 1


@inlined
def pay_dividends(row: int, buffers: Buffers) -> float:
    """The cash of everything owed for this session, in one sum (ledger.py, pay_dividends)."""
    cash = 0.0
    if buffers.due[row] > 0:
        cash = buffers.owed[row]
        act(row, PAYMENT, 0, 0.0, cash, 0.0, NEVER, buffers)
        buffers.due[row] = 0
    return cash


@inlined
def split_position(row: int, column: int, ratio: float, buffers: Buffers) -> float:
    """Rescale a position and return the cash of its fraction, at cost (zipline/finance/position.py, handle_split)."""
    account, cash = buffers.accounts[column], 0.0
    if account["quantity"] != 0.0:
        units = account["quantity"] / ratio
        whole = np.trunc(units)
        account["cost_basis"] = round_cents(account["cost_basis"] * ratio)
        # zipline adds it to a sum of 0, so that there is no negative zero.
        cash += round_cents((units - whole) * account["cost_basis"])
        account["quantity"] = whole + 0.0
        if whole == 0.0:
            drop(column, buffers)
    act(row, SPLIT, column, account["quantity"], cash, ratio, NEVER, buffers)
    return cash


@inlined
def drop(column: int, buffers: Buffers) -> None:
    """A position is closed: a later one of the symbol goes to the end."""
    kept = 0
    for place in range(buffers.counts[HELD]):
        if buffers.held[place] != column:
            buffers.held[kept] = buffers.held[place]
            kept += 1
    buffers.counts[HELD] = kept
    buffers.accounts[column]["cost_basis"] = 0.0


@inlined
def settle(first_fill: int, cash: float, buffers: Buffers) -> float:
    """Cash after the session's fills: all of them first, then all commissions (tradesimulation.py, every_bar)."""
    for number in range(first_fill, buffers.counts[FILLS]):
        fill = buffers.fills[number]
        cash -= fill["price"] * fill["quantity"]
        _take(fill["column"], fill["quantity"], fill["price"], buffers)
    for number in range(first_fill, buffers.counts[FILLS]):
        fill = buffers.fills[number]
        if fill["commission"] > 0.0:
            account = buffers.accounts[fill["column"]]
            cash -= fill["commission"]
            if account["quantity"] != 0.0:
                account["cost_basis"] = (account["cost_basis"] * account["quantity"] + fill["commission"]) / account["quantity"]
    return cash


@inlined
def _take(column: int, quantity: float, price: float, buffers: Buffers) -> None:
    """Add a fill to its position (position.py, update)."""
    account = buffers.accounts[column]
    before = account["quantity"]
    after = before + quantity
    if before == 0.0:
        buffers.held[buffers.counts[HELD]] = column
        buffers.counts[HELD] += 1
    account["quantity"] = after
    if after == 0.0:
        drop(column, buffers)
    elif (before < 0.0) == (quantity < 0.0):  # a flat position counts as long
        account["cost_basis"] = (account["cost_basis"] * before + quantity * price) / after
    elif abs(quantity) > abs(before):
        account["cost_basis"] = price


@inlined
def close_positions(row: int, market: Market, cash: float, buffers: Buffers) -> float:
    """Cash after positions whose symbol is no longer traded are closed, in the order in which they were opened, at their last price."""
    place = 0
    while place < buffers.counts[HELD]:
        column = buffers.held[place]
        if market.close_row[column] == row:
            account, price = buffers.accounts[column], market.price[column, row]
            cash += price * account["quantity"]
            act(row, CLOSE, column, account["quantity"], price * account["quantity"], price, NEVER, buffers)
            account["quantity"] = 0.0
            drop(column, buffers)
        else:
            place += 1
    return cash


@inlined
def check_units(buffers: Buffers) -> int:
    """Whether float64 still counts what is held exactly."""
    for place in range(buffers.counts[HELD]):
        if not abs(buffers.accounts[buffers.held[place]]["quantity"]) <= MOST_UNITS:
            return BEYOND_PRECISION
    return DONE


@inlined
def worth(row: int, market: Market, cash: float, buffers: Buffers) -> float:
    """Portfolio value: longs and shorts are summed apart, in the order of `held` (zipline/finance/_finance_ext.pyx)."""
    longs, shorts = 0.0, 0.0
    for place in range(buffers.counts[HELD]):
        column = buffers.held[place]
        value = buffers.accounts[column]["quantity"] * market.price[column, row]
        if value > 0.0:
            longs += value
        elif value < 0.0:
            shorts += value
    return cash + (longs + shorts)


@inlined
def mark(first: int, end: int, market: Market, cash: float, buffers: Buffers) -> None:
    """`worth` of all sessions from `first` to before `end`, between which nothing happens: symbol by symbol, so that vectors are used.

    Prices are above 0, so the sign of a position's value is that of its quantity.
    """
    values, shorts = buffers.values[first:end], buffers.shorts[first:end]
    held = buffers.counts[HELD]
    if held == 1:
        column = buffers.held[0]
        _mark_single(values, buffers.accounts[column]["quantity"], market.price[column, first:end], cash)
        return
    values[:] = 0.0
    shorts[:] = 0.0
    for place in range(held):
        column = buffers.held[place]
        quantity, price = buffers.accounts[column]["quantity"], market.price[column, first:end]
        sums = values if quantity > 0.0 else shorts
        for t in range(len(sums)):
            sums[t] += quantity * price[t]
    for t in range(len(values)):
        values[t] = cash + (values[t] + shorts[t])


@inlined
def _mark_single(values: NDArray[np.float64], quantity: float, price: NDArray[np.float64], cash: float) -> None:
    for t in range(len(values)):
        values[t] = cash + quantity * price[t]
