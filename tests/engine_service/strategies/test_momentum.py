from __future__ import annotations

import numpy as np

from engine_service.strategies.momentum import Momentum, signals
from tests.bars import make_bars


def test_it_holds_while_the_return_over_the_lookback_is_above_the_threshold() -> None:
    bars = make_bars({"A": [10.0, 10.0, 10.5, 12.0, 11.0, 11.0]})
    decided = signals(bars, Momentum(lookback=2, threshold=0.1, weight=1.0))[:, 0]
    # Returns over two bars: 5 %, 20 %, 4.8 %, -8.3 %.
    np.testing.assert_array_equal(decided, [np.nan, np.nan, 0.0, 1.0, 0.0, np.nan])


def test_the_lookback_counts_bars_not_sessions() -> None:
    bars = make_bars({"A": [10.0, np.nan, np.nan, 12.0]})
    np.testing.assert_array_equal(signals(bars, Momentum(lookback=1, weight=1.0))[:, 0], [np.nan, np.nan, np.nan, 1.0])
