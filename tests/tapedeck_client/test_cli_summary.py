"""summary: what is asked for, and what is shown."""

from __future__ import annotations

import json

from google.protobuf import struct_pb2

from tapedeck.v1.store_service_pb2 import RunGroup, SummarizeRunsRequest, SummarizeRunsResponse
from tapedeck.v1.strategy_pb2 import MetricStatistics, StrategyStatistics
from tapedeck.v1.strategy_service_pb2 import GetStrategyStatisticsRequest
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import Store


def test_summary_shows_all_metrics_of_all_runs(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("summary")
    assert result.exit_code == 0
    assert store.requests == [SummarizeRunsRequest()]
    line = next(line for line in result.stdout.splitlines() if line.startswith("Sharpe ratio"))
    assert line.split() == ["Sharpe", "ratio", "2", "1.250", "0.500", "0.575", "0.875", "1.250", "1.625", "1.925", "★2.000"]


def test_summary_joins_its_options_to_one_filter(tapedeck: Tapedeck, store: Store) -> None:
    tapedeck(
        "summary", "--strategy", "momentum", "--symbol", "GOOG", "--label", "team=alpha", "--search", "split fees", "--filter", "pnl > 1"
    )
    assert store.requests[0].filter == (
        '(pnl > 1) AND strategy = "momentum" AND symbols:"GOOG" AND search:"split fees" AND labels.team = "alpha"'
    )


def test_groups_are_shown_by_what_runs_are_listed_with_unless_metrics_are_named(tapedeck: Tapedeck, store: Store) -> None:
    store.summary.groups[0].value.CopyFrom(struct_pb2.Value(number_value=10))
    assert "fast" in tapedeck("summary", "--by", "parameters.fast").stdout
    tapedeck("summary", "--by", "symbol", "--metric", "pnl", "--metric", "alpha")
    tapedeck("summary", "--by", "strategy", "--json")
    assert [(request.group_by, list(request.metrics)) for request in store.requests] == [
        ("parameters.fast", ["total_return", "sharpe_ratio", "max_drawdown"]),
        ("symbol", ["pnl", "alpha"]),
        ("strategy", []),
    ]


def test_summary_prints_json(tapedeck: Tapedeck) -> None:
    (group,) = json.loads(tapedeck("summary", "--json").stdout)["groups"]
    assert (group["run_count"], group["metrics"][0]["median"]) == (3, 1.25)


def test_summary_says_when_no_run_matches(tapedeck: Tapedeck, store: Store) -> None:
    for response in (SummarizeRunsResponse(), SummarizeRunsResponse(groups=[RunGroup()])):
        store.summary = response
        assert "no run that succeeded matches" in tapedeck("summary").stdout


def test_a_metric_that_is_none_is_refused_with_the_known_ones(tapedeck: Tapedeck) -> None:
    result = tapedeck("summary", "--metric", "sharp")
    assert result.exit_code == 2
    assert "sharpe_ratio" in result.stderr


def test_statistics_show_the_metrics_that_some_run_has(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("statistics", "sma_crossover")
    assert result.exit_code == 0
    assert store.requests == [GetStrategyStatisticsRequest(strategy="sma_crossover")]
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["Sharpe", "ratio", "2", "1.250", "0.500", "★2.000"] in lines
    assert not any(line[:1] == ["Alpha"] for line in lines)
    assert "3 runs of sma_crossover succeeded, the newest of 2026-09-21 14:13 UTC; ★ the best value" in result.stdout


def test_statistics_print_json(tapedeck: Tapedeck) -> None:
    found = json.loads(tapedeck("statistics", "sma_crossover", "--json").stdout)
    assert (found["run_count"], found["metrics"][0]["mean"]) == (3, 1.25)


def test_statistics_of_no_run_and_of_one_that_is_best_and_worst_are_said(tapedeck: Tapedeck, store: Store) -> None:
    store.statistics = StrategyStatistics(strategy="x")
    assert tapedeck("statistics", "x").stdout == "no run of x has succeeded\n"
    one = MetricStatistics(metric="sharpe_ratio", count=1, mean=1.5, lowest=1.5, highest=1.5, best=1.5, worst=1.5)
    store.statistics = StrategyStatistics(strategy="x", run_count=1, metrics=[one])
    shown = tapedeck("statistics", "x").stdout
    assert ["Sharpe", "ratio", "1", "1.500", "1.500", "1.500"] in [line.split() for line in shown.splitlines()]
    assert "1 run of x succeeded" in shown
