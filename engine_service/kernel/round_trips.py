"""`engine_service.round_trips` compiled: profits, losses and returns only, with the same arithmetic in the same order.

Lots of a symbol are a list linked by `next`. A lot's `until` counts the units that had come in once it was in; `gone` those that left.
"""

from __future__ import annotations

import numpy as np

from engine_service.kernel.buffers import ACTIONS, FILLS, Buffers
from engine_service.kernel.compilation import inlined, uncounted
from engine_service.kernel.market import CLOSE, SPLIT
from engine_service.round_trips import ROUNDING

NO_LOT = -1


@uncounted
def match_round_trips(buffers: Buffers) -> int:
    """Match the fills and actions of a run, first in, first out.

    Returns:
        How many round trips are in `pnls` and `returns`, ordered by exit, then by entry.
    """
    fill, action, lots, trips = 0, 0, 0, 0
    fills, actions = buffers.counts[FILLS], buffers.counts[ACTIONS]
    for column in range(len(buffers.stocks)):
        buffers.stocks[column]["first"] = NO_LOT
    while fill < fills or action < actions:
        row, first = _row(fill, fills, action, actions, buffers), trips
        while action < actions and buffers.actions[action]["row"] == row and buffers.actions[action]["kind"] != CLOSE:
            if buffers.actions[action]["kind"] == SPLIT:
                trips = _split(action, trips, buffers)
            action += 1
        while fill < fills and buffers.fills[fill]["row"] == row:
            lots, trips = _fill(fill, lots, trips, buffers)
            fill += 1
        while action < actions and buffers.actions[action]["row"] == row:
            close = buffers.actions[action]
            trips = _leave(close["column"], abs(close["quantity"]), close["rate"], 0.0, trips, buffers)
            action += 1
        _sort_by_entry(first, trips, buffers)
    return trips


@inlined
def _row(fill: int, fills: int, action: int, actions: int, buffers: Buffers) -> int:
    """The next session on which something happened."""
    if fill == fills:
        return int(buffers.actions[action]["row"])
    if action == actions:
        return int(buffers.fills[fill]["row"])
    return int(min(buffers.fills[fill]["row"], buffers.actions[action]["row"]))


@inlined
def _units(column: int, buffers: Buffers) -> float:
    stock = buffers.stocks[column]
    return float(buffers.lots[stock["last"]]["until"] - stock["gone"]) if stock["first"] != NO_LOT else 0.0


@inlined
def _fill(number: int, lots: int, trips: int, buffers: Buffers) -> tuple[int, int]:
    """A fill past zero closes what is open and opens the opposite; its commission is shared by units."""
    fill = buffers.fills[number]
    column, units, commission = fill["column"], abs(fill["quantity"]), fill["commission"]
    stock, direction = buffers.stocks[column], 1.0 if fill["quantity"] > 0.0 else -1.0
    if stock["first"] != NO_LOT and stock["direction"] != direction:
        leaving = min(units, _units(column, buffers))
        share = commission * (leaving / units)
        trips = _leave(column, leaving, fill["price"], share, trips, buffers)
        units, commission = units - leaving, commission - share
    if units != 0.0:
        if stock["first"] == NO_LOT:
            stock["first"], stock["direction"], stock["gone"] = lots, direction, 0.0
            until = 0.0
        else:
            until = stock["gone"] + _units(column, buffers)
            buffers.lots[stock["last"]]["next"] = lots
        lot = buffers.lots[lots]
        lot["row"], lot["price"], lot["commission"] = fill["row"], fill["price"], commission
        lot["until"], lot["next"] = until + units, NO_LOT
        stock["last"] = lots
        lots += 1
    return lots, trips


@uncounted
def _leave(column: int, units: float, price: float, commission: float, trips: int, buffers: Buffers) -> int:
    """Close units, oldest first; a round trip for every lot that they come from."""
    stock = buffers.stocks[column]
    direction, end = stock["direction"], stock["gone"] + units
    while stock["first"] != NO_LOT and stock["gone"] < end:
        lot = buffers.lots[stock["first"]]
        reached = min(lot["until"], end)
        matched = reached - stock["gone"]
        entry_share = lot["commission"] * (matched / (lot["until"] - stock["gone"]))
        exit_share = commission * (matched / (end - stock["gone"]))
        quantity = direction * matched
        cost = abs(quantity * lot["price"])
        buffers.pnls[trips] = quantity * (price - lot["price"]) - (entry_share + exit_share)
        buffers.returns[trips] = buffers.pnls[trips] / cost if cost > 0.0 else 0.0
        buffers.entries[trips] = lot["row"]
        trips += 1
        lot["commission"] -= entry_share
        commission -= exit_share
        stock["gone"] = reached
        if reached == lot["until"]:
            stock["first"] = lot["next"]
    return trips


@inlined
def _split(number: int, trips: int, buffers: Buffers) -> int:
    """Recount the units; the fraction that is paid out leaves from the oldest lot, for the cash that was paid for it."""
    action = buffers.actions[number]
    column, ratio, after = action["column"], action["rate"], abs(action["quantity"])
    stock = buffers.stocks[column]
    if stock["first"] == NO_LOT:
        return trips
    units = _units(column, buffers)
    error = ROUNDING * max(1.0, units / ratio)
    fraction = units / ratio - after
    fraction = fraction if fraction > error else 0.0
    _recount(column, ratio, after, fraction, error, buffers)
    if fraction != 0.0:
        trips = _leave(column, fraction, action["cash"] / (stock["direction"] * fraction), 0.0, trips, buffers)
    return trips


@inlined
def _recount(column: int, ratio: float, after: float, fraction: float, error: float, buffers: Buffers) -> None:
    stock = buffers.stocks[column]
    came, kept, number = -fraction, NO_LOT, stock["first"]
    while number != NO_LOT:
        lot = buffers.lots[number]
        until = (lot["until"] - stock["gone"]) / ratio - fraction
        until = np.rint(until) if abs(until - np.rint(until)) <= error else until
        until = after if lot["next"] == NO_LOT else until
        following = lot["next"]
        if until > came:
            lot["price"], lot["until"], lot["next"] = lot["price"] * ratio, until, NO_LOT
            if kept == NO_LOT:
                stock["first"] = number
            else:
                buffers.lots[kept]["next"] = number
            kept, came = number, until
        number = following
    if kept == NO_LOT:
        stock["first"] = NO_LOT
    stock["last"], stock["gone"] = kept, -fraction


@inlined
def _sort_by_entry(first: int, end: int, buffers: Buffers) -> None:
    """Round trips of one session, stably: insertion, as they are few and nearly in order."""
    pnls, returns, entries = buffers.pnls, buffers.returns, buffers.entries
    for place in range(first + 1, end):
        pnl, gained, entry, free = pnls[place], returns[place], entries[place], place
        while free > first and entries[free - 1] > entry:
            pnls[free], returns[free], entries[free] = pnls[free - 1], returns[free - 1], entries[free - 1]
            free -= 1
        pnls[free], returns[free], entries[free] = pnl, gained, entry
