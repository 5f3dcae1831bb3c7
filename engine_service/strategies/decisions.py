"""From conditions to decisions, and from decisions to what a run trades. Pure; rows are sessions, NaN is no decision.

Sweeps make millions of decisions, so the loops are compiled; on first use, since the server process loads these modules but no compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Decisions = NDArray[np.float64]
Condition = NDArray[np.bool_]


def in_and_out(enter: Condition, leave: Condition, weight: float) -> Decisions:
    """Decide for `weight` where `enter`, else for 0 where `leave`, whenever that differs from the decision before [sessions].

    So nothing is ordered as long as nothing changes. What is not a number compares false and so is neither.

    Args:
        enter: Where a symbol is to be held [sessions], contiguous, as comparisons make it.
        leave: Where it is not; entering wins where both hold.
        weight: Share of the portfolio's value.

    Raises:
        ValueError: the two conditions are about different numbers of sessions.
    """
    if enter.shape != leave.shape:  # compiled code would read what lies behind the shorter one
        raise ValueError(f"there are {enter.shape} conditions to enter but {leave.shape} to leave")
    decisions = np.empty(len(enter))
    _compiled(_write_changes)(enter, leave, weight, decisions)
    return decisions


def side_by_side(columns: Sequence[Decisions]) -> Decisions:
    """The decisions of all symbols [sessions x symbols], contiguous, of those of each."""
    # Most sweeps trade one symbol, and stacking one column takes as long as deciding.
    return columns[0].reshape(-1, 1) if len(columns) == 1 else np.column_stack(columns)


def from_start(decisions: Decisions, first: int) -> Decisions:
    """What a run trades that starts at row `first`: there, each symbol's latest decision so far; then the decisions as they come.

    Args:
        decisions: [sessions x symbols], contiguous.
        first: Row of the first session that is simulated.

    Returns:
        [sessions from `first` on x symbols].
    """
    traded = decisions[first:].copy()
    _compiled(_write_latest)(decisions, first, traded)
    return traded


def warm() -> None:
    """Compile both functions, or load them from disk: what a process does before its first run."""
    nothing = np.zeros(1, dtype=np.bool_)
    from_start(in_and_out(nothing, nothing, 1.0).reshape(1, 1), 0)


@cache
def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    from engine_service.kernel.compilation import compiled

    return compiled(function)


def _write_changes(enter: Condition, leave: Condition, weight: float, decisions: Decisions) -> None:
    latest = np.nan
    for row in range(len(decisions)):
        decisions[row] = np.nan
        if enter[row] or leave[row]:
            decision = weight if enter[row] else 0.0
            if decision != latest:
                decisions[row] = latest = decision


def _write_latest(decisions: Decisions, first: int, traded: Decisions) -> None:
    for column in range(decisions.shape[1]):
        row = first
        while row > 0 and np.isnan(decisions[row, column]):
            row -= 1
        traded[0, column] = decisions[row, column]
