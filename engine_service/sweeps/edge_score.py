"""One number for how good a result is; `sweep_pb2.EdgeScore` defines it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine_service.spec_checks import Problems
from engine_service.sweeps.columns import METRICS, UNDEFINED
from tapedeck.v1 import sweep_pb2

DEFAULT_WEIGHTS: Mapping[str, float] = {"win_rate": 0.4, "sharpe_ratio": 0.4, "profit_factor": 0.2}
"""How often it wins, how smoothly, and how much more than it loses."""

DEFAULT_MINIMUM_TRADES = 10
"""Below it a win rate says nothing."""

OWN_SCORE = "win_rate"
"""The one metric that is a score from 0 to 1 already."""


def complete(asked: sweep_pb2.EdgeScore, problems: Problems) -> sweep_pb2.EdgeScore:
    """What the request means, with defaults filled in; what is wrong with it goes to the problems."""
    for metric, weight in sorted(asked.weights.items()):
        if metric not in METRICS:
            problems.add("edge_score.weights", f"{metric[:60]!r} is no metric; there are: {', '.join(METRICS)}")
        if not (math.isfinite(weight) and weight > 0):
            problems.add("edge_score.weights", f"the weight of {metric[:60]} must be a number above 0, not {weight:g}")
    if asked.HasField("minimum_trades") and asked.minimum_trades < 0:
        problems.add("edge_score.minimum_trades", f"must be 0 or more, not {asked.minimum_trades}")
    minimum = asked.minimum_trades if asked.HasField("minimum_trades") else DEFAULT_MINIMUM_TRADES
    return sweep_pb2.EdgeScore(weights=asked.weights or DEFAULT_WEIGHTS, minimum_trades=minimum)


def edge_scores(score: sweep_pb2.EdgeScore, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The score of each row of metrics [results x METRICS]; NaN is none.

    Args:
        score: Complete.
        rows: NaN is undefined.
    """
    # In the order of the columns: a map has none, and sums depend on theirs.
    weights = [(place, name, score.weights[name]) for place, name in enumerate(METRICS) if name in score.weights]
    total, weight_sum = np.zeros(len(rows)), 0.0
    for place, name, weight in weights:
        metric = rows[:, place]
        points = metric if name == OWN_SCORE else np.where(metric > 0.0, metric / (np.abs(metric) + 1.0), np.minimum(metric, 0.0) * 0.0)
        total = total + weight * points
        weight_sum += weight
    enough = rows[:, METRICS.index("trades_total")] >= score.minimum_trades
    scores: NDArray[np.float64] = np.where(enough, total / weight_sum, UNDEFINED)
    return scores
