from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.simulation import LookAhead, bars_until, simulate
from engine_service.strategies import Bars, Strategy, load_strategies
from engine_service.strategies.decisions import in_and_out
from engine_service.strategies.look_ahead import first_peek
from tests.bars import make_bars
from tests.specs import NoParameters, complete_spec


def strategy(signals: Any) -> Strategy:
    return Strategy("suspect", "test", "May look ahead.", NoParameters, signals=signals)


def column(bars: Bars, decisions: Any) -> NDArray[np.float64]:
    return np.asarray(decisions, dtype=np.float64).reshape(len(bars.sessions), 1)


def rises_tomorrow(bars: Bars, _parameters: Any) -> NDArray[np.float64]:
    close = bars.close[0]
    rises = np.append(close[1:] > close[:-1], False)
    return column(bars, in_and_out(rises, ~rises, 1.0))


def above_the_mean_of_all_time(bars: Bars, _parameters: Any) -> NDArray[np.float64]:
    return column(bars, np.where(bars.close[0] > bars.close[0].mean(), 1.0, 0.0))


def the_one_lowest_close(bars: Bars, _parameters: Any) -> NDArray[np.float64]:
    decisions = np.full(len(bars.sessions), np.nan)
    decisions[np.argmin(bars.close[0])] = 1.0
    return column(bars, decisions)


def sells_before_it_falls_within_a_month(bars: Bars, _parameters: Any) -> NDArray[np.float64]:
    close = bars.close[0]
    lowest = np.array([close[row : row + 21].min() for row in range(len(close))])
    falls = lowest < close * 0.9
    return column(bars, in_and_out(~falls, falls, 1.0))


@pytest.mark.parametrize(
    "signals", [rises_tomorrow, above_the_mean_of_all_time, the_one_lowest_close, sells_before_it_falls_within_a_month]
)
@pytest.mark.parametrize("symbol", ["AAPL", "IBM", "MSFT"])
def test_a_strategy_that_looks_ahead_is_caught(wiki: Dataset, signals: Any, symbol: str) -> None:
    peek = first_peek(strategy(signals), bars_until(wiki, (symbol,), len(wiki.sessions)), NoParameters())
    assert peek is not None
    assert f"suspect looks ahead: its signal for {symbol} on 20" in peek


@given(st.lists(st.floats(1, 100), min_size=1, max_size=60))
def test_a_strategy_that_looks_back_only_is_never_accused(closes: list[float]) -> None:
    def back(bars: Bars, _parameters: Any) -> NDArray[np.float64]:
        close = bars.close[0]
        enter, leave = np.append(False, close[1:] > close[:-1]), np.append(False, close[1:] <= close[:-1])
        return column(bars, in_and_out(enter, leave, 1.0))

    assert first_peek(strategy(back), make_bars({"A": closes}), NoParameters()) is None


def test_a_run_of_a_strategy_that_peeks_is_refused_before_its_first_session(wiki: Dataset, plugin_path: object) -> None:
    spec = complete_spec(wiki, "peeks", ["GOOG"], "2006-01-03", "2006-12-29")
    with pytest.raises(LookAhead, match=r"peeks looks ahead: its signal for GOOG on 20[0-9-]+ is 0.\d, but 0.\d when history ends on 20"):
        next(iter(simulate(spec, load_strategies({"peeks"})["peeks"], wiki)))
