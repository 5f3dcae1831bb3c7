"""What a session changed, journalled at its end; only recorded runs need it."""

from __future__ import annotations

from engine_service.kernel.buffers import (
    BEYOND_PRECISION,
    DONE,
    FULL,
    HELD,
    HOLDINGS,
    NO_COLUMN,
    NOTES,
    POSITIONS,
    REPORTED,
    Buffers,
)
from engine_service.kernel.compilation import inlined
from engine_service.kernel.orders import MOST_UNITS


@inlined
def report(row: int, buffers: Buffers) -> int:
    """Journal orders and positions that changed, and what is held if that changed."""
    _complete_notes(row, buffers)
    held, reported = buffers.counts[HELD], buffers.counts[REPORTED]
    if buffers.counts[POSITIONS] + held + reported > len(buffers.positions) or buffers.counts[HOLDINGS] + held >= len(buffers.holdings):
        return FULL
    # Those that are gone come first, in the order in which they were held.
    for place in range(reported):
        if buffers.accounts[buffers.reported[place]]["quantity"] == 0.0:
            _report_position(row, buffers.reported[place], buffers)
    same = held == reported
    for place in range(held):
        column = buffers.held[place]
        account = buffers.accounts[column]
        if not abs(account["quantity"]) <= MOST_UNITS:
            return BEYOND_PRECISION
        if account["quantity"] != account["reported_quantity"] or account["cost_basis"] != account["reported_basis"]:
            _report_position(row, column, buffers)
        same = same and buffers.reported[place] == column
    if not same:
        _report_holdings(row, buffers)
    return DONE


@inlined
def _complete_notes(row: int, buffers: Buffers) -> None:
    number = buffers.counts[NOTES] - 1
    while number >= 0 and buffers.notes[number]["row"] == row:
        note = buffers.notes[number]
        order = buffers.orders[note["order"]]
        note["quantity"], note["filled"], note["cancelled"] = order["quantity"], order["filled"], order["cancelled"]
        number -= 1


@inlined
def _report_position(row: int, column: int, buffers: Buffers) -> None:
    position, account = buffers.positions[buffers.counts[POSITIONS]], buffers.accounts[column]
    position["row"], position["column"] = row, column
    position["quantity"], position["cost_basis"] = account["quantity"], account["cost_basis"]
    account["reported_quantity"], account["reported_basis"] = account["quantity"], account["cost_basis"]
    buffers.counts[POSITIONS] += 1


@inlined
def _report_holdings(row: int, buffers: Buffers) -> None:
    held, first = buffers.counts[HELD], buffers.counts[HOLDINGS]
    for place in range(held):
        buffers.reported[place] = buffers.held[place]
        buffers.holdings[first + place]["row"], buffers.holdings[first + place]["column"] = row, buffers.held[place]
    if held == 0:
        buffers.holdings[first]["row"], buffers.holdings[first]["column"] = row, NO_COLUMN
    buffers.counts[HOLDINGS] = first + max(held, 1)
    buffers.counts[REPORTED] = held
