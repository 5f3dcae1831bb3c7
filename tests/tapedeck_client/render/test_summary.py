"""How metrics are distributed over runs, as tables."""

from __future__ import annotations

from google.protobuf import struct_pb2

from tapedeck.v1.store_service_pb2 import MetricSummary, Quantile, RunGroup
from tapedeck_client.render.metrics import METRICS
from tapedeck_client.render.summary import summary
from tests.tapedeck_client.render.printed import printed


def metric(name: str, first: float, *, best: float | None = None, step: float = 1.0) -> MetricSummary:
    """A metric with the values first, first + step and so on, the median in the middle."""
    values = [first + step * place for place in range(7)]
    places = ((0.0, 0), (0.05, 1), (0.25, 2), (0.75, 4), (0.95, 5), (1.0, 6))
    quantiles = [Quantile(probability=probability, value=values[place]) for probability, place in places]
    return MetricSummary(metric=name, count=1_234, mean=first + step / 4, median=values[3], best=best, quantiles=quantiles)


def test_all_runs_have_a_line_for_each_metric_from_the_lowest_to_the_highest_value_with_the_best_marked() -> None:
    metrics = [metric("sharpe_ratio", 1.0, best=7.0), metric("annual_volatility", 0.1, best=0.1, step=0.1), metric("trades_total", 1)]
    heading, _, ratio, volatility, trades, *rest = printed(summary([RunGroup(run_count=1_240, metrics=metrics)], "")).splitlines()
    assert heading.split() == ["Metric", "Runs", "Mean", "Lowest", "5", "%", "25", "%", "Median", "75", "%", "95", "%", "Highest"]
    assert ratio.split()[2:] == ["1,234", "1.250", "1.000", "2.000", "3.000", "4.000", "5.000", "6.000", "★7.000"]
    assert volatility.split()[2:] == ["1,234", "12.50%", "★10.00%", "20.00%", "30.00%", "40.00%", "50.00%", "60.00%", "70.00%"]
    assert trades.split() == ["Round", "trips", "1,234", "1", "1", "2", "3", "4", "5", "6", "7"]
    assert rest == ["", "1,240 runs; a metric that is undefined for some of them has fewer.", "★ the best value"]


def test_groups_have_a_table_for_each_metric_with_a_line_for_each_group() -> None:
    values = [
        struct_pb2.Value(number_value=5),
        struct_pb2.Value(string_value="[bold]x"),
        struct_pb2.Value(null_value=struct_pb2.NULL_VALUE),
    ]
    empty = MetricSummary(metric="sharpe_ratio", undefined_count=2)
    groups = [RunGroup(value=value, metrics=[metric("alpha", 1.0), metric("sharpe_ratio", 1.0)]) for value in values]
    groups[2].metrics[1].CopyFrom(empty)
    shown = printed(summary(groups, "parameters.fast"))
    assert [line.split()[0] for line in shown.splitlines() if line and not line.startswith("─")] == [
        *("Alpha", "fast", "5", "[bold]x", "–"),
        *("Sharpe", "fast", "5", "[bold]x", "–"),
        "★",
    ]
    assert ["–", "0", *["–"] * 8] in [line.split() for line in shown.splitlines()]


def test_all_metrics_fit_a_hundred_columns() -> None:
    money = {"final_portfolio_value", "pnl"}
    metrics = [metric(name, -0.5, best=2.5, step=0.5) for name in METRICS if name not in money]
    metrics += [metric(name, -110_000.25, best=130_000.0, step=40_000.0) for name in sorted(money)]
    lines = printed(summary([RunGroup(run_count=1_234, metrics=metrics)], "")).splitlines()
    assert len(lines) == 2 + len(METRICS) + 3, "no line is wrapped"
    assert max(map(len, lines)) <= 100
    assert "-110,000" in lines[-4]


def test_where_all_values_are_the_same_none_is_the_best() -> None:
    shown = printed(summary([RunGroup(run_count=3, metrics=[metric("win_rate", 0.5, best=0.5, step=0.0)])], ""))
    assert "★50.00%" not in shown
    assert shown.count("50.00%") == 8


def test_a_metric_that_this_client_does_not_know_is_shown_all_the_same() -> None:
    shown = printed(summary([RunGroup(run_count=1, metrics=[metric("novel", 12.5)])], ""))
    assert ["novel", "1,234", "12.750", "12.500"] in [line.split()[:4] for line in shown.splitlines()]
    assert "1 run;" in printed(summary([RunGroup(run_count=1)], ""))
