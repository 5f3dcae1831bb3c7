from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine_service.strategies import decisions
from engine_service.strategies.decisions import from_start, in_and_out, in_while_above
from engine_service.strategies.indicators import sma
from engine_service.strategies.memory import remembered

CONDITIONS = st.integers(1, 30).flatmap(lambda count: st.tuples(arrays(np.bool_, count), arrays(np.bool_, count)))
NUMBERS = st.integers(1, 30).flatmap(lambda count: arrays(np.int64, (2, count), elements=st.sampled_from([0, 1, 2, -1, 256])))
LINES = st.integers(1, 30).flatmap(lambda count: arrays(np.float64, (2, count), elements=st.sampled_from([np.nan, 0.0, -0.0, 1.0, np.inf])))
DECISIONS = arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.sampled_from([np.nan, 0.0, 0.5, 1.0]))

Conditions = tuple[NDArray[np.bool_], NDArray[np.bool_]]

COMPILED: Any = decisions._compiled
"""What compiles the loops, also where they run as they are written."""


@pytest.fixture(scope="module", params=["compiled", "as written"], autouse=True)
def _compiled_or_not(request: pytest.FixtureRequest) -> Iterator[None]:
    """The loops compiled, as they always run, and as they are written."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "as written":
            patch.setattr(decisions, "_compiled", lambda function: function)
        yield


def carried(decided: NDArray[np.float64]) -> list[float]:
    """The decision in force at each session."""
    force, now = [], np.nan
    for decision in decided:
        now = now if np.isnan(decision) else decision
        force.append(float(now))
    return force


@given(CONDITIONS)
def test_a_symbol_is_held_from_where_it_enters_until_where_it_leaves_and_entering_wins(conditions: Conditions) -> None:
    enter, leave = conditions
    expected = np.where(enter, 0.5, np.where(leave, 0.0, np.nan))
    np.testing.assert_array_equal(carried(in_and_out(enter, leave, 0.5)), carried(expected))


@given(NUMBERS)
def test_a_condition_of_numbers_holds_where_they_are_not_zero(numbers: NDArray[np.int64]) -> None:
    enter, leave = numbers
    np.testing.assert_array_equal(in_and_out(enter, leave, 0.5), in_and_out(enter != 0, leave != 0, 0.5))


@given(CONDITIONS)
def test_only_changes_are_decided(conditions: Conditions) -> None:
    decided = in_and_out(*conditions, 0.5)
    made = decided[~np.isnan(decided)]
    assert (made[1:] != made[:-1]).all()


@given(CONDITIONS, st.data())
def test_decisions_do_not_depend_on_what_comes_later(conditions: Conditions, data: st.DataObject) -> None:
    enter, leave = conditions
    count = data.draw(st.integers(0, len(enter)))
    np.testing.assert_array_equal(in_and_out(enter[:count], leave[:count], 0.5), in_and_out(enter, leave, 0.5)[:count])


def test_conditions_about_different_sessions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) conditions to enter but \(2,\) to leave"):
        in_and_out(np.zeros(3, dtype=np.bool_), np.zeros(2, dtype=np.bool_), 0.5)


@given(CONDITIONS, st.sampled_from([0.5, 0.0, np.nan]))
def test_a_decision_is_repeated_only_where_it_differs_from_the_one_before(conditions: Conditions, weight: float) -> None:
    latest, expected = np.nan, []
    for enter, leave in zip(*conditions, strict=True):
        decision = weight if enter else 0.0 if leave else latest
        expected.append(np.nan if decision == latest else decision)
        latest = decision
    np.testing.assert_array_equal(in_and_out(*conditions, weight), expected)


@given(LINES)
def test_a_symbol_is_held_while_one_line_is_above_another(lines: NDArray[np.float64]) -> None:
    value, level = lines
    np.testing.assert_array_equal(in_while_above(value, level, 0.5), in_and_out(value > level, value <= level, 0.5))


def test_lines_about_different_sessions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) values but \(2,\) levels"):
        in_while_above(np.zeros(3), np.zeros(2), 0.5)


@given(DECISIONS, st.data())
def test_a_start_enters_the_latest_decisions_and_changes_no_later_one(decided: NDArray[np.float64], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(decided) - 1))
    before = decided.copy()
    traded = from_start(decided, first)
    np.testing.assert_array_equal(traded[1:], decided[first + 1 :])
    np.testing.assert_array_equal(traded[0], [carried(column)[first] for column in decided.T])
    np.testing.assert_array_equal(decided, before)


@pytest.mark.parametrize("memory", [remembered, nullcontext], ids=["a sweep", "a run by itself"])
def test_nothing_is_compiled_anymore_once_it_was_made_ready(
    monkeypatch: pytest.MonkeyPatch, memory: Callable[[], AbstractContextManager[None]]
) -> None:
    compiled = cache(COMPILED.__wrapped__)
    monkeypatch.setattr(decisions, "_compiled", compiled)
    decisions.warm()
    loop, close = compiled(decisions._write_in_while_above), np.arange(9.0)
    ready = list(loop.signatures)
    with memory():
        in_while_above(sma(close, 2), sma(close, 3), 0.5)
    assert loop.signatures == ready
