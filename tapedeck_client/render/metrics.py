"""The metrics of a run: what each is called for people, how it is written, which belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.columns import Columns
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tapedeck.v1.run_pb2 import Metrics
from tapedeck_client.render.text import UNDEFINED, count, money, optional, percent, plain, ratio


class Metric(NamedTuple):
    """How a metric is shown."""

    field: str
    """Name in the contract."""
    label: str
    """Name for people."""
    write: Callable[[float | None], Text]
    """Value to text."""


GROUPS: dict[str, tuple[Metric, ...]] = {
    "Return": (
        Metric("total_return", "Total return", percent),
        Metric("annual_return", "Annual return", percent),
        Metric("final_portfolio_value", "Final value", money),
        Metric("pnl", "Profit and loss", money),
        Metric("best_session_return", "Best session", percent),
        Metric("worst_session_return", "Worst session", percent),
    ),
    "Risk": (
        Metric("annual_volatility", "Annual volatility", percent),
        Metric("sharpe_ratio", "Sharpe ratio", ratio),
        Metric("sortino_ratio", "Sortino ratio", ratio),
        Metric("calmar_ratio", "Calmar ratio", ratio),
        Metric("max_drawdown", "Max drawdown", percent),
    ),
    "Trades": (
        Metric("trades_total", "Round trips", count),
        Metric("trades_won", "Won", count),
        Metric("trades_lost", "Lost", count),
        Metric("win_rate", "Win rate", percent),
        Metric("profit_factor", "Profit factor", ratio),
        Metric("expectancy", "Expectancy", money),
        Metric("average_trade_return", "Average trade", percent),
        Metric("average_win", "Average win", money),
        Metric("average_loss", "Average loss", money),
        Metric("open_positions", "Open positions", count),
    ),
    "Exposure": (
        Metric("exposure", "Time in the market", percent),
        Metric("turnover", "Annual turnover", percent),
        Metric("alpha", "Alpha", percent),
        Metric("beta", "Beta", ratio),
    ),
}

_BESIDE_EACH_OTHER = (("Return", "Risk"), ("Trades", "Exposure"))

METRICS = {metric.field: metric for group in GROUPS.values() for metric in group}
"""Every numeric metric, by its name in the contract."""


def write_metric(field: str, value: float | None) -> Text:
    """A metric's value, also of one that this client does not know yet."""
    return METRICS[field].write(value) if field in METRICS else ratio(value)


def metric_label(field: str) -> str:
    """A metric's name for people."""
    return METRICS[field].label if field in METRICS else plain(field)


def metrics_by_group(metrics: Metrics) -> Group:
    """All metrics in groups, two beside each other, with the dates they refer to below."""
    pairs = [
        Columns([_group(title, metrics) for title in titles], padding=(0, 4)) for titles in (("Return", "Risk"), ("Trades", "Exposure"))
    ]
    return Group(*pairs, *_notes(metrics))


def _group(title: str, metrics: Metrics) -> Table:
    table = Table(box=None, show_header=False, title=title, title_justify="left", title_style="bold", padding=(0, 1, 0, 0))
    table.add_column(width=20)
    table.add_column(justify="right", width=18)
    for metric in GROUPS[title]:
        table.add_row(metric.label, metric.write(optional(metrics, metric.field)))
    return table


def _notes(metrics: Metrics) -> list[Text]:
    notes = []
    if metrics.max_drawdown_valley_date:
        peak = metrics.max_drawdown_peak_date or "the start"
        recovery = metrics.max_drawdown_recovery_date
        ending = f"recovered on {recovery}" if recovery else "not recovered"
        notes.append(f"Deepest fall from {peak} to {metrics.max_drawdown_valley_date}, {ending}.")
    if metrics.best_session_date or metrics.worst_session_date:
        best, worst = metrics.best_session_date or UNDEFINED, metrics.worst_session_date or UNDEFINED
        notes.append(f"Best session {best}, worst session {worst}.")
    return [Text(plain(note), style="dim") for note in notes]
