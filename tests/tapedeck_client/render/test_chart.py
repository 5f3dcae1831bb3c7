"""Curves on a terminal."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapedeck_client.render.chart import DRAWDOWN_ROWS, FEWEST_COLUMNS, VALUE_ROWS, braille, run_charts
from tests.tapedeck_client.render.printed import printed


def dots(lines: list[str]) -> list[list[bool]]:
    """The rows of dots that lines of Braille characters are."""
    bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    return [[bool(ord(cell) - 0x2800 & bit) for cell in line for bit in pair] for line in lines for pair in bits]


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    assert braille([0.0, 1.0], 2, 1) == ["⡤⠞"]
    assert braille([0.0, 1.0], 6, 3) == ["⠀⠀⠀⢀⡤⠏", "⠀⠀⡤⠏⠀⠀", "⡤⠏⠁⠀⠀⠀"]


def test_a_curve_that_does_not_move_lies_at_the_bottom_and_hangs_at_the_top() -> None:
    assert braille([5.0], 3, 2) == ["⠀⠀⠀", "⣀⣀⣀"]
    assert braille([0.0, 0.0], 3, 2, hangs=True) == ["⠉⠉⠉", "⠀⠀⠀"]


def test_what_hangs_is_filled_up_to_the_top() -> None:
    assert braille([0.0, -1.0], 2, 1, hangs=True) == ["⠹⢿"]


def test_no_spike_is_lost_between_many_sessions() -> None:
    curve = [0.0] * 10_000
    curve[4321] = 1.0
    assert any(dots(braille(curve, 20, 4))[0])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 12), st.integers(1, 4))
def test_every_column_has_a_dot_and_the_line_no_gap(curve: list[float], columns: int, rows: int) -> None:
    drawn = dots(braille(curve, columns, rows))
    assert (len(drawn), {len(row) for row in drawn}) == (4 * rows, {2 * columns})
    strokes = [[y for y, row in enumerate(drawn) if row[x]] for x in range(2 * columns)]
    for stroke in strokes:
        assert stroke == [*range(stroke[0], stroke[-1] + 1)]
    for left, right in itertools.pairwise(strokes):
        assert min(right) <= max(left) + 1
        assert max(right) >= min(left) - 1


def test_both_charts_say_their_extremes_and_their_sessions() -> None:
    lines = printed(run_charts([20050103, 20050104, 20050105], [100.0, 120.0, 90.0], 100.0), columns=60).splitlines()
    assert len(lines) == VALUE_ROWS + DRAWDOWN_ROWS + 5
    assert [lines[0].strip(), lines[VALUE_ROWS + 3].strip()] == ["Portfolio value", "Drawdown"]
    assert lines[1].startswith("      120.00 │")
    assert lines[VALUE_ROWS].startswith("       90.00 │")
    assert lines[VALUE_ROWS + 4].startswith("       0.00% │")
    assert lines[-2].startswith("     -25.00% │")
    assert lines[-1] == "             └2005-01-03                          2005-01-05"


@pytest.mark.parametrize("columns", [20, 40, 100, 200])
def test_charts_are_as_wide_as_the_terminal(columns: int) -> None:
    lines = printed(run_charts([20050103], [100.0], 100.0), columns=columns).splitlines()
    assert max(map(len, lines)) == min(columns, max(columns, 14 + FEWEST_COLUMNS))


def test_a_curve_that_does_not_move_says_its_value_once() -> None:
    shown = printed(run_charts([20050103, 20050104], [100.0, 100.0], 100.0))
    assert shown.count(" 100.00 │") == shown.count(" 0.00% │") == 1
