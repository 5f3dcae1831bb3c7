"""From conditions to decisions, and from decisions to what a run trades. Pure; rows are sessions, NaN is no decision.

Sweeps make millions of decisions, so the loops are compiled; on first use, since the server process loads these modules but no compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Decisions = NDArray[np.float64]
Condition = NDArray[np.bool_ | np.integer[Any]]
"""Holds where it is not zero."""
Values = NDArray[np.float64]

IN, OUT = 1, 2
"""Sides."""

WORD = 8
"""Sessions looked at together: as many sides, of a byte each, as an integer has room for."""

EACH_BYTE = 0x0101010101010101
"""Times a side: the integer that holds WORD of them."""


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
    _compiled(_write_in_and_out)(enter, leave, weight, decisions)
    return decisions


def in_while_above(value: Values, level: Values, weight: float) -> Decisions:
    """`in_and_out(value > level, value <= level, weight)`, in one pass.

    Raises:
        ValueError: the two are about different numbers of sessions.
    """
    if value.shape != level.shape:
        raise ValueError(f"there are {value.shape} values but {level.shape} levels")
    decisions = np.empty(len(value))
    _compiled(_write_in_while_above)(value, level, weight, decisions)
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
    """Compile everything, or load it from disk: what a process does before its first run."""
    nothing, nowhere = np.zeros(1), np.zeros(1, dtype=np.bool_)
    in_while_above(nothing, nothing, 1.0)
    nothing.flags.writeable = False  # like what a sweep remembers: another type to the compiler
    in_while_above(nothing, nothing, 1.0)
    from_start(in_and_out(nowhere, nowhere, 1.0).reshape(1, 1), 0)


@cache
def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    from engine_service.kernel.compilation import compiled

    return compiled(function, calls=(_write_changes,))


def _write_in_and_out(enter: Condition, leave: Condition, weight: float, decisions: Decisions) -> None:
    sides = np.zeros(len(enter) + WORD - len(enter) % WORD, np.int8)
    for row in range(len(enter)):
        enters, leaves = enter[row] != 0, leave[row] != 0
        sides[row] = IN * np.int8(enters) + OUT * np.int8(leaves > enters)
    _write_changes(sides, weight, decisions)


def _write_in_while_above(value: Values, level: Values, weight: float, decisions: Decisions) -> None:
    sides = np.zeros(len(value) + WORD - len(value) % WORD, np.int8)
    for row in range(len(value)):
        sides[row] = IN * np.int8(value[row] > level[row]) + OUT * np.int8(value[row] <= level[row])
    _write_changes(sides, weight, decisions)


def _write_changes(sides: NDArray[np.int8], weight: float, decisions: Decisions) -> None:
    """A side is IN, OUT or 0 for neither; there are zeros behind the last one, up to a whole word."""
    decisions[:] = np.nan
    words, side, latest = sides.view(np.int64), 0, np.nan
    for word in range(len(words)):
        if words[word] != side * EACH_BYTE and words[word] != 0:
            for row in range(WORD * word, WORD * (word + 1)):
                if sides[row] != 0 and sides[row] != side:
                    side = int(sides[row])
                    decision = weight if side == IN else 0.0
                    if decision != latest:
                        decisions[row] = latest = decision


def _write_latest(decisions: Decisions, first: int, traded: Decisions) -> None:
    for column in range(decisions.shape[1]):
        row = first
        while row > 0 and np.isnan(decisions[row, column]):
            row -= 1
        traded[0, column] = decisions[row, column]
