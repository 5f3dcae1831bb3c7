"""What a run trades on, as the contiguous arrays that compiled code reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.session_facts import session_of

DIVIDEND, PAYMENT, SPLIT, CLOSE = 0, 1, 2, 3
"""Kinds of events, in the order in which zipline handles those of one session."""

EVENT = np.dtype([("row", np.int64), ("kind", np.int64), ("column", np.int64), ("rate", np.float64), ("pay_row", np.int64)], align=True)
"""rate is the cash of a unit (DIVIDEND) or the ratio (SPLIT); pay_row is NEVER when it lies after the run."""

NEVER = -1


class Market(NamedTuple):
    """Symbols of a dataset over the sessions of a run. Rows are sessions, columns symbols, but the arrays are [symbols, sessions]."""

    price: NDArray[np.float64]
    """zipline's "price": the close or, on a session without a bar, the last close times the ratios of what happened since; NaN before the
    first bar, and after the last bar its close, which is what a position is worth until it is closed."""
    volume: NDArray[np.float64]
    """Units traded; 0 without a bar."""
    last_row: NDArray[np.int64]
    """[symbols] Row of the last bar, which may lie after the run."""
    close_row: NDArray[np.int64]
    """[symbols] Row of the session that closes what is still held or ordered, if it is in the run: the one after the last bar."""
    events: NDArray[Any]
    """EVENT records by row, kind, then as zipline's tables have them: by symbol, whatever the order of the run's symbols."""


class Decisions(NamedTuple):
    """Orders to target weights, by row, then by column."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    weight: NDArray[np.float64]
    """Share of the portfolio's value that the symbol should make up."""


def open_market(dataset: Dataset, symbols: Sequence[str], first: int, last: int) -> Market:
    """The market of a run.

    Args:
        dataset: The version that the spec names.
        symbols: In the run's order.
        first: Row in the dataset of the run's first session.
        last: Row in the dataset of its last session.
    """
    rows = slice(first, last + 1)
    events = np.array(sorted(_events(dataset, symbols, first, last), key=lambda event: event[:2]), dtype=EVENT)
    ends = [dataset.coverage(symbol).end_date for symbol in symbols]
    last_row = np.searchsorted(dataset.sessions, [session_of(date) for date in ends]) - first
    return Market(
        np.ascontiguousarray([zipline_price(dataset, symbol)[rows] for symbol in symbols]),
        np.ascontiguousarray([np.nan_to_num(dataset.raw("volume", symbol)[rows]) for symbol in symbols]),
        last_row,
        last_row + 1,
        events,
    )


def _events(dataset: Dataset, symbols: Sequence[str], first: int, last: int) -> Iterator[tuple[int, int, int, float, int]]:
    columns = {symbol: column for column, symbol in enumerate(symbols)}
    rows = {int(session): row for row, session in enumerate(dataset.sessions[first : last + 1])}
    for dividend in dataset.dividends:
        if dividend.symbol in columns and dividend.ex_date in rows:
            pay_row = rows.get(dividend.pay_date, NEVER)
            yield rows[dividend.ex_date], DIVIDEND, columns[dividend.symbol], dividend.amount, pay_row
            if pay_row != NEVER:
                yield pay_row, PAYMENT, columns[dividend.symbol], 0.0, pay_row
    for split in dataset.splits:
        if split.symbol in columns and split.ex_date in rows:
            yield rows[split.ex_date], SPLIT, columns[split.symbol], split.ratio, NEVER
    for symbol, column in columns.items():
        close_date = session_of(dataset.coverage(symbol).auto_close_date)
        if close_date in rows:
            yield rows[close_date], CLOSE, column, 0.0, NEVER


def zipline_price(dataset: Dataset, symbol: str) -> NDArray[np.float64]:
    """A symbol's `Market.price` over all sessions of the dataset (zipline/data/data_portal.py, _get_daily_spot_value, get_adjustments)."""
    close = dataset.raw("close", symbol)
    bars = np.flatnonzero(~np.isnan(close))
    found = np.full(len(close), -1)
    found[bars] = bars
    found = np.maximum.accumulate(found)
    price = np.where(found >= 0, close[found], np.nan)
    tables = _ratios(dataset, symbol, close)
    for first in {row for table in tables for row, _ in table if bars[0] < row <= bars[-1]}:
        # From an event on, until there is a bar again.
        for row in range(first, int(bars[np.searchsorted(bars, first)])):
            factor = 1.0
            for ratio in (ratio for table in tables for event_row, ratio in table if found[row] < event_row <= row):
                factor *= ratio
            price[row] = close[found[row]] * factor
    return price


def _ratios(dataset: Dataset, symbol: str, close: NDArray[np.float64]) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Rows and ratios of splits and of dividends; a dividend without a close before it has none (zipline/data/adjustments.py)."""
    splits = [(int(np.searchsorted(dataset.sessions, split.ex_date)), split.ratio) for split in dataset.splits if split.symbol == symbol]
    rows = [
        (int(np.searchsorted(dataset.sessions, dividend.ex_date)), dividend.amount)
        for dividend in dataset.dividends
        if dividend.symbol == symbol
    ]
    dividends = [(row, 1.0 - amount / float(close[row - 1])) for row, amount in rows if row > 0]
    return splits, [(row, ratio) for row, ratio in dividends if ratio > 0.0]
