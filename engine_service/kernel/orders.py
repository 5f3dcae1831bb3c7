"""Open orders: placed, filled, split, cancelled. Each symbol has a list of them, and symbols with open orders have a queue.

Records are references: what is set in `order` is set in the array that it is from.
"""

from __future__ import annotations

import numpy as np

from engine_service.kernel.buffers import (
    BEYOND_PRECISION,
    DONE,
    FILLS,
    FULL,
    NO_ORDER,
    NOTES,
    ORDERS,
    QUEUED,
    Buffers,
)
from engine_service.kernel.compilation import inlined
from engine_service.kernel.costs import FIXED_BASIS_POINTS, NO_SLIPPAGE, PER_SHARE, PER_TRADE, Costs
from engine_service.kernel.market import Market

MOST_UNITS = 2.0**53
"""Up to here every whole number is a float64, so float64 counts units as zipline's integers do."""


@inlined
def place(row: int, column: int, weight: float, quantity: float, buffers: Buffers) -> int:
    """Open an order (zipline/finance/blotter/simulation_blotter.py, order)."""
    account, number = buffers.accounts[column], buffers.counts[ORDERS]
    buffers.counts[ORDERS] += 1
    order = buffers.orders[number]
    order["column"], order["quantity"], order["filled"], order["commission"] = column, quantity, 0.0, 0.0
    order["weight"], order["next"], order["note"], order["cancelled"] = weight, NO_ORDER, -1, 0
    if account["first_order"] == NO_ORDER:
        account["first_order"] = number
        buffers.queue[buffers.counts[QUEUED]] = column
        buffers.counts[QUEUED] += 1
    else:
        buffers.orders[account["last_order"]]["next"] = number
    account["last_order"] = number
    return note(row, number, buffers) if buffers.recording else DONE


@inlined
def note(row: int, number: int, buffers: Buffers) -> int:
    """An order changes on this session; it keeps the place of its first change."""
    order, count = buffers.orders[number], buffers.counts[NOTES]
    if order["note"] >= 0 and buffers.notes[order["note"]]["row"] == row:
        return DONE
    if count == len(buffers.notes):
        return FULL
    made = buffers.notes[count]
    made["row"], made["order"] = row, number
    order["note"] = count
    buffers.counts[NOTES] = count + 1
    return DONE


@inlined
def fill_orders(row: int, market: Market, costs: Costs, buffers: Buffers) -> int:
    """Fill what the session's bars can fill, symbol by symbol in the order of the queue (simulation_blotter.py, get_transactions)."""
    for place_in_queue in range(buffers.counts[QUEUED]):
        column = buffers.queue[place_in_queue]
        if market.volume[column, row] > 0.0:  # zipline/finance/slippage.py, simulate: no volume or no close, no fill
            status = _fill_symbol(row, column, market, costs, buffers)
            if status != DONE:
                return status
    forget_idle(buffers)
    return DONE


@inlined
def _fill_symbol(row: int, column: int, market: Market, costs: Costs, buffers: Buffers) -> int:
    account, price, volume = buffers.accounts[column], market.price[column, row], market.volume[column, row]
    used, before, number = 0.0, NO_ORDER, account["first_order"]
    while number != NO_ORDER:
        order, count = buffers.orders[number], buffers.counts[FILLS]
        side = 1.0 if order["quantity"] > 0.0 else -1.0
        units = _units(abs(order["quantity"] - order["filled"]), volume, used, costs)
        if units == 0.0:
            break
        if count == len(buffers.fills):
            return FULL
        used += units
        fill = buffers.fills[count]
        fill["row"], fill["column"], fill["order"], fill["quantity"] = row, column, number, units * side
        fill["price"] = _price(price, used, volume, side, costs)
        due = _commission(order["filled"], order["commission"], units, fill["price"], costs)
        # A difference below 0, possible after a reverse split, counts for the order but is not refunded.
        fill["commission"] = due if due > 0.0 else 0.0  # noqa: FURB136 - of two zeros max may take the negative one
        order["filled"] += units * side
        order["commission"] += due
        buffers.counts[FILLS] = count + 1
        if buffers.recording and note(row, number, buffers) != DONE:
            return FULL
        if order["filled"] == order["quantity"]:
            _unlink(number, before, account, buffers)
        else:
            before = number
        number = order["next"]
    return DONE if used <= MOST_UNITS else BEYOND_PRECISION


@inlined
def _units(rest: float, volume: float, used: float, costs: Costs) -> float:
    """How much of an order fills; 0 when the bar's volume is used up (zipline/finance/slippage.py, process_order of each model)."""
    if costs.slippage == NO_SLIPPAGE:
        return rest
    if costs.slippage == FIXED_BASIS_POINTS:
        return float(min(rest, np.trunc(costs.volume_limit * volume) - used))
    room = costs.volume_limit * volume - used
    return float(np.trunc(min(room, rest))) if room >= 1.0 else 0.0


@inlined
def _price(price: float, used: float, volume: float, side: float, costs: Costs) -> float:
    """What a unit costs (slippage.py, process_order of each model)."""
    if costs.slippage == NO_SLIPPAGE:
        return price
    if costs.slippage == FIXED_BASIS_POINTS:
        return price + price * (costs.spread * side)
    share = min(used / volume, costs.volume_limit)
    return float(price + share**costs.exponent * (costs.price_impact * side) * price)


@inlined
def _commission(filled: float, paid: float, units: float, price: float, costs: Costs) -> float:
    """What a fill adds to the commission of its order (zipline/finance/commission.py)."""
    if costs.commission == PER_SHARE:
        added = abs(units * costs.commission_rate)
        if paid == 0.0:
            return max(costs.minimum_commission, added)
        total = abs(filled * costs.commission_rate) + added
        return 0.0 if total < costs.minimum_commission else total - paid
    if costs.commission == PER_TRADE:
        return costs.commission_rate if paid == 0.0 else 0.0
    return units * (price * costs.commission_rate)


@inlined
def _unlink(number: int, before: int, account: np.void, buffers: Buffers) -> None:
    following = buffers.orders[number]["next"]
    if before == NO_ORDER:
        account["first_order"] = following
    else:
        buffers.orders[before]["next"] = following
    if following == NO_ORDER:
        account["last_order"] = before


@inlined
def forget_idle(buffers: Buffers) -> None:
    """Take symbols without open orders out of the queue (simulation_blotter.py, prune_orders)."""
    kept = 0
    for place_in_queue in range(buffers.counts[QUEUED]):
        column = buffers.queue[place_in_queue]
        if buffers.accounts[column]["first_order"] != NO_ORDER:
            buffers.queue[kept] = column
            kept += 1
    buffers.counts[QUEUED] = kept


@inlined
def split_orders(row: int, column: int, ratio: float, buffers: Buffers) -> int:
    """Rescale a symbol's open orders; what has no whole unit left is dropped (zipline/finance/order.py, handle_split; process_splits)."""
    account = buffers.accounts[column]
    before, number = NO_ORDER, account["first_order"]
    while number != NO_ORDER:
        order = buffers.orders[number]
        if buffers.recording and note(row, number, buffers) != DONE:
            return FULL
        rest = np.trunc((order["quantity"] - order["filled"]) / ratio)
        filled = np.trunc(order["filled"] / ratio)
        if not abs(filled) + abs(rest) <= MOST_UNITS:
            return BEYOND_PRECISION
        # Adding 0.0 turns a negative zero into the zero that zipline's integer is.
        order["filled"], order["quantity"] = filled + 0.0, filled + rest + 0.0
        if rest == 0.0:
            _unlink(number, before, account, buffers)
        else:
            before = number
        number = order["next"]
    forget_idle(buffers)
    return DONE


@inlined
def cancel_orders(row: int, market: Market, buffers: Buffers) -> int:
    """Cancel the orders of symbols that close on this session (zipline/gens/tradesimulation.py, _cleanup_expired_assets)."""
    for place_in_queue in range(buffers.counts[QUEUED]):
        column = buffers.queue[place_in_queue]
        if market.close_row[column] == row:
            number = buffers.accounts[column]["first_order"]
            while number != NO_ORDER:
                order = buffers.orders[number]
                order["cancelled"] = 1
                if buffers.recording and note(row, number, buffers) != DONE:
                    return FULL
                number = order["next"]
            buffers.accounts[column]["first_order"] = NO_ORDER
    forget_idle(buffers)
    return DONE
