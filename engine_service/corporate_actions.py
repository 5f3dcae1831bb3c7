"""Splits and cash dividends, and what they do to prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Split:
    """Units are divided by `ratio` before the session `ex_date` opens: 0.5 turns 100 units into 200."""

    symbol: str
    ex_date: int
    """Session, as yyyymmdd."""
    ratio: float


@dataclass(frozen=True, slots=True)
class Dividend:
    """Whoever holds a unit overnight into the session `ex_date` gets `amount` on the session `pay_date`."""

    symbol: str
    ex_date: int
    """Session, as yyyymmdd."""
    pay_date: int
    """Session, as yyyymmdd; not before ex_date."""
    amount: float
    """Cash for one unit, in the dataset's currency."""


def forward_factors(
    close: NDArray[np.float64], sessions: NDArray[np.int32], splits: Iterable[Split], dividends: Iterable[Dividend]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What raw prices and volumes of one symbol are multiplied by to be comparable with those of the first bar.

    A split divides later prices by its ratio and multiplies later volumes by it. A dividend divides later prices by
    1 - amount / (last close before ex_date), zipline's ratio (zipline/data/adjustments.py, calc_dividend_ratios). The factors of a session
    follow from the events up to it alone, so they never change when later bars arrive.

    Args:
        close: Raw closes [sessions], NaN where there is no bar.
        sessions: Session dates [sessions], as yyyymmdd.
        splits: The symbol's splits.
        dividends: The symbol's dividends, each below the last close before it.

    Returns:
        Price factors [sessions] and volume factors [sessions], 1 before the first event.
    """
    price, volume = np.ones(len(close)), np.ones(len(close))
    ratios = [(int(np.searchsorted(sessions, split.ex_date)), split.ratio) for split in splits]
    for row, ratio in ratios:
        price[row:] /= ratio
        volume[row:] *= ratio
    for dividend in dividends:
        row = int(np.searchsorted(sessions, dividend.ex_date))
        if (last := last_close(close, row, ratios)) is not None:
            price[row:] /= 1.0 - dividend.amount / last
    return price, volume


def last_close(close: NDArray[np.float64], row: int, ratios: Iterable[tuple[int, float]]) -> float | None:
    """The last close before a row, rescaled by the splits (row, ratio) between its session and that row; None when there is none."""
    earlier = np.flatnonzero(~np.isnan(close[:row]))
    if not len(earlier):
        return None
    last = float(close[earlier[-1]])
    for split_row, ratio in ratios:
        if earlier[-1] < split_row < row:
            last *= ratio
    return last
