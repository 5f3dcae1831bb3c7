"""How metrics are distributed over runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.json_format import MessageToDict
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapedeck.v1.store_service_pb2 import MetricSummary, RunGroup
from tapedeck.v1.strategy_pb2 import StrategyStatistics
from tapedeck_client.render.comparison import BEST
from tapedeck_client.render.metrics import METRICS, metric_label, write_metric
from tapedeck_client.render.tables import plain_table
from tapedeck_client.render.text import UNDEFINED, count, instant, money, optional, plain, scalar

WHOLE_MONEY = 1_000
"""From where on an amount is written without its cents: nobody reads them there, and the table fits 100 columns."""

_KEPT_STATISTICS = ("Runs", "Mean", "Lowest", "Highest")
_STATISTICS = ("Mean", "Lowest", "5 %", "25 %", "Median", "75 %", "95 %", "Highest")


def summary(groups: Sequence[RunGroup], group_by: str) -> RenderableType:
    """All runs: a table with a line for each metric. Groups: a table for each metric with a line for each group."""
    parts: list[RenderableType]
    if group_by:
        parts = [part for place in range(len(groups[0].metrics)) for part in _by_group(groups, group_by, place)]
    else:
        (group,) = groups
        parts = [_table("Metric", [(metric_label(metric.metric), metric) for metric in group.metrics]), Text("")]
        runs = "1 run" if group.run_count == 1 else f"{group.run_count:,} runs"
        parts.append(Text(f"{runs}; a metric that is undefined for some of them has fewer.", style="dim"))
    return Group(*parts, Text(f"{BEST} the best value", style="dim"))


def statistics(found: StrategyStatistics) -> RenderableType:
    """A line for each metric that some run of the strategy has."""
    table = plain_table("Metric", *_KEPT_STATISTICS, right=_KEPT_STATISTICS)
    for metric in found.metrics:
        if metric.count:
            best = optional(metric, "best") if metric.lowest < metric.highest else None
            mean = optional(metric, "mean")
            ends = (_marked(metric.metric, value, is_best=value == best) for value in (metric.lowest, metric.highest))
            table.add_row(
                metric_label(metric.metric), count(metric.count), UNDEFINED if mean is None else _written(metric.metric, mean), *ends
            )
    runs = "1 run" if found.run_count == 1 else f"{found.run_count:,} runs"
    newest = f"{runs} of {plain(found.strategy)} succeeded, the newest of {instant(found.newest_create_time)} UTC; {BEST} the best value"
    return Group(table, Text(""), Text(newest, style="dim"))


def _by_group(groups: Sequence[RunGroup], group_by: str, place: int) -> Iterator[RenderableType]:
    metrics = [group.metrics[place] for group in groups]
    yield Text(metric_label(metrics[0].metric), style="bold")
    heading = plain(group_by.removeprefix("parameters."))
    yield _table(heading, [(scalar(MessageToDict(group.value)), metric) for group, metric in zip(groups, metrics, strict=True)])
    yield Text("")


def _table(heading: str, rows: Sequence[tuple[str, MetricSummary]]) -> Table:
    table = plain_table(heading, "Runs", *_STATISTICS, right=("Runs", *_STATISTICS))
    for column in table.columns[1:]:
        column.no_wrap = True
    for name, metric in rows:
        table.add_row(name, count(metric.count), *_statistics(metric))
    return table


def _statistics(metric: MetricSummary) -> Iterator[Text]:
    """The cells below _STATISTICS."""
    if not metric.count:
        yield from (Text(UNDEFINED, style="dim") for _ in _STATISTICS)
        return
    values = [quantile.value for quantile in metric.quantiles]
    values.insert(len(values) // 2, metric.median)
    lowest, *_, highest = values
    best = optional(metric, "best") if lowest < highest else None
    yield _written(metric.metric, metric.mean)
    for place, value in enumerate(values):
        yield _marked(metric.metric, value, is_best=value == best and place in {0, len(values) - 1})


def _marked(metric: str, value: float, *, is_best: bool) -> Text:
    written = _written(metric, value)
    return Text(f"{BEST}{written.plain}", style="bold green") if is_best else written


def _written(metric: str, value: float) -> Text:
    is_long = metric in METRICS and METRICS[metric].write is money and abs(value) >= WHOLE_MONEY
    return count(value) if is_long else write_metric(metric, value)
