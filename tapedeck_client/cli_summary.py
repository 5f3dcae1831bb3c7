"""The commands that show how metrics are distributed over runs: summary, statistics."""

from __future__ import annotations

import click

from tapedeck_client.filter_options import filter_text
from tapedeck_client.option_types import parse_pair
from tapedeck_client.render import summary as render
from tapedeck_client.render.metrics import METRICS
from tapedeck_client.render.text import plain
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options

METRICS_OF_GROUPS = ("total_return", "sharpe_ratio", "max_drawdown")
"""Shown of groups when no metric is named: what runs are listed with. All metrics of many groups would be a page for each group."""


@click.command()
@click.option("--by", "group_by", metavar="FIELD", default="", help="Group by strategy, symbol, or a parameter such as parameters.fast.")
@click.option(
    "--metric",
    "metrics",
    type=click.Choice(list(METRICS)),
    multiple=True,
    metavar="METRIC",
    help="Only this metric, such as sharpe_ratio; repeatable.",
)
@click.option("--strategy", help="Only runs of this strategy.")
@click.option("--symbol", help="Only runs that trade this symbol.")
@click.option("--label", "labels", type=parse_pair, multiple=True, metavar="KEY=VALUE", help="Only runs with this label; repeatable.")
@click.option("--search", "words", metavar="WORDS", help="Only runs with these words in their note, their strategy's name or its source.")
@click.option("--filter", "expression", metavar="EXPR", help="Only runs that match, such as 'trades_total > 10 AND parameters.fast <= 20'.")
@shared_options
@pass_terminal
def summary(
    terminal: Terminal,
    group_by: str,
    metrics: tuple[str, ...],
    strategy: str | None,
    symbol: str | None,
    labels: tuple[tuple[str, str], ...],
    words: str | None,
    expression: str | None,
) -> None:
    """Show how the metrics of runs that succeeded are distributed."""
    matching = filter_text(expression, (("strategy = ", strategy), ("symbols:", symbol), ("search:", words)), labels)
    shown = metrics or (METRICS_OF_GROUPS if group_by and not terminal.as_json else ())
    response = terminal.client().summarize(matching, group_by=group_by, metrics=shown)
    is_empty = not any(group.run_count for group in response.groups)
    terminal.show(response, lambda: "no run that succeeded matches" if is_empty else render.summary(response.groups, group_by))


@click.command()
@click.argument("strategy")
@shared_options
@pass_terminal
def statistics(terminal: Terminal, strategy: str) -> None:
    """Show how the metrics of all runs of STRATEGY that succeeded are distributed.

    The store keeps these up to date, so they take no longer with a million runs. Medians and quantiles, and any filter: `tapedeck summary`.
    """
    found = terminal.client().strategy_statistics(strategy)
    nothing = f"no run of {plain(strategy)} has succeeded"
    terminal.show(found, lambda: render.statistics(found) if found.run_count else nothing)
