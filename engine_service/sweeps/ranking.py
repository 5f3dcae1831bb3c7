"""Which results are the best. Pure.

By one column, best first; of equal ones that of the lower number. A result without the metric is never among the best.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine_service.sweeps.columns import COLUMNS

LOWEST_IS_BEST = frozenset({"annual_volatility"})
"""Of all other metrics the highest is best; max_drawdown is 0 or below, so that its highest is the smallest fall."""

DEFAULT_METRIC = "sharpe_ratio"

METRICS = COLUMNS
"""What results can be ranked by."""


@dataclass(frozen=True, slots=True, order=True)
class Ranked:
    """A result among others; the least is the best."""

    key: float
    """The metric, negative when the highest is best."""
    number: int
    """The result's number in the sweep."""


def best(metric: str, values: Iterable[float], numbers: Iterable[int], count: int) -> list[Ranked]:
    """The best results, best first.

    Args:
        metric: What they are ranked by.
        values: Its value in each result; NaN is undefined.
        numbers: The number of each.
        count: How many at most.
    """
    sign = 1.0 if metric in LOWEST_IS_BEST else -1.0
    defined = ((sign * value, number) for value, number in zip(values, numbers, strict=True) if not math.isnan(value))
    return [Ranked(key, number) for key, number in heapq.nsmallest(count, defined)]


def merged(some: Sequence[Ranked], others: Sequence[Ranked], count: int) -> list[Ranked]:
    """The best of two parts, each best first."""
    return list(heapq.merge(some, others))[:count]
