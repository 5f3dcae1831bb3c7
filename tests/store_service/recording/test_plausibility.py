"""Values that are hardly true are flagged by name, at the ends of their ranges and not before."""

from __future__ import annotations

import math
from typing import Any

import pytest

from store_service.models import SORTABLE_METRICS
from store_service.recording.plausibility import PLAUSIBLE, flags_of
from tapedeck.v1 import run_pb2


def test_ranges_are_of_metrics_and_nothing_in_a_good_run_is_outside() -> None:
    assert set(SORTABLE_METRICS) > PLAUSIBLE.keys()
    good = run_pb2.Metrics(
        total_return=25_000.0,
        annual_return=0.9,
        annual_volatility=0.4,
        sharpe_ratio=3.5,
        sortino_ratio=9.0,
        calmar_ratio=12.0,
        max_drawdown=-1.0,
        win_rate=1.0,
        profit_factor=1e9,
        exposure=1.0,
        turnover=252.0,
        best_session_return=1.5,
        worst_session_return=-1.0,
        average_loss=-3.0,
    )
    assert flags_of(good) == []
    assert flags_of(run_pb2.Metrics()) == []


@pytest.mark.parametrize("name", PLAUSIBLE)
def test_the_ends_of_a_range_are_plausible_and_what_is_beyond_is_flagged(name: str) -> None:
    for end, beyond in zip(PLAUSIBLE[name], (-math.inf, math.inf), strict=True):
        if math.isfinite(end):
            is_count = isinstance(getattr(run_pb2.Metrics(), name), int)
            inside: Any = int(end) if is_count else end
            outside: Any = int(end) - 1 if is_count else math.nextafter(end, beyond)
            assert flags_of(run_pb2.Metrics(**{name: inside})) == []
            assert flags_of(run_pb2.Metrics(**{name: outside})) == [name]


def test_flags_come_in_the_order_of_the_metrics() -> None:
    metrics = run_pb2.Metrics(win_rate=1.5, sharpe_ratio=14.2, total_return=-1.2, pnl=1e300)
    assert flags_of(metrics) == ["total_return", "sharpe_ratio", "win_rate"]
