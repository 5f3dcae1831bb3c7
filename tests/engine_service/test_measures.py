"""The numeric core of metrics, compiled and as written, against its formulas and against empyrical."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import empyrical
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_service import measures
from engine_service.measures import NO_SESSION, Measures

Array = NDArray[np.float64]
Measure = Callable[[Array, float, Array, float, Array], Measures]

CAPITAL = 100_000.0
NONE = np.empty(0)


@contextmanager
def interpreted() -> Iterator[None]:
    """Run the functions as they are written, without numba."""
    with pytest.MonkeyPatch.context() as patch:
        for name, function in list(vars(measures).items()):
            if hasattr(function, "py_func"):
                patch.setattr(measures, name, function.py_func)
        yield


@pytest.fixture(scope="module", params=["compiled", "as written"])
def measure(request: pytest.FixtureRequest) -> Iterator[Measure]:
    with interpreted() if request.param == "as written" else nullcontext():
        yield measures.measure


moves = st.lists(st.integers(-2_000, 2_000).map(lambda basis_points: basis_points / 10_000), min_size=2, max_size=80).map(np.array)
"""Session returns of -20 % to 20 %, no two closer than a basis point: nothing cancels away in the oracle or here."""


def values_of(returns: Array) -> Array:
    return np.asarray(CAPITAL * np.cumprod(1.0 + returns), dtype=np.float64)


def returns_of(values: Array) -> Array:
    """The formula that SessionBatch documents."""
    return np.asarray(values / np.concatenate([[CAPITAL], values[:-1]]) - 1.0)


def agree(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=1e-12)


def undefined(*numbers: float) -> bool:
    return all(math.isnan(number) for number in numbers)


@given(returns=moves)
def test_rates_agree_with_empyrical(measure: Measure, returns: Array) -> None:
    assume(abs(returns.mean()) > 0.01 * np.abs(returns).max() and returns.std() > 0.01 * np.abs(returns).max())
    values = values_of(returns)
    assume(abs(values[-1] / CAPITAL - 1.0) > 0.01)
    found, exact = measure(values, CAPITAL, NONE, 0.0, NONE), returns_of(values)
    assert agree(found.annual_return, empyrical.annual_return(exact))
    assert agree(found.moments.annual_volatility, empyrical.annual_volatility(exact))
    assert agree(found.moments.sharpe_ratio, empyrical.sharpe_ratio(exact))
    assert agree(1.0 + found.drawdown.depth, 1.0 + empyrical.max_drawdown(exact))
    if found.drawdown.depth < -0.01:
        assert agree(found.calmar_ratio, empyrical.calmar_ratio(exact))
    if returns.min() < 0.0:
        assert agree(found.moments.sortino_ratio, empyrical.sortino_ratio(exact))
    else:
        assert undefined(found.moments.sortino_ratio, found.calmar_ratio)


@given(data=st.data(), returns=moves)
def test_alpha_and_beta_agree_with_empyrical(measure: Measure, data: st.DataObject, returns: Array) -> None:
    benchmark = data.draw(st.lists(st.integers(-2_000, 2_000), min_size=len(returns), max_size=len(returns)).map(np.array)) / 10_000
    assume(benchmark.std() > 1e-3)
    closes = 50.0 * np.cumprod(np.concatenate([[1.0], 1.0 + benchmark]))
    values = values_of(returns)
    found = measure(values, CAPITAL, NONE, 0.0, closes)
    exact, market = returns_of(values), closes[1:] / closes[:-1] - 1.0
    alpha, beta = empyrical.alpha_beta_aligned(exact, market)
    assert math.isclose(found.beta, beta, rel_tol=1e-12, abs_tol=1e-12)
    if (exact - beta * market).mean() > -1.0:
        assert math.isclose(1.0 + found.alpha, 1.0 + alpha, rel_tol=1e-12)
    else:
        assert undefined(found.alpha)


def test_a_run_of_eight_years_agrees_with_empyrical(measure: Measure) -> None:
    generator = np.random.default_rng(1)
    values = values_of(generator.normal(0.0005, 0.01, 2_148))
    closes = values_of(generator.normal(0.0003, 0.01, 2_149))
    found, exact, market = measure(values, CAPITAL, NONE, 0.0, closes), returns_of(values), closes[1:] / closes[:-1] - 1.0
    ours = [found.annual_return, *found.moments[:3], found.calmar_ratio, found.drawdown.depth, found.alpha, found.beta]
    rates = [empyrical.annual_return, empyrical.annual_volatility, empyrical.sharpe_ratio, empyrical.sortino_ratio]
    theirs = [rate(exact) for rate in (*rates, empyrical.calmar_ratio, empyrical.max_drawdown)]
    assert ours == pytest.approx([*theirs, *empyrical.alpha_beta_aligned(exact, market)], rel=1e-12, abs=0.0)


@given(returns=moves, pnls=st.lists(st.integers(-(10**8), 10**8)).map(lambda cents: np.array(cents, dtype=np.float64) / 100))
def test_compiling_changes_no_bit(returns: Array, pnls: Array) -> None:
    arguments = (values_of(returns), CAPITAL, pnls, 1e5, values_of(np.concatenate([[0.0], returns[::-1]])))
    compiled = numbers_of(measures.measure(*arguments))
    with interpreted():
        assert np.array_equal(numbers_of(measures.measure(*arguments)), compiled, equal_nan=True)


def numbers_of(found: Measures) -> Array:
    return np.array([*found[:6], *found.moments, *found.drawdown, *found.trades])


@given(returns=moves)
def test_the_drawdown_is_the_deepest_fall_from_the_highest_value_before(measure: Measure, returns: Array) -> None:
    values = values_of(returns)
    highest = np.maximum.accumulate(np.concatenate([[CAPITAL], values]))[1:]
    falls = (values - highest) / highest
    depth, peak, valley, recovery = measure(values, CAPITAL, NONE, 0.0, NONE).drawdown
    assert depth == falls.min()
    if depth == 0.0:
        assert (peak, valley, recovery) == (NO_SESSION, NO_SESSION, NO_SESSION)
        return
    peak_value = CAPITAL if peak == NO_SESSION else values[peak]
    assert valley == falls.argmin()
    assert peak_value == highest[valley]
    assert all(values[peak + 1 : valley] < peak_value)
    back = np.flatnonzero(values[valley:] >= peak_value)
    assert recovery == (valley + back[0] if len(back) else NO_SESSION)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([110.0, 99.0, 105.0, 110.0], (0, 1, 3), id="back at the highest value"),
        pytest.param([90.0, 95.0], (NO_SESSION, 0, NO_SESSION), id="the capital was the highest"),
        pytest.param([90.0, 100.0, 101.0], (NO_SESSION, 0, 1), id="back at the capital"),
        pytest.param([100.0, 100.0, 90.0], (1, 2, NO_SESSION), id="the last of several peaks"),
        pytest.param([120.0, 108.0, 120.0, 108.0], (0, 1, 2), id="the first of several equal falls"),
        pytest.param([120.0, 110.0, 120.0, 60.0, 150.0, 140.0], (2, 3, 4), id="a deeper fall after a recovery"),
        pytest.param([110.0, 120.0], (NO_SESSION, NO_SESSION, NO_SESSION), id="no fall"),
    ],
)
def test_a_drawdown_has_a_peak_a_valley_and_a_recovery(measure: Measure, values: list[float], expected: tuple[int, int, int]) -> None:
    assert measure(np.array(values), 100.0, NONE, 0.0, NONE).drawdown[1:] == expected


def test_losing_more_than_everything_leaves_no_rate_of_growth(measure: Measure) -> None:
    found = measure(np.array([100.0, 50.0, -10.0]), 100.0, NONE, 0.0, NONE)
    assert found.total_return == pytest.approx(-1.1)
    assert found.drawdown.depth == pytest.approx(-1.1)
    assert found.moments.worst_session_return == pytest.approx(-1.2)
    assert undefined(found.annual_return, found.calmar_ratio)


def test_returns_after_a_value_of_zero_are_undefined_and_so_is_what_is_made_of_them(measure: Measure) -> None:
    found = measure(np.array([100.0, 0.0, 20.0]), 100.0, NONE, 0.0, np.array([1.0, 2.0, 1.0, 2.0]))
    assert undefined(*found.moments[:5], found.alpha, found.beta)
    assert found.moments[5:] == (NO_SESSION, NO_SESSION)
    assert found.total_return == pytest.approx(-0.8)
    assert found.drawdown == (-1.0, 0, 1, NO_SESSION)


def test_one_session_has_returns_and_no_dispersion(measure: Measure) -> None:
    found = measure(np.array([99.0]), 100.0, NONE, 0.0, np.array([1.0, 2.0]))
    assert found.moments.best_session_return == found.moments.worst_session_return == 99.0 / 100.0 - 1.0
    assert undefined(*found.moments[:3], found.alpha, found.beta)


@pytest.mark.parametrize("growth", [1.0, 1.5])
def test_equal_returns_have_no_volatility_and_no_ratio(measure: Measure, growth: float) -> None:
    found = measure(100.0 * growth ** np.arange(1.0, 31.0), 100.0, NONE, 0.0, NONE)
    assert found.moments.annual_volatility == 0.0
    assert undefined(found.moments.sharpe_ratio, found.moments.sortino_ratio, found.calmar_ratio)


def test_the_first_of_several_best_and_worst_sessions_counts(measure: Measure) -> None:
    found = measure(np.array([200.0, 100.0, 200.0, 100.0]), 100.0, NONE, 0.0, NONE)
    assert found.moments[3:] == (1.0, -0.5, 0, 1)


def test_turnover_is_half_the_value_traded_in_a_year_over_the_mean_value(measure: Measure) -> None:
    assert measure(np.full(126, 1_000.0), 1_000.0, NONE, 3_000.0, NONE).turnover == pytest.approx(3_000.0 / 2 / 0.5 / 1_000.0)
    assert undefined(measure(np.array([1.0, -1.0]), 1.0, NONE, 3_000.0, NONE).turnover)


def test_trades_are_won_lost_or_neither(measure: Measure) -> None:
    found = measure(np.ones(2), 1.0, np.array([30.0, -10.0, 0.0, 10.0]), 0.0, NONE)
    assert found.trades == (2, 1, 0.5, 4.0, 7.5, 20.0, -10.0)


def test_without_losses_there_is_no_profit_factor(measure: Measure) -> None:
    trades = measure(np.ones(2), 1.0, np.array([30.0]), 0.0, NONE).trades
    assert trades[:3] == (1, 0, 1.0)
    assert undefined(trades.profit_factor, trades.average_loss)
    assert trades.average_win == trades.expectancy == 30.0


def test_without_wins_the_profit_factor_is_zero(measure: Measure) -> None:
    trades = measure(np.ones(2), 1.0, np.array([-30.0]), 0.0, NONE).trades
    assert trades.profit_factor == trades.win_rate == 0.0
    assert undefined(trades.average_win)


def test_without_trades_no_trade_statistic_is_defined(measure: Measure) -> None:
    trades = measure(np.ones(2), 1.0, NONE, 0.0, NONE).trades
    assert trades[:2] == (0, 0)
    assert undefined(*trades[2:])


def test_the_benchmark_against_itself_has_beta_one_and_alpha_zero(measure: Measure) -> None:
    closes = np.array([100.0, 101.0, 99.0, 104.0])
    found = measure(closes[1:], closes[0], NONE, 0.0, closes)
    assert found.beta == pytest.approx(1.0, rel=1e-14)
    assert found.alpha == pytest.approx(0.0, abs=1e-12)


def test_a_benchmark_without_a_close_keeps_its_last_one(measure: Measure) -> None:
    values = np.array([100.0, 103.0, 99.0, 104.0])
    with_gap = measure(values, 100.0, NONE, 0.0, np.array([10.0, 11.0, np.nan, 12.0, 11.0]))
    filled = measure(values, 100.0, NONE, 0.0, np.array([10.0, 11.0, 11.0, 12.0, 11.0]))
    assert (with_gap.alpha, with_gap.beta) == (filled.alpha, filled.beta)


@pytest.mark.parametrize("missing", [1, 2])
def test_sessions_before_the_benchmarks_second_close_are_left_out(measure: Measure, missing: int) -> None:
    values, closes = np.array([100.0, 103.0, 99.0, 104.0, 90.0]), np.array([10.0, 11.0, 12.0, 10.0, 12.0, 11.0])
    closes[:missing] = np.nan
    found = measure(values, 100.0, NONE, 0.0, closes)
    shorter = measure(values[missing:], values[missing - 1], NONE, 0.0, closes[missing:])
    assert (found.alpha, found.beta) == (shorter.alpha, shorter.beta)


@pytest.mark.parametrize(
    "closes",
    [[5.0, 5.0, 5.0, 5.0], [math.nan, math.nan, 5.0, 6.0], [math.nan] * 4, []],
    ids=["it does not move", "one return", "no close", "no benchmark"],
)
def test_without_a_moving_benchmark_there_is_no_alpha_and_no_beta(measure: Measure, closes: list[float]) -> None:
    found = measure(np.array([100.0, 103.0, 99.0]), 100.0, NONE, 0.0, np.array(closes))
    assert undefined(found.alpha, found.beta)


def test_losing_more_than_everything_against_the_benchmark_leaves_no_alpha(measure: Measure) -> None:
    found = measure(np.array([1.0, 10.0]), 100.0, NONE, 0.0, np.array([1.0, 2.0, 2.0]))
    assert found.beta < 0.0
    assert not undefined(found.alpha)
    worse = measure(np.array([1.0, -10.0]), 100.0, NONE, 0.0, np.array([1.0, 2.0, 2.0]))
    assert undefined(worse.alpha)
