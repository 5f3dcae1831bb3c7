from __future__ import annotations

import numpy as np

from engine_service.strategies.cross_sectional_momentum import CrossSectionalMomentum, signals
from tests.bars import make_bars

NAN = np.nan


def test_on_the_first_session_of_a_month_the_best_get_equal_parts_and_the_others_nothing() -> None:
    bars = make_bars(
        {"A": [1.0, 1.0, 1.0, 1.0], "B": [1.0, 1.0, 3.0, 3.0], "C": [1.0, 1.0, 2.0, 2.0]},
        first="2020-01-30",
    )
    decided = signals(bars, CrossSectionalMomentum(lookback=2, top=2, weight=0.8))
    np.testing.assert_array_equal(decided, [[NAN] * 3, [NAN] * 3, [0.0, 0.4, 0.4], [NAN] * 3])


def test_equal_returns_are_ranked_in_the_order_of_the_symbols() -> None:
    bars = make_bars({"A": [2.0, 2.0], "B": [1.0, 1.0]}, first="2020-01-31")
    np.testing.assert_array_equal(signals(bars, CrossSectionalMomentum(lookback=1, top=1, weight=1.0))[1], [1.0, 0.0])


def test_a_symbol_without_a_bar_or_with_too_few_is_not_ranked() -> None:
    bars = make_bars({"A": [1.0, 1.0, NAN], "B": [NAN, 1.0, 9.0], "C": [4.0, 3.0, 2.0]}, first="2020-01-30")
    decided = signals(bars, CrossSectionalMomentum(lookback=2, top=2, weight=1.0))
    np.testing.assert_array_equal(decided[2], [NAN, 0.0, 0.5])


def test_no_ranking_is_made_as_long_as_no_symbol_has_a_return() -> None:
    bars = make_bars({"A": [1.0, 1.0], "B": [1.0, 1.0]}, first="2020-01-31")
    assert np.isnan(signals(bars, CrossSectionalMomentum(lookback=5))).all()
