"""The least that a sweep of moving-average pairs can be: a compiled loop with an equity curve and five statistics.

Of zipline's rules it has the fill at the next close alone, and there is nothing around it: what it costs is what the machine needs.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

WEIGHT, CASH, COMMISSION = 0.95, 100_000.0, 0.001


@njit(cache=True)  # type: ignore[untyped-decorator]
def moving_averages(closes: NDArray[np.float64], windows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each window, the mean of the last closes [windows x sessions]; NaN at first."""
    means = np.full((len(windows), len(closes)), np.nan)
    for place in range(len(windows)):
        total, window = 0.0, windows[place]
        for t in range(len(closes)):
            total += closes[t]
            if t >= window:
                total -= closes[t - window]
            if t >= window - 1:
                means[place, t] = total / window
    return means


@njit(cache=True)  # type: ignore[untyped-decorator]
def sweep(
    closes: NDArray[np.float64], fast: NDArray[np.float64], slow: NDArray[np.float64], first: int, curve: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Final value, total return, volatility, Sharpe ratio and deepest fall of every pair [pairs x 5].

    Args:
        closes: Of one symbol [sessions].
        fast: Averages [fast windows x sessions].
        slow: Averages [slow windows x sessions].
        first: Row of the first session that is simulated.
        curve: Scratch for the equity curve [sessions].
    """
    found = np.empty((len(fast) * len(slow), 5))
    for pair in range(len(found)):
        short, long = fast[pair // len(slow)], slow[pair % len(slow)]
        cash, units, order = CASH, 0.0, 0.0
        for t in range(first, len(closes)):
            if order != 0.0:
                cash -= order * closes[t] + abs(order) * COMMISSION
                units, order = units + order, 0.0
            curve[t] = cash + units * closes[t]
            if short[t] > long[t] and units == 0.0:
                order = np.floor(WEIGHT * curve[t] / closes[t])
            elif short[t] <= long[t] and units > 0.0:
                order = -units
        total, squares, highest, depth, before = 0.0, 0.0, CASH, 0.0, CASH
        for t in range(first, len(closes)):
            change = curve[t] / before - 1.0
            total, squares, before = total + change, squares + change * change, curve[t]
            highest = max(highest, curve[t])
            depth = min(depth, curve[t] / highest - 1.0)
        count = len(closes) - first
        mean = total / count
        deviation = np.sqrt(max(squares - count * mean * mean, 0.0) / (count - 1))
        found[pair, 0], found[pair, 1], found[pair, 2] = curve[-1], curve[-1] / CASH - 1.0, deviation * np.sqrt(252.0)
        found[pair, 3], found[pair, 4] = mean / deviation * np.sqrt(252.0) if deviation > 0.0 else 0.0, depth
    return found
