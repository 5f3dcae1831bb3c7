"""Whether one run's Sharpe ratio is really higher than another's, or no more than noise would make it. Pure; numpy computes.

A paired stationary bootstrap (Politis and Romano, "The Stationary Bootstrap", 1994): both runs are drawn on the same sessions, in blocks of
random length, so that what they have in common and what one session has to do with the next stays in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tapedeck.v1 import store_service_pb2

CONFIDENCE = 0.95
"""Probability with which the interval holds the difference."""

RESAMPLES = 2_000
"""Drawings: the ends of an interval, its 50th value from either side, move by a tenth of its width with another seed, at most."""

SEED = 0
"""The same runs have the same interval, always."""

MIN_RETURNS = 60
"""Fewer session returns, a quarter of a year, tell nothing about a year's Sharpe ratio."""

_SESSIONS_PER_YEAR = 252.0

Array = NDArray[np.float64]


def compare_sharpe_ratios(curves: store_service_pb2.AlignedCurves) -> store_service_pb2.SharpeComparison:
    """The run with the highest Sharpe ratio on the sessions that the curves have in common, and how far each other one is below it.

    The interval is that of the percentiles: of RESAMPLES drawings, the middle CONFIDENCE of the differences.

    Args:
        curves: Of runs that succeeded.
    """
    if len(curves.curves) < 2:
        return store_service_pb2.SharpeComparison(note="fewer than two of the runs succeeded")
    returns = _session_returns(np.column_stack([curve.portfolio_values for curve in curves.curves]))
    if len(returns) < MIN_RETURNS:
        return store_service_pb2.SharpeComparison(note=f"the runs have {len(returns)} session returns in common; {MIN_RETURNS} are needed")
    names = [curve.run_id for curve in curves.curves]
    ratios = sharpe_ratios(returns)
    if np.isnan(ratios).all():
        return store_service_pb2.SharpeComparison(note="none of the runs has a Sharpe ratio on the sessions in common")
    best, block = int(np.nanargmax(ratios)), mean_block_length(len(returns))
    drawn = np.array([sharpe_ratios(returns[rows]) for rows in resamples(len(returns), block)])
    return store_service_pb2.SharpeComparison(
        best_run_id=names[best],
        differences=[
            _difference(name, ratios[best] - ratios[place], drawn[:, best] - drawn[:, place])
            for place, name in enumerate(names)
            if place != best
        ],
        return_count=len(returns),
        confidence=CONFIDENCE,
        resample_count=RESAMPLES,
        mean_block_sessions=block,
    )


def sharpe_ratios(returns: Array) -> Array:
    """mean(r) / std(r, ddof=1) * sqrt(252) of each column [sessions x runs]; NaN for one that never changes."""
    deviations = returns.std(axis=0, ddof=1)
    moves = returns.max(axis=0) > returns.min(axis=0)  # the deviation of equal returns may differ from 0 in its last bits
    ratios: Array = np.where(moves, returns.mean(axis=0) / np.where(moves, deviations, 1.0), np.nan) * math.sqrt(_SESSIONS_PER_YEAR)
    return ratios


def mean_block_length(sessions: int) -> int:
    """Sessions in a block on average: the cube root of their number, the rate at which the paper finds the variance estimated best."""
    return math.ceil(math.cbrt(sessions))


def resamples(sessions: int, mean_block: int, *, count: int = RESAMPLES, seed: int = SEED) -> Iterator[NDArray[np.int64]]:
    """Rows of the sessions drawn [sessions], `count` times.

    A block begins anywhere, ends with probability 1 / mean_block after each session, and goes on with the first session after the last.
    """
    generator = np.random.default_rng(seed)
    at = np.arange(sessions)
    for _ in range(count):
        begins = generator.integers(sessions, size=sessions)
        is_begin = generator.random(sessions) <= 1.0 / mean_block
        is_begin[0] = True
        begun_at = np.maximum.accumulate(np.where(is_begin, at, 0))
        yield (begins[begun_at] + at - begun_at) % sessions


def _session_returns(values: Array) -> Array:
    """From one common session to the next [sessions - 1 x runs]; NaN after a value of 0 or below."""
    returns: Array = values[1:] / np.where(values[:-1] > 0.0, values[:-1], np.nan) - 1.0
    return returns


def _difference(run_id: str, difference: float, drawn: Array) -> store_service_pb2.SharpeDifference:
    known = drawn[~np.isnan(drawn)]
    if math.isnan(difference) or not len(known):
        return store_service_pb2.SharpeDifference(run_id=run_id)
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return store_service_pb2.SharpeDifference(
        run_id=run_id, difference=difference, lowest=low, highest=high, is_more_than_noise=bool(low > 0.0)
    )
