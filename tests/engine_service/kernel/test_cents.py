from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine_service.kernel.cents import round_cents


@pytest.fixture(scope="module", params=["compiled", "as written"])
def rounded(request: pytest.FixtureRequest) -> Callable[[float], float]:
    written: Callable[[float], float] = vars(round_cents)["py_func"]
    if request.param == "as written":
        return written
    compiled: Callable[[float], float] = numba.njit(written)
    compiled(1.0)  # not while the first example is timed
    return compiled


def same(ours: float, theirs: float) -> bool:
    return ours == theirs and math.copysign(1.0, ours) == math.copysign(1.0, theirs)


@given(x=st.floats(allow_nan=False, allow_infinity=False))
@example(x=0.125)
@example(x=-0.0)
@example(x=2.0**46)
@example(x=2.0**46 - 2.0**-7)
@example(x=-1.7976931348623157e308)
def test_any_number_is_rounded_as_python_does(rounded: Callable[[float], float], x: float) -> None:
    assert same(float(rounded(x)), round(x, 2))


@given(cents=st.integers(-(10**13), 10**13), steps=st.integers(-2, 2))
def test_numbers_next_to_half_a_cent_are_rounded_as_python_does(rounded: Callable[[float], float], cents: int, steps: int) -> None:
    x = float(Fraction(2 * cents + 1, 200))
    for _ in range(abs(steps)):
        x = math.nextafter(x, math.copysign(math.inf, steps))
    assert same(float(rounded(x)), round(x, 2))


def test_rounding_a_product_would_not_do() -> None:
    x = 1.005  # a little less, but 100 times it is rounded up to a tie
    assert np.rint(x * 100.0) / 100.0 != 1.01
    assert any(np.rint(y * 100.0) / 100.0 != round(y, 2) for y in (cents / 1000 for cents in range(5, 100_000, 10)))
