"""Strategies made fast decide what their definitions decide, to the last bit.

The definitions are written down here once more, as plainly as polars and numpy allow and without anything of the strategies' own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.simulation import bars_until
from engine_service.strategies import Bars, load_strategies
from engine_service.strategies.memory import remembered
from tests.bars import make_bars

STRATEGIES = load_strategies()

Values = NDArray[np.float64]
Column = Callable[[Values, Any, float], Values]


def on_bars(values: Values, indicator: Callable[[pl.Series], pl.Series]) -> Values:
    exists = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    result[exists] = indicator(pl.Series(values[exists])).cast(pl.Float64).fill_null(np.nan).to_numpy()
    return result


def changes(enter: NDArray[np.bool_], leave: NDArray[np.bool_], weight: float) -> Values:
    decided = np.where(enter, weight, np.where(leave, 0.0, np.nan))
    rows = np.flatnonzero(~np.isnan(decided))
    made = decided[rows]
    decided[rows[1:][made[1:] == made[:-1]]] = np.nan
    return decided


def sma_crossover(close: Values, parameters: Any, weight: float) -> Values:
    fast = on_bars(close, lambda closes: closes.rolling_mean(parameters.fast))
    slow = on_bars(close, lambda closes: closes.rolling_mean(parameters.slow))
    return changes(fast > slow, fast <= slow, weight)


def momentum(close: Values, parameters: Any, weight: float) -> Values:
    rise = on_bars(close, lambda closes: closes / closes.shift(parameters.lookback) - 1.0)
    return changes(rise > parameters.threshold, rise <= parameters.threshold, weight)


def bollinger_bands(close: Values, parameters: Any, weight: float) -> Values:
    mean = on_bars(close, lambda closes: closes.rolling_mean(parameters.window))
    deviation = on_bars(close, lambda closes: closes.rolling_std(parameters.window, ddof=0))
    return changes(close < mean - parameters.width * deviation, close >= mean, weight)


def rsi_mean_reversion(close: Values, parameters: Any, weight: float) -> Values:
    def index(closes: pl.Series) -> pl.Series:
        change, window = closes.diff(), parameters.window
        rises = change.clip(lower_bound=0.0).ewm_mean(alpha=1.0 / window, adjust=False, min_samples=window)
        falls = (-change).clip(lower_bound=0.0).ewm_mean(alpha=1.0 / window, adjust=False, min_samples=window)
        return 100.0 * rises / (rises + falls)

    strength = on_bars(close, index)
    return changes(strength < parameters.oversold, strength > parameters.overbought, weight)


def buy_and_hold(close: Values, _parameters: Any, weight: float) -> Values:
    decided = np.full(len(close), np.nan)
    decided[np.flatnonzero(~np.isnan(close))[:1]] = weight
    return decided


def cross_sectional_momentum(bars: Bars, parameters: Any) -> Values:
    gains = np.column_stack([on_bars(close, lambda closes: closes / closes.shift(parameters.lookback) - 1.0) for close in bars.close])
    targets = np.full(gains.shape, np.nan)
    for row in range(1, len(bars.sessions)):
        ranked = np.argsort(-gains[row], kind="stable")[: np.count_nonzero(~np.isnan(gains[row]))]
        if ranked.size and bars.sessions[row] // 100 != bars.sessions[row - 1] // 100:
            targets[row, [not np.isnan(close[row]) for close in bars.close]] = 0.0
            targets[row, ranked[: parameters.top]] = parameters.weight / parameters.top
    return targets


PLAIN: dict[str, Column] = {
    "sma_crossover": sma_crossover,
    "momentum": momentum,
    "bollinger_bands": bollinger_bands,
    "rsi_mean_reversion": rsi_mean_reversion,
    "buy_and_hold": buy_and_hold,
}

GRIDS: dict[str, dict[str, list[Any]]] = {
    "sma_crossover": {"fast": [1, 2, 5, 10, 49], "slow": [3, 30, 50, 200]},
    "momentum": {"lookback": [1, 20, 126], "threshold": [-0.05, 0.0, 0.1]},
    "bollinger_bands": {"window": [2, 20, 60], "width": [0.5, 1.0, 2.0]},
    "rsi_mean_reversion": {"window": [2, 14], "oversold": [20.0, 40.0], "overbought": [60.0, 80.0]},
    "cross_sectional_momentum": {"lookback": [1, 21, 126], "top": [1, 2, 9]},
    "buy_and_hold": {"weight": [0.3, 1.0]},
}


def combinations(name: str) -> Iterator[Any]:
    """Parameters on a grid, but for those that exclude each other."""
    for values in product(*GRIDS[name].values()):
        chosen = dict(zip(GRIDS[name], values, strict=True))
        if chosen.get("fast", 0) < chosen.get("slow", 1):
            yield STRATEGIES[name].parameters(**chosen)


def plain(name: str, bars: Bars, parameters: Any) -> Values:
    if name == "cross_sectional_momentum":
        return cross_sectional_momentum(bars, parameters)
    weight = parameters.weight / len(bars.symbols)
    return np.column_stack([PLAIN[name](close, parameters, weight) for close in bars.close])


def assert_same_bits(name: str, bars: Bars) -> int:
    """Compare over the grid, with and without a memory; returns the number of decisions."""
    signals, count = STRATEGIES[name].signals, 0
    assert signals is not None
    with remembered():
        kept = [signals(bars, parameters) for parameters in combinations(name)]
    for parameters, one in zip(combinations(name), kept, strict=True):
        expected = plain(name, bars, parameters)
        assert one.shape == expected.shape
        assert one.tobytes() == expected.tobytes() == signals(bars, parameters).tobytes()
        count += int((~np.isnan(expected)).sum())
    return count


@pytest.mark.parametrize("name", sorted(GRIDS))
@pytest.mark.parametrize("symbols", [("GOOG",), ("AAPL", "FB", "IBM")])
def test_on_real_prices(name: str, symbols: tuple[str, ...], wiki: Dataset) -> None:
    decision_count = assert_same_bits(name, bars_until(wiki, symbols, len(wiki.sessions)))
    assert decision_count > (100 if name != "buy_and_hold" else 0)


@settings(max_examples=40)
@given(st.integers(1, 120), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.6]), st.sampled_from([1, 4]))
def test_on_prices_with_gaps_and_ties(count: int, seed: int, missing: float, decimals: int) -> None:
    generator = np.random.default_rng(seed)
    prices = {symbol: np.round(5 * np.cumprod(1 + generator.normal(0, 0.03, count)), decimals) + 0.1 for symbol in ("A", "B", "C")}
    bars = make_bars({symbol: np.where(generator.random(count) < missing, np.nan, own) for symbol, own in prices.items()})
    for name in GRIDS:
        assert_same_bits(name, bars)


def test_every_strategy_with_signals_is_compared_or_younger_than_this_comparison() -> None:
    assert STRATEGIES.keys() - GRIDS.keys() == {"rule_stack"}
