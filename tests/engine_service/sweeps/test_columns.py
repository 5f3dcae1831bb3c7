"""Rows of numbers and columns of messages say the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine_service.sweeps.columns import COLUMNS, METRICS, canonical, metric_columns, metrics_row
from tapedeck.v1 import run_pb2, sweep_pb2


def test_the_columns_are_all_metrics_but_the_dates_and_the_edge_score() -> None:
    assert METRICS[:3] == ("total_return", "annual_return", "annual_volatility")
    assert METRICS[-1] == "average_trade_return"
    assert not [name for name in METRICS if name.endswith("_date")]
    assert (*METRICS, "edge_score") == COLUMNS


def test_an_absent_metric_is_undefined_in_a_row() -> None:
    row = metrics_row(run_pb2.Metrics(total_return=0.5, trades_total=0))
    assert row[METRICS.index("total_return")] == 0.5
    assert row[METRICS.index("trades_total")] == 0
    assert np.isnan(row).sum() == len(METRICS) - 2


def test_undefined_values_are_zero_in_a_column_which_says_where_they_are() -> None:
    rows = np.zeros((3, len(COLUMNS)))
    rows[:, 0] = [1.0, math.nan, 3.0]
    first, second = metric_columns(rows)[:2]
    assert (first.metric, list(first.values), list(first.undefined)) == ("total_return", [1.0, 0.0, 3.0], [1])
    assert (list(second.values), list(second.undefined)) == ([0.0, 0.0, 0.0], [])


@pytest.mark.parametrize("count", [0, 1, 15, 16, 2047, 2048])
def test_columns_are_the_messages_that_their_values_make(count: int) -> None:
    rows = np.random.default_rng(count).normal(size=(count, len(COLUMNS)))
    expected = [sweep_pb2.MetricColumn(metric=name, values=values) for name, values in zip(COLUMNS, rows.T.tolist(), strict=True)]
    assert metric_columns(rows) == expected


def test_whatever_is_no_number_has_the_same_bytes() -> None:
    odd = np.array([[math.inf, -math.inf, math.nan, -np.float64(math.nan)]])
    assert canonical(odd).tobytes() == np.full((1, 4), np.nan).tobytes()
