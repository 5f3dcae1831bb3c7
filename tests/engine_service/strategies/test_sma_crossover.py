from __future__ import annotations

import numpy as np
import pydantic
import pytest

from engine_service.datasets import Dataset
from engine_service.simulation import bars_until
from engine_service.strategies.sma_crossover import SmaCrossover, signals
from tests.bars import make_bars


def test_it_enters_when_the_fast_average_rises_above_the_slow_one_and_leaves_when_it_falls_back() -> None:
    bars = make_bars({"A": [5.0, 4.0, 3.0, 6.0, 9.0, 2.0, 1.0]})
    decided = signals(bars, SmaCrossover(fast=1, slow=3, weight=0.5))[:, 0]
    np.testing.assert_array_equal(decided, [np.nan, np.nan, 0.0, 0.5, np.nan, 0.0, np.nan])


def test_on_real_prices_it_holds_exactly_while_the_fast_mean_is_above_the_slow_one(wiki: Dataset) -> None:
    bars = bars_until(wiki, ("MSFT",), len(wiki.sessions))
    decided = signals(bars, SmaCrossover(fast=7, slow=21, weight=1.0))[:, 0]
    close, held = bars.close[0], 0.0
    for row in range(20, len(close)):
        held = held if np.isnan(decided[row]) else decided[row]
        fast, slow = close[row - 6 : row + 1].mean(), close[row - 20 : row + 1].mean()
        if abs(fast / slow - 1) > 1e-12:  # a tie may fall either way
            assert held == (fast > slow)


def test_fast_must_be_below_slow() -> None:
    with pytest.raises(pydantic.ValidationError, match=r"fast \(30\) must be below slow \(30\)"):
        SmaCrossover(fast=30, slow=30)
