"""The edge score as its definition in the contract says it, recomputed here result by result."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_service.spec_checks import Problems
from engine_service.sweeps.columns import METRICS
from engine_service.sweeps.edge_score import DEFAULT_WEIGHTS, complete, edge_scores
from tapedeck.v1 import sweep_pb2
from tapedeck_rpc import errors

NUMBERS = st.floats(-1e6, 1e6) | st.just(math.nan)


def row(**metrics: float) -> list[float]:
    return [metrics.get(name, math.nan) for name in METRICS]


def by_definition(score: sweep_pb2.EdgeScore, metrics: dict[str, float]) -> float | None:
    if not metrics["trades_total"] >= score.minimum_trades or any(math.isnan(metrics[name]) for name in score.weights):
        return None
    points = {name: metrics[name] if name == "win_rate" else max(metrics[name], 0) / (abs(metrics[name]) + 1) for name in score.weights}
    return sum(weight * points[name] for name, weight in score.weights.items()) / sum(score.weights.values())


@given(
    st.dictionaries(st.sampled_from(METRICS), st.floats(0.01, 100), min_size=1, max_size=4),
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 40), st.lists(NUMBERS, min_size=len(METRICS), max_size=len(METRICS))), min_size=1, max_size=5),
)
def test_a_score_is_the_weighted_mean_of_the_points(
    weights: dict[str, float], minimum_trades: int, results: list[tuple[int, list[float]]]
) -> None:
    score = sweep_pb2.EdgeScore(weights=weights, minimum_trades=minimum_trades)
    metrics = [dict(zip(METRICS, values, strict=True)) | {"trades_total": float(trades)} for trades, values in results]
    found = edge_scores(score, np.array([list(each.values()) for each in metrics]))
    expected = [by_definition(score, each) for each in metrics]
    assert [None if math.isnan(each) else pytest.approx(each, rel=1e-12, abs=1e-12) for each in found] == expected


def test_too_few_trades_leave_no_score_and_a_loss_scores_nothing() -> None:
    score = complete(sweep_pb2.EdgeScore(), Problems())
    good, few, bad = (
        row(trades_total=10, win_rate=1.0, sharpe_ratio=1.0, profit_factor=3.0),
        row(trades_total=9, win_rate=1.0, sharpe_ratio=1.0, profit_factor=3.0),
        row(trades_total=10, win_rate=0.0, sharpe_ratio=-2.0, profit_factor=0.0),
    )
    found = edge_scores(score, np.array([good, few, bad]))
    assert found[0] == pytest.approx(0.4 * 1 + 0.4 * 0.5 + 0.2 * 0.75)
    assert math.isnan(found[1])
    assert found[2] == 0.0


def test_defaults_are_filled_in_and_everything_wrong_is_named() -> None:
    filled = complete(sweep_pb2.EdgeScore(), Problems())
    assert (dict(filled.weights), filled.minimum_trades) == (dict(DEFAULT_WEIGHTS), 10)
    assert complete(sweep_pb2.EdgeScore(minimum_trades=0), Problems()).minimum_trades == 0
    problems = Problems(prefix="")
    complete(sweep_pb2.EdgeScore(weights={"luck": 1, "win_rate": -1, "sharpe_ratio": math.inf}, minimum_trades=-1), problems)
    with pytest.raises(errors.InvalidArgument) as raised:
        problems.raise_if_any()
    assert [violation.field for violation in raised.value.violations] == ["edge_score.weights"] * 3 + ["edge_score.minimum_trades"]
