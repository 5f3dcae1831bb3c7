"""What an equity curve says, compared with its definitions."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapedeck_client.curves import drawdowns, rolling, session_returns, yearly_returns

values = st.lists(st.floats(1.0, 1e9), min_size=1, max_size=40)


def test_the_first_return_is_against_the_capital_and_after_nothing_there_is_none() -> None:
    first, second, third, fourth = session_returns([110.0, 99.0, 0.0, 5.0], 100.0)
    assert [first, second, third] == pytest.approx([0.1, -0.1, -1.0])
    assert math.isnan(fourth)


def test_the_capital_counts_as_the_first_high() -> None:
    assert drawdowns([90.0, 120.0, 60.0, 120.0, 121.0], 100.0) == pytest.approx([-0.1, 0.0, -0.5, 0.0, 0.0])


@given(values, st.floats(1.0, 1e9))
def test_a_drawdown_is_the_value_over_the_highest_so_far(curve: list[float], capital: float) -> None:
    expected = [value / max(capital, *curve[: i + 1]) - 1 for i, value in enumerate(curve)]
    assert drawdowns(curve, capital) == expected


def test_months_and_years_are_ends_of_months_and_years() -> None:
    dates = [20041130, 20041201, 20041231, 20050103, 20050301, 20050331]
    first, second = yearly_returns(dates, [110.0, 115.0, 121.0, 60.5, 70.0, 121.0], 100.0)
    assert (first.year, second.year) == (2004, 2005)
    assert first.months[:10] == [None] * 10
    assert first.months[10:] == [pytest.approx(0.1), pytest.approx(0.1)]
    assert first.whole == pytest.approx(0.21)
    assert second.months[:4] == [pytest.approx(-0.5), None, pytest.approx(1.0), None]
    assert second.whole == pytest.approx(0.0)


@given(values)
def test_months_are_the_product_of_their_sessions_and_years_of_their_months(curve: list[float]) -> None:
    dates = [20040100 + 100 * (i % 12) + 10_000 * (i // 12) + 15 for i in range(len(curve))]
    returns = iter(session_returns(curve, 50.0))
    for year in yearly_returns(dates, curve, 50.0):
        months = [month for month in year.months if month is not None]
        assert months == [pytest.approx(next(returns)) for _ in months], "one session a month"
        assert year.whole == pytest.approx(math.prod(1 + month for month in months) - 1)


def test_a_month_that_starts_from_nothing_has_no_return() -> None:
    (year,) = yearly_returns([20050131, 20050228], [0.0, 5.0], 100.0)
    assert year.months[:3] == [-1.0, None, None]


@given(st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=30))
def test_a_window_has_the_statistics_of_its_sessions(returns: list[float]) -> None:
    window = rolling(returns, 3)
    assert all(math.isnan(value) for value in (*window.volatility[:2], *window.sharpe_ratio[:2]))
    for end in range(3, len(returns) + 1):
        deviation = statistics.stdev(returns[end - 3 : end])
        assert window.volatility[end - 1] == pytest.approx(deviation * math.sqrt(252), abs=1e-12)


def test_a_window_has_the_sharpe_ratio_of_its_sessions_and_none_where_nothing_moves() -> None:
    window = rolling([0.01, -0.02, 0.03, 0.0, 0.0, 0.0], 3)
    part = [0.01, -0.02, 0.03]
    assert window.sharpe_ratio[2] == pytest.approx(statistics.mean(part) / statistics.stdev(part) * math.sqrt(252))
    assert window.volatility[5] == 0
    assert math.isnan(window.sharpe_ratio[5])
    assert rolling([0.01], 3).volatility == [pytest.approx(math.nan, nan_ok=True)]
