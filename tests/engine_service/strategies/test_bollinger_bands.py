from __future__ import annotations

import numpy as np

from engine_service.datasets import Dataset
from engine_service.simulation import bars_until
from engine_service.strategies.bollinger_bands import BollingerBands, signals


def test_it_holds_from_a_close_below_the_lower_band_until_one_at_or_above_the_average(wiki: Dataset) -> None:
    bars = bars_until(wiki, ("IBM",), len(wiki.sessions))
    decided = signals(bars, BollingerBands(window=15, width=1.5, weight=1.0))[:, 0]
    close, expected, held = bars.close[0], 0.0, 0.0
    entries = 0
    for row in range(14, len(close)):
        window = close[row - 14 : row + 1]
        mean, lower = window.mean(), window.mean() - 1.5 * window.std()
        assert min(abs(close[row] / mean - 1), abs(close[row] / lower - 1)) > 1e-12, "no ties in these prices"
        before, expected = expected, 1.0 if close[row] < lower else 0.0 if close[row] >= mean else expected
        entries += expected > before
        held = held if np.isnan(decided[row]) else decided[row]
        assert held == expected
    assert entries > 50
