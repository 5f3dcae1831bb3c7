from __future__ import annotations

import numpy as np
import pydantic
import pytest

from engine_service.strategies.rsi_mean_reversion import RsiMeanReversion, signals
from tests.bars import make_bars


def test_it_buys_after_a_fall_and_sells_after_a_rise() -> None:
    fall, rise = [100.0 - row for row in range(10)], [92.0 + 2 * row for row in range(10)]
    decided = signals(make_bars({"A": [*fall, *rise]}), RsiMeanReversion(window=3, oversold=20, overbought=80, weight=0.7))[:, 0]
    made = [(int(row), float(decided[row])) for row in np.flatnonzero(~np.isnan(decided))]
    assert made[0] == (3, 0.7)
    assert len(made) == 2
    assert made[1][0] > 10
    assert made[1][1] == 0.0


def test_prices_that_never_change_are_no_reason_to_decide() -> None:
    assert np.isnan(signals(make_bars({"A": [5.0] * 30}), RsiMeanReversion())).all()


def test_oversold_must_be_below_overbought() -> None:
    with pytest.raises(pydantic.ValidationError, match=r"oversold \(80\) must be below overbought \(70\)"):
        RsiMeanReversion(oversold=80)
