"""The best results are those that a sort puts in front."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from engine_service.sweeps.ranking import LOWEST_IS_BEST, METRICS, Ranked, best, merged

VALUES = st.lists(st.sampled_from([math.nan, -1.5, 0.0, 0.5, 2.0, 1e300]) | st.floats(allow_infinity=False), max_size=40)


def sorted_numbers(metric: str, values: list[float]) -> list[int]:
    defined = [number for number, value in enumerate(values) if not math.isnan(value)]
    return sorted(defined, key=lambda number: ((1 if metric in LOWEST_IS_BEST else -1) * values[number], number))


@given(st.sampled_from(METRICS), VALUES, st.integers(0, 50))
def test_the_best_are_the_first_of_the_sorted_ones(metric: str, values: list[float], count: int) -> None:
    found = best(metric, values, range(len(values)), count)
    assert [each.number for each in found] == sorted_numbers(metric, values)[:count]


@given(st.sampled_from(METRICS), VALUES, st.integers(1, 10), st.integers(0, 40))
def test_the_best_of_two_parts_are_the_best_of_all(metric: str, values: list[float], count: int, cut: int) -> None:
    numbers = list(range(len(values)))
    parts = [best(metric, values[place], numbers[place], count) for place in (slice(0, cut), slice(cut, None))]
    assert merged(parts[0], parts[1], count) == best(metric, values, numbers, count)


def test_of_equal_results_the_one_with_the_lower_number_is_better() -> None:
    assert best("sharpe_ratio", [1.0, 2.0, 2.0, math.nan], [7, 8, 9, 10], 3) == [Ranked(-2.0, 8), Ranked(-2.0, 9), Ranked(-1.0, 7)]


def test_a_calm_result_and_a_small_drawdown_are_good() -> None:
    assert [each.number for each in best("annual_volatility", [0.3, 0.1, 0.2], range(3), 3)] == [1, 2, 0]
    assert [each.number for each in best("max_drawdown", [-0.3, -0.1, -0.2], range(3), 3)] == [1, 2, 0]
