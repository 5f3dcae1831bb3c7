from __future__ import annotations

import numpy as np

from engine_service.strategies.buy_and_hold import BuyAndHold, signals
from tests.bars import make_bars


def test_each_symbol_is_bought_once_on_its_first_bar_in_equal_parts() -> None:
    bars = make_bars({"A": [1.0, 2.0, 3.0], "B": [np.nan, np.nan, 4.0]})
    np.testing.assert_array_equal(signals(bars, BuyAndHold(weight=0.8)), [[0.4, np.nan], [np.nan, np.nan], [np.nan, 0.4]])


def test_a_symbol_without_any_bar_is_not_bought() -> None:
    bars = make_bars({"A": [np.nan, np.nan]})
    assert np.isnan(signals(bars, BuyAndHold())).all()
