"""Combinations are made when they are asked for, always the same ones in the same order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_service.sweeps.combinations import Anything, Grid, Steps, sample

AXES = st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(0, 50), min_size=1, max_size=5, unique=True), min_size=1, max_size=4)


@given(AXES)
def test_a_grid_has_every_combination_and_the_last_parameter_changes_fastest(axes: dict[str, list[int]]) -> None:
    expected = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    grid = Grid(axes)
    assert list(grid) == expected
    assert grid[1:3] == expected[1:3]
    assert grid[-1] == expected[-1]


def test_a_grid_takes_no_room_however_large_it_is() -> None:
    thousand = list(range(1_000))
    grid = Grid({"a": thousand, "b": thousand, "c": thousand, "d": thousand, "e": thousand, "f": thousand, "g": thousand})
    assert grid.size == 10**21
    assert grid[123_456] == {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0, "f": 123, "g": 456}
    with pytest.raises(IndexError):
        Grid({"a": [1]})[1]


@pytest.mark.parametrize(
    ("steps", "values"),
    [
        (Steps(2, 10, 4, is_integer=True), [2, 6, 10]),
        (Steps(0.1, 0.3, 0.1, is_integer=False), [0.1, 0.2, 0.3]),
        (Steps(5, 5, 1, is_integer=True), [5]),
        (Steps(0, 1, 0.4, is_integer=False), [0, 0.4, 0.8]),
    ],
)
def test_steps_go_from_the_least_to_the_greatest_value(steps: Steps, values: list[float]) -> None:
    assert list(steps) == values
    assert steps[0:2] == values[0:2]


@given(AXES, st.integers(1, 60), st.integers(0, 5))
def test_a_sample_has_different_combinations_of_the_grid_and_the_same_ones_for_the_same_seed(
    axes: dict[str, list[int]], count: int, seed: int
) -> None:
    everything = list(Grid(axes))
    drawn = list(sample(axes, count, seed))
    assert len(drawn) == min(count, len(everything))
    assert all(each in everything for each in drawn)
    assert len({tuple(each.items()) for each in drawn}) == len(drawn)
    assert list(sample(axes, count, seed)) == drawn


def test_any_number_between_two_ends_is_drawn_and_other_seeds_draw_others() -> None:
    axes: dict[str, Sequence[int] | Anything] = {"a": Anything(0.25, 0.75), "b": Steps(1, 100, 1, is_integer=True)}
    drawn = list(sample(axes, 50, seed=1))
    assert len(drawn) == 50
    assert all(0.25 <= each["a"] <= 0.75 and each["b"] in range(1, 101) for each in drawn)
    assert list(sample(axes, 50, seed=2)) != drawn


def test_fewer_are_drawn_when_there_are_no_more() -> None:
    assert list(sample({"a": Anything(0.5, 0.5)}, 10, seed=0)) == [{"a": 0.5}]
