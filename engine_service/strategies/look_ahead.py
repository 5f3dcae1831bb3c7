"""Finds strategies that know what comes later: signals of a shortened history must equal the beginning of the signals of all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine_service.session_facts import iso_date
from engine_service.strategies import Bars, Strategy, StrategyFailed

CUTS = 8
"""History is cut at so many places evenly spread, and right after so many decisions evenly spread: a decision that needs the future changes
when the future is taken away, and computing signals 16 times costs less than 1 % of a run."""


class LookAhead(Exception):
    """A strategy looks ahead; the text names symbol and session."""


def compute_signals(strategy: Strategy, bars: Bars, parameters: Any) -> NDArray[np.float64]:
    """The strategy's target weights [sessions x symbols].

    Raises:
        StrategyFailed: it raised something, or returned anything but finite numbers and NaN in that shape.
    """
    assert strategy.signals is not None
    try:
        # What reads them is compiled for one kind of array.
        targets = np.require(strategy.signals(bars, parameters), np.float64, ["C_CONTIGUOUS", "WRITEABLE", "ENSUREARRAY"])
    except Exception as error:
        raise StrategyFailed.of(error) from error
    shape = len(bars.sessions), len(bars.symbols)
    if targets.shape != shape:
        raise StrategyFailed(f"signals must have the shape {shape} (sessions, symbols), not {targets.shape}")
    if np.isinf(targets).any():
        raise StrategyFailed("signals must be finite numbers, or NaN for no decision")
    return targets


def first_peek(strategy: Strategy, bars: Bars, parameters: Any) -> str | None:
    """A sentence that names the first signal found to depend on later bars, or None.

    Raises:
        StrategyFailed: see `compute_signals`.
    """
    return find_peek(strategy, bars, parameters, compute_signals(strategy, bars, parameters))


def find_peek(strategy: Strategy, bars: Bars, parameters: Any, signals: NDArray[np.float64]) -> str | None:
    """As `first_peek`, for signals that are computed already."""
    for session_count in _cuts(signals, strategy.warm_up(parameters)):
        cut = compute_signals(strategy, bars.until(session_count), parameters)
        whole = signals[:session_count]
        differs = ~((cut == whole) | (np.isnan(cut) & np.isnan(whole)))
        if differs.any():
            row, column = np.argwhere(differs)[0]
            session, last = iso_date(bars.sessions[row]), iso_date(bars.sessions[session_count - 1])
            return (
                f"{strategy.name} looks ahead: its signal for {bars.symbols[column]} on {session} is {_weight(whole[row, column])}, "
                f"but {_weight(cut[row, column])} when history ends on {last}"
            )
    return None


def _cuts(signals: NDArray[np.float64], warm_up: int) -> list[int]:
    """Numbers of sessions to cut history to, ascending: even steps after the warm-up, and right after decisions."""
    decided = np.flatnonzero(~np.isnan(signals).all(axis=1)) + 1
    after_decisions = decided[np.linspace(0, len(decided) - 1, min(CUTS, len(decided))).astype(int)]
    even = np.linspace(warm_up + 1, len(signals), CUTS + 1).astype(int)[:-1]
    return sorted({int(cut) for cut in (*after_decisions, *even) if warm_up < cut < len(signals)})


def _weight(signal: float) -> str:
    return "no decision" if np.isnan(signal) else repr(float(signal))
