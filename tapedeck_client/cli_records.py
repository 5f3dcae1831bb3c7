"""Commands that read what there is: history, show, compare, strategies, datasets."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TypeVar

import click
from google.protobuf.message import Message
from rich.console import Group, RenderableType
from rich.text import Text

from tapedeck.v1.run_pb2 import RunState, SessionBatch
from tapedeck.v1.store_service_pb2 import ListRunsResponse, RunPart
from tapedeck_client.client import LIST_PAGE_SIZE
from tapedeck_client.filter_options import filter_text
from tapedeck_client.growth import draw_growth
from tapedeck_client.ids import find_run
from tapedeck_client.option_types import parse_pair
from tapedeck_client.picture import Picture
from tapedeck_client.recorded import capital_base
from tapedeck_client.render import tables
from tapedeck_client.render.chart import run_charts
from tapedeck_client.render.comparison import comparison
from tapedeck_client.render.run_detail import run_detail
from tapedeck_client.render.text import plain
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options
from tapedeck_rpc import errors

MOST_COMPARED_RUNS = 10
"""As in the contract of CompareRuns."""

MOST_LISTED_RUNS = 10_000
"""What somebody may want to see on a terminal or pipe into a file; programs use `TapedeckClient.list_all`."""

_STATES = [name.removeprefix("RUN_STATE_").lower() for name in RunState.keys()[1:]]
_M = TypeVar("_M", bound=Message)


@click.command()
@click.option("--limit", type=click.IntRange(1, MOST_LISTED_RUNS), default=20, show_default=True, help="Runs shown at most.")
@click.option("--strategy", help="Only runs of this strategy.")
@click.option("--symbol", help="Only runs that trade this symbol.")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only runs in this state.")
@click.option("--label", "labels", type=parse_pair, multiple=True, metavar="KEY=VALUE", help="Only runs with this label; repeatable.")
@click.option("--search", "words", metavar="WORDS", help="Only runs with these words in their note, their strategy's name or its source.")
@click.option("--filter", "expression", metavar="EXPR", help="Only runs that match, such as 'sharpe_ratio > 1 AND parameters.fast <= 20'.")
@click.option("--sort", type=click.Choice(list(tables.SORTINGS)), default="date", show_default=True, help="Newest or best first.")
@click.option("--reverse", is_flag=True, help="Oldest or worst first.")
@click.option("--deleted", is_flag=True, help="Only deleted runs, those that `tapedeck undelete` can bring back.")
@shared_options
@pass_terminal
def history(
    terminal: Terminal,
    limit: int,
    strategy: str | None,
    symbol: str | None,
    state: str | None,
    labels: tuple[tuple[str, str], ...],
    words: str | None,
    expression: str | None,
    sort: str,
    reverse: bool,
    deleted: bool,
) -> None:
    """List recorded runs; those of one --strategy with the parameters that vary."""
    asked = (("strategy = ", strategy), ("symbols:", symbol), ("state = ", state.upper() if state else None), ("search:", words))
    matching = filter_text(expression, asked, labels, only=["delete_time:*"] if deleted else [])
    order_by = tables.SORTINGS[sort].field + ("" if reverse else " desc")
    found = terminal.client().list_all(matching, order_by, page_size=min(limit, LIST_PAGE_SIZE), show_deleted=deleted)
    response = ListRunsResponse(runs=itertools.islice(found, limit))
    nothing = "no run matches" if matching else "no run is recorded yet: `tapedeck run STRATEGY` makes one"

    def rendered() -> RenderableType:
        return tables.history(response.runs, sort, reverse=reverse, of_one_strategy=bool(strategy))

    terminal.show(response, lambda: rendered() if response.runs else nothing)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--no-chart", is_flag=True, help="Leave the equity curve and the drawdown out.")
@shared_options
@pass_terminal
def show(terminal: Terminal, run_id: str, no_chart: bool) -> None:
    """Show RUN: spec, parameters, metrics, provenance, and its equity curve so far.

    RUN is an id, or its last 8 digits as `tapedeck history` prints them.
    """
    client = terminal.client()
    run = client.get(find_run(client, run_id))

    def rendered() -> RenderableType:
        curve = SessionBatch()
        if run.sessions_recorded and not no_chart:
            for message in client.read(run.run_id, [RunPart.RUN_PART_EQUITY_CURVE]):
                curve.MergeFrom(message.sessions)
        if not curve.session_dates:
            return run_detail(run)
        return Group(run_detail(run), Text(""), run_charts(curve.session_dates, curve.portfolio_values, capital_base(run.spec)))

    terminal.show(run, rendered)


@click.command()
@click.argument("run_ids", metavar="RUN RUN...", nargs=-1, required=True)
@click.option("--curves", is_flag=True, help="Draw the equity curves too.")
@click.option("--plot", "picture_path", type=click.Path(dir_okay=False, path_type=Path), help="Draw the growth of 1 into a file.")
@shared_options
@pass_terminal
def compare(terminal: Terminal, run_ids: tuple[str, ...], curves: bool, picture_path: Path | None) -> None:
    """Compare 2 to 10 runs: metrics and specs."""
    if not 2 <= len(run_ids) <= MOST_COMPARED_RUNS:
        raise click.UsageError(f"give 2 to {MOST_COMPARED_RUNS} runs, not {len(run_ids)}")
    picture = Picture(picture_path, "--plot") if picture_path else None
    client = terminal.client()
    response = client.compare(
        [find_run(client, run_id) for run_id in run_ids], include_curves=curves or picture is not None, include_sharpe=True
    )
    for missing in response.missing_run_ids:
        terminal.err.print(f"Warning: there is no run {plain(missing)}", style="yellow")
    said = draw_growth(picture, response) if picture else ""
    if not curves:
        response.ClearField("curves")
    terminal.show(response, lambda: comparison(response))
    if said:
        terminal.err.print(said)


@click.command()
@click.argument("name", required=False)
@shared_options
@pass_terminal
def strategies(terminal: Terminal, name: str | None) -> None:
    """List the strategies, or describe the one called NAME."""
    response = terminal.client().strategies()
    if name is None:
        terminal.show(response, lambda: tables.strategies(response.strategies))
        return
    strategy = _named({s.name: s for s in response.strategies}, name, "strategy")
    terminal.show(strategy, lambda: tables.strategy_detail(strategy))


@click.command()
@click.argument("name", required=False)
@shared_options
@pass_terminal
def datasets(terminal: Terminal, name: str | None) -> None:
    """List the datasets, or describe the one called NAME."""
    response = terminal.client().datasets()
    if name is None:
        terminal.show(response, lambda: tables.datasets(response.datasets))
        return
    dataset = _named({d.name: d for d in response.datasets}, name, "dataset")
    terminal.show(dataset, lambda: tables.dataset_detail(dataset))


def _named(found: dict[str, _M], name: str, kind: str) -> _M:
    if name not in found:
        raise errors.NotFound(f'there is no {kind} "{name}"; there is {", ".join(found) or "none"}', reason="NOT_LISTED")
    return found[name]
