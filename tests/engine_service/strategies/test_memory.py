from __future__ import annotations

import numpy as np
import pytest

from engine_service.strategies import memory
from engine_service.strategies.memory import Memory, Values, remembered, remembers

CLOSES = np.array([1.0, 2.0, 3.0])


class Counted:
    """An indicator that counts how often it is computed."""

    def __init__(self) -> None:
        self.count = 0
        self.times = remembers(self._times)

    def _times(self, values: Values, factor: float) -> Values:
        self.count += 1
        return values * factor


def test_outside_the_block_everything_is_computed_again() -> None:
    counted = Counted()
    assert counted.times(CLOSES, 2.0) is not counted.times(CLOSES, 2.0)
    with remembered():
        counted.times(CLOSES, 2.0)
    counted.times(CLOSES, 2.0)
    assert counted.count == 4


def test_within_it_the_same_array_and_arguments_are_computed_once() -> None:
    counted = Counted()
    with remembered():
        first = counted.times(CLOSES, 2.0)
        assert counted.times(CLOSES, 2.0) is first
        np.testing.assert_array_equal(counted.times(CLOSES, 3.0), CLOSES * 3)
    assert counted.count == 2


def test_an_equal_array_is_another_one() -> None:
    counted = Counted()
    with remembered():
        counted.times(CLOSES, 2.0)
        counted.times(CLOSES.copy(), 2.0)
    assert counted.count == 2


def test_an_array_that_is_gone_is_never_mistaken_for_a_new_one() -> None:
    """A new object often gets the identity of one that has just gone; a memory keeps what it knows something about."""
    counted = Counted()
    with remembered():
        for number in range(100):
            np.testing.assert_array_equal(counted.times(np.full(3, float(number)), 2.0), np.full(3, 2.0 * number))


def test_two_indicators_are_told_apart() -> None:
    one, other = Counted(), Counted()
    with remembered():
        one.times(CLOSES, 2.0)
        other.times(CLOSES, 2.0)
    assert (one.count, other.count) == (1, 1)


def test_what_is_remembered_can_not_be_changed_by_a_strategy() -> None:
    counted = Counted()
    with remembered(), pytest.raises(ValueError, match="read-only"):
        counted.times(CLOSES, 2.0)[0] = 9.0


def test_a_memory_can_outlive_the_block() -> None:
    counted, kept = Counted(), Memory()
    for _ in range(2):
        with remembered(kept):
            counted.times(CLOSES, 2.0)
    assert counted.count == 1


def test_a_block_within_a_block_has_a_memory_of_its_own() -> None:
    counted = Counted()
    with remembered():
        counted.times(CLOSES, 2.0)
        with remembered():
            counted.times(CLOSES, 2.0)
        counted.times(CLOSES, 2.0)
    assert counted.count == 2


def test_a_full_memory_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_REMEMBERED_BYTES", 2 * CLOSES.nbytes)
    counted = Counted()
    with remembered():
        for factor in (1.0, 2.0, 3.0):
            counted.times(CLOSES, factor)
        counted.times(CLOSES, 3.0)
        counted.times(CLOSES, 2.0)
        assert counted.count == 3
        counted.times(CLOSES, 1.0)
    assert counted.count == 4
