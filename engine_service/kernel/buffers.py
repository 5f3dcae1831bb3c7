"""The memory of a run: its state and its journals. One set of buffers serves run after run, and grows when a run needs more."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine_service.kernel.compilation import compiled
from engine_service.kernel.market import Market

DONE, FULL, TOO_MANY_UNITS, NOT_A_NUMBER, INFINITE, BEYOND_PRECISION = 0, 1, 2, 3, 4, 5
"""How a run ended. FULL: a journal was too short, the buffers must grow. The others but DONE: see engine_service.kernel."""

HELD, QUEUED, ORDERS, FILLS, ACTIONS, NOTES, POSITIONS, HOLDINGS, REPORTED = range(9)
"""Places in `Buffers.counts`: how much of the array of that name is in use."""

NO_ORDER = -1
NO_COLUMN = -1

FIRST_JOURNAL_LENGTH = 256
"""Enough for most runs of one symbol: what is longer grows, four times each time, and stays."""

ACCOUNT = np.dtype(
    [
        ("quantity", np.float64),
        ("cost_basis", np.float64),
        ("first_order", np.int64),
        ("last_order", np.int64),
        ("reported_quantity", np.float64),
        ("reported_basis", np.float64),
    ],
    align=True,
)
"""A symbol: what is held of it, its open orders (a list linked by `next`), and what its position was when it was last reported."""

ORDER = np.dtype(
    [
        ("column", np.int64),
        ("quantity", np.float64),
        ("filled", np.float64),
        ("commission", np.float64),
        ("weight", np.float64),
        ("next", np.int64),
        ("note", np.int64),
        ("cancelled", np.int64),
    ],
    align=True,
)
"""An order, at the place of its number less one; `next` is the next open one of its symbol, `note` its note of this session or before."""

FILL = np.dtype(
    [
        ("row", np.int64),
        ("column", np.int64),
        ("order", np.int64),
        ("quantity", np.float64),
        ("price", np.float64),
        ("commission", np.float64),
    ],
    align=True,
)

ACTION = np.dtype(
    [
        ("row", np.int64),
        ("kind", np.int64),
        ("column", np.int64),
        ("quantity", np.float64),
        ("cash", np.float64),
        ("rate", np.float64),
        ("pay_row", np.int64),
    ],
    align=True,
)
"""A corporate action that mattered; its kind and rate are those of `market.EVENT`, the rate of a CLOSE its price."""

NOTE = np.dtype(
    [("row", np.int64), ("order", np.int64), ("quantity", np.float64), ("filled", np.float64), ("cancelled", np.int64)], align=True
)
"""An order that changed, as it stood at the end of the session."""

POSITION = np.dtype([("row", np.int64), ("column", np.int64), ("quantity", np.float64), ("cost_basis", np.float64)], align=True)
"""A position that changed, as it stood at the end of the session."""

HOLDING = np.dtype([("row", np.int64), ("column", np.int64)], align=True)
"""What is held from a row on, a record for each symbol in zipline's order; NO_COLUMN when nothing is."""

LOT = np.dtype(
    [("row", np.int64), ("next", np.int64), ("price", np.float64), ("commission", np.float64), ("until", np.float64)], align=True
)
"""Units that came in with one fill; see `round_trips`."""

STOCK = np.dtype([("first", np.int64), ("last", np.int64), ("direction", np.float64), ("gone", np.float64)], align=True)
"""The lots of a symbol."""


class Buffers(NamedTuple):
    """State of a run, its journals and its results. Records are as above; floats are float64, integers int64."""

    recording: bool
    """Whether a run journals also what only a record needs: cash, orders, positions, what is held."""
    values: NDArray[np.float64]
    """[sessions] Portfolio value."""
    cash: NDArray[np.float64]
    """[sessions] Cash; filled in when the run is recorded."""
    shorts: NDArray[np.float64]
    """[sessions] Scratch: the value of what is sold short."""
    owed: NDArray[np.float64]
    """[sessions] Dividends to pay."""
    due: NDArray[np.int64]
    """[sessions] How many."""
    counts: NDArray[np.int64]
    """By HELD, QUEUED and so on."""
    accounts: NDArray[Any]
    """[symbols] ACCOUNT."""
    held: NDArray[np.int64]
    """[symbols] Columns in the order in which their positions were opened: zipline's ordered dictionary."""
    reported: NDArray[np.int64]
    """[symbols] `held` as it was when it was last reported."""
    queue: NDArray[np.int64]
    """[symbols] Columns with open orders, in the order in which they got their first one."""
    orders: NDArray[Any]
    fills: NDArray[Any]
    actions: NDArray[Any]
    notes: NDArray[Any]
    positions: NDArray[Any]
    holdings: NDArray[Any]
    stocks: NDArray[Any]
    """[symbols] STOCK."""
    lots: NDArray[Any]
    pnls: NDArray[np.float64]
    returns: NDArray[np.float64]
    """return_on_cost of each of `pnls`."""
    entries: NDArray[np.int64]
    """Row of entry of each of `pnls`."""


def make_buffers(market: Market, *, recording: bool = False) -> Buffers:
    """Buffers for runs on a market, or on others with no more symbols and sessions."""
    columns, rows = market.price.shape
    length = FIRST_JOURNAL_LENGTH
    return Buffers(
        recording=recording,
        values=np.empty(rows),
        cash=np.empty(rows),
        shorts=np.empty(rows),
        owed=np.empty(rows),
        due=np.empty(rows, np.int64),
        counts=np.empty(REPORTED + 1, np.int64),
        accounts=np.empty(columns, ACCOUNT),
        held=np.empty(columns, np.int64),
        reported=np.empty(columns, np.int64),
        queue=np.empty(columns, np.int64),
        orders=np.empty(length, ORDER),
        fills=np.empty(length, FILL),
        actions=np.empty(length, ACTION),
        notes=np.empty(length, NOTE),
        positions=np.empty(length, POSITION),
        holdings=np.empty(length, HOLDING),
        stocks=np.empty(columns, STOCK),
        lots=np.empty(length, LOT),
        pnls=np.empty(3 * length),
        returns=np.empty(3 * length),
        entries=np.empty(3 * length, np.int64),
    )


@compiled
def grown(buffers: Buffers) -> Buffers:
    """The same with journals four times as long; what was in them is lost, as the run starts again."""
    length = 4 * len(buffers.fills)
    return Buffers(
        buffers.recording,
        buffers.values,
        buffers.cash,
        buffers.shorts,
        buffers.owed,
        buffers.due,
        buffers.counts,
        buffers.accounts,
        buffers.held,
        buffers.reported,
        buffers.queue,
        np.empty(length, buffers.orders.dtype),
        np.empty(length, buffers.fills.dtype),
        np.empty(length, buffers.actions.dtype),
        np.empty(length, buffers.notes.dtype),
        np.empty(length, buffers.positions.dtype),
        np.empty(length, buffers.holdings.dtype),
        buffers.stocks,
        np.empty(length, buffers.lots.dtype),
        np.empty(3 * length),
        np.empty(3 * length),
        np.empty(3 * length, np.int64),
    )
