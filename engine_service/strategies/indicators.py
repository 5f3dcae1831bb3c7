"""Indicators of one symbol: an array [sessions] in, an array [sessions] out; sessions without a bar are skipped and stay NaN.

All of them start at the symbol's first bar, because the last bit of a rolling sum depends on where it starts, and see nothing that comes
later. In a sweep each is computed once (`memory`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine_service.strategies.memory import remembers

Values = NDArray[np.float64]

SESSIONS_PER_YEAR = 252.0
"""What makes a volatility annual, as in the metrics of a run."""


def on_bars(values: Values, indicator: Callable[[Values], Values]) -> Values:
    """Compute an indicator over the bars that exist.

    Args:
        values: A field of a symbol's bars [sessions], NaN where there is no bar.
        indicator: From the bars that exist [bars] to as many values; None and NaN are undefined.
    """
    exists = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    result[exists] = indicator(values[exists])
    return result


@remembers
def sma(values: Values, window: int) -> Values:
    """Mean of the last `window` bars."""
    return on_bars(values, lambda bars: pl.Series(bars).rolling_mean(window).to_numpy())


@remembers
def ema(values: Values, window: int) -> Values:
    """Exponential average with alpha = 2 / (window + 1) from the first bar on; undefined for the first window - 1 bars."""
    return on_bars(values, lambda bars: pl.Series(bars).ewm_mean(span=window, adjust=False, min_samples=window).to_numpy())


@remembers
def deviation(values: Values, window: int) -> Values:
    """Standard deviation of the last `window` bars around their mean (ddof 0)."""
    return on_bars(values, lambda bars: pl.Series(bars).rolling_std(window, ddof=0).to_numpy())


@remembers
def gain(values: Values, lookback: int) -> Values:
    """Change over the last `lookback` bars, as a fraction."""

    def change(bars: Values) -> Values:
        result = np.full(len(bars), np.nan)
        result[lookback:] = bars[lookback:] / bars[:-lookback] - 1.0
        return result

    return on_bars(values, change)


@remembers
def rsi(values: Values, window: int) -> Values:
    """Relative strength index, from 0 to 100 = 100 * rises / (rises + falls).

    Both are averaged exponentially with alpha = 1 / window from the first change on (Wilder 1978). Undefined for the first `window` bars,
    and as long as the price never changed.
    """

    def average(moves: Values) -> pl.Series:
        return pl.Series(np.maximum(moves, 0.0)).ewm_mean(alpha=1.0 / window, adjust=False, min_samples=window)

    def index(bars: Values) -> Values:
        changes = bars[1:] - bars[:-1]
        rises, falls = average(changes), average(-changes)
        return _after_first(bars, 100.0 * rises / (rises + falls))

    return on_bars(values, index)


@remembers
def volatility(values: Values, window: int) -> Values:
    """Annual volatility of the last `window` changes from bar to bar = std(changes, ddof=1) * sqrt(252)."""

    def annual(bars: Values) -> Values:
        changes = pl.Series(bars[1:] / bars[:-1] - 1.0)
        return _after_first(bars, changes.rolling_std(window, ddof=1) * np.sqrt(SESSIONS_PER_YEAR))

    return on_bars(values, annual)


def _after_first(bars: Values, of_changes: pl.Series) -> Values:
    """What was computed from the changes between bars, each at the later bar; the first bar has none."""
    result = np.full(len(bars), np.nan)
    result[1:] = of_changes.to_numpy()
    return result
