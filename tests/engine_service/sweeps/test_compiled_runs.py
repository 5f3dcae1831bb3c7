"""What a run trades is collected in one pass, the same as the two steps that a single run takes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine_service.kernel.market import Decisions
from engine_service.strategies.decisions import from_start
from engine_service.sweeps.compiled_runs import collect

SESSIONS, SYMBOLS = 12, 3
SIGNALS = arrays.arrays(np.float64, (SESSIONS, SYMBOLS), elements=st.sampled_from([np.nan, 0.0, 0.5, -0.3]))
LISTED = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).map(sorted), min_size=SYMBOLS, max_size=SYMBOLS)


@given(SIGNALS, st.integers(0, SESSIONS - 1), LISTED)
def test_decisions_are_those_from_the_start_within_each_listing(signals: np.ndarray, first: int, listed: list[list[int]]) -> None:
    traded = from_start(signals, first)
    rows = np.arange(first, SESSIONS)[:, None]
    ranges = np.array(listed)
    traded[(rows < ranges[:, 0]) | (rows > ranges[:, 1])] = np.nan
    expected = [(row, column, traded[row, column]) for row, column in np.argwhere(~np.isnan(traded)).tolist()]
    decisions = Decisions(np.full(99, -1), np.full(99, -1), np.full(99, np.nan))
    count = collect(signals, first, ranges, *decisions, 7)
    assert list(zip(*(column[7:count].tolist() for column in decisions), strict=True)) == expected
    assert (decisions.row[:7] == -1).all()
