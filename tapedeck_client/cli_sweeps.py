"""Commands for sweeps: sweep, sweeps, sweep-results."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Group

from tapedeck.v1.run_pb2 import RunSpec
from tapedeck.v1.sweep_pb2 import EdgeScore, SweepState, SymbolGrouping
from tapedeck.v1.sweep_service_pb2 import ListSweepResultsResponse, ListSweepsResponse
from tapedeck_client.client_sweeps import RESULT_PAGE_SIZE, SWEEP_PAGE_SIZE
from tapedeck_client.filter_options import filter_text
from tapedeck_client.grid_options import Axis, combination_options, combinations
from tapedeck_client.heatmap import Heatmap
from tapedeck_client.ids import find_sweep
from tapedeck_client.live import Interrupted
from tapedeck_client.live_sweep import LiveSweep
from tapedeck_client.option_types import parse_number_pair, parse_pair
from tapedeck_client.render import sweeps as render
from tapedeck_client.render.text import symbols
from tapedeck_client.spec_options import execution_options, new_spec, spec_options
from tapedeck_client.sweep_rows import LOWEST_IS_BEST, ResultRow, recorded_row, result_rows
from tapedeck_client.terminal import F, Terminal, pass_terminal, shared_options

MOST_LISTED = 10_000
"""What somebody may want to see on a terminal or pipe into a file; programs use `TapedeckClient.sweep_results`."""

_STATES = [name.removeprefix("SWEEP_STATE_").lower() for name in SweepState.keys()[1:]]
_GROUPINGS = {
    None: SymbolGrouping.SYMBOL_GROUPING_UNSPECIFIED,
    True: SymbolGrouping.SYMBOL_GROUPING_TOGETHER,
    False: SymbolGrouping.SYMBOL_GROUPING_EACH,
}
_RANKING_OPTIONS = (
    click.option(
        "--together/--each",
        default=None,
        help="Trade all symbols in one run, or each alone.  [default: as the strategy needs]",
    ),
    click.option("--rank-by", default="", metavar="METRIC", help='A metric, or "edge_score".  [default: sharpe_ratio]'),
    click.option("--top", type=click.IntRange(1, 1000), default=20, show_default=True, help="Results shown, of each symbol."),
    click.option(
        "--edge-weight", "weights", type=parse_number_pair, multiple=True, metavar="METRIC=W", help="Part of the edge score; repeatable."
    ),
    click.option("--minimum-trades", type=click.IntRange(0, 2**31 - 1), help="Least trades for an edge score.  [default: 10]"),
    click.option("--verify/--no-verify", default=True, show_default=True, help="Execute the best and a sample again on zipline."),
    click.option("--verify-sample", "verify_sample_count", type=click.IntRange(0, 50), help="How many that sample has.  [default: 3]"),
    click.option("--promote", "promote_top", type=click.IntRange(0, 20), default=0, metavar="N", help="Make full runs of the best N."),
    click.option("--heatmap", "picture_path", type=click.Path(dir_okay=False, path_type=Path), help="Draw two parameters of --grid."),
)
_PASSED_ON = ("engine", "rank_by", "top", "verify", "verify_sample_count", "promote_top")
"""Options that are arguments of `TapedeckClient.sweep` as they are."""


def ranking_options(command: F) -> F:
    """What is made of the results."""
    for option in reversed(_RANKING_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("strategy", required=False)
@spec_options
@combination_options
@ranking_options
@execution_options
@shared_options
@pass_terminal
def sweep(
    terminal: Terminal,
    /,
    strategy: str | None,
    spec_file: IO[str] | None,
    labels: tuple[tuple[str, str], ...],
    no_save: bool,
    request_id: str | None,
    axes: tuple[Axis, ...],
    list_file: IO[str] | None,
    sample_count: int | None,
    together: bool | None,
    weights: tuple[tuple[str, float], ...],
    minimum_trades: int | None,
    picture_path: Path | None,
    **options: Any,
) -> None:
    """Run STRATEGY over many parameters and symbols, rank the results and record them.

    Exits with 1 when the sweep failed, when zipline gave another result, or when a result could not be promoted.

    Example: tapedeck sweep sma_crossover -s GOOG --start 2006-01-03 --end 2012-12-31 -g fast=5,10,20 -g slow=50:200:10
    """
    passed_on = {name: options.pop(name) for name in _PASSED_ON}
    spec = new_spec(strategy, spec_file, options)
    tried = combinations(axes, list_file, sample_count, spec.seed)
    picture = _heatmap(picture_path, axes, spec, together=together) if picture_path else None
    scoring = EdgeScore(weights=dict(weights), minimum_trades=minimum_trades) if weights or minimum_trades is not None else None
    messages = terminal.client().sweep(
        spec,
        tried,
        symbol_grouping=_GROUPINGS[together],
        edge_score=scoring,
        save=not no_save,
        labels=dict(labels),
        request_id=request_id or str(uuid.uuid4()),
        omit_batches=not (picture or terminal.as_json),
        **passed_on,
    )
    rows: list[ResultRow] = []
    with LiveSweep(terminal) as live, _interruptible(live), closing(messages):
        for message in messages:
            live.show(message)
            rows += result_rows(message.batch.results) if picture else ()
    if picture and live.succeeded:
        live.note([picture.draw(rows, live.rank_by, f"{spec.strategy} on {symbols(spec)}, {spec.start_date} to {spec.end_date}")])
    click.get_current_context().exit(0 if live.went_well else 1)


def _heatmap(path: Path, axes: Sequence[Axis], spec: RunSpec, *, together: bool | None) -> Heatmap:
    """The picture to draw; refused while nothing is executed yet."""
    varying = [axis.name for axis in axes if axis.varies]
    if len(varying) != 2:
        raise click.UsageError(f"--heatmap draws two parameters of --grid that vary, not {len(varying)}")
    if len(spec.symbols) > 1 and not together:
        raise click.UsageError("--heatmap draws one symbol: name one, or trade all --together")
    return Heatmap(path, *varying)


@contextmanager
def _interruptible(live: LiveSweep) -> Iterator[None]:
    """Tell somebody who presses Ctrl-C what became of the sweep."""
    try:
        yield
    except KeyboardInterrupt:
        if live.finished is None:
            raise Interrupted(f"the sweep {live.started.sweep_id}".rstrip() + " is cancelled, and has no results") from None
        kept = f"is recorded: `tapedeck sweep-results {live.started.sweep_id}`" if live.finished.recorded else "is not recorded"
        raise Interrupted(f"what follows the sweep was stopped; the sweep itself {kept}") from None


@click.command()
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=20, show_default=True, help="Sweeps shown at most.")
@click.option("--strategy", help="Only sweeps of this strategy.")
@click.option("--symbol", help="Only sweeps that trade this symbol.")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only sweeps in this state.")
@click.option("--label", "labels", type=parse_pair, multiple=True, metavar="KEY=VALUE", help="Only sweeps with this label; repeatable.")
@click.option("--filter", "expression", metavar="EXPR", help="Only sweeps that match, such as 'create_time > \"2026-01-01\"'.")
@shared_options
@pass_terminal
def sweeps(
    terminal: Terminal,
    limit: int,
    strategy: str | None,
    symbol: str | None,
    state: str | None,
    labels: tuple[tuple[str, str], ...],
    expression: str | None,
) -> None:
    """List recorded sweeps, newest first."""
    asked = (("strategy = ", strategy), ("symbols:", symbol), ("state = ", state.upper() if state else None))
    matching = filter_text(expression, asked, labels)
    found = terminal.client().sweeps(matching, page_size=min(limit, SWEEP_PAGE_SIZE))
    response = ListSweepsResponse(sweeps=itertools.islice(found, limit))
    nothing = "no sweep matches" if matching else "no sweep is recorded yet: `tapedeck sweep STRATEGY --grid NAME=VALUES` makes one"
    terminal.show(response, lambda: render.sweeps(response.sweeps) if response.sweeps else nothing)


@click.command("sweep-results")
@click.argument("sweep_id", metavar="SWEEP")
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=20, show_default=True, help="Results shown at most.")
@click.option("--sort", metavar="METRIC", help='A metric, "edge_score" or "number".  [default: what the sweep is ranked by]')
@click.option("--reverse", is_flag=True, help="Worst or last first.")
@click.option("--symbol", help="Only results of this symbol.")
@click.option("--filter", "expression", metavar="EXPR", help="Only results that match, such as 'trades_total >= 20'.")
@shared_options
@pass_terminal
def sweep_results(
    terminal: Terminal, sweep_id: str, limit: int, sort: str | None, reverse: bool, symbol: str | None, expression: str | None
) -> None:
    """Show SWEEP and its results, best first.

    SWEEP is an id, or its last 8 digits as `tapedeck sweeps` prints them. `tapedeck promote SWEEP NUMBER` makes a full run of a result.
    """
    client = terminal.client()
    found = client.get_sweep(find_sweep(client, sweep_id))
    sorted_by = sort or found.sweep.rank_by or "number"
    falling = (sorted_by not in {*LOWEST_IS_BEST, "number"}) != reverse
    matching = filter_text(expression, [("symbol = ", symbol)])
    order_by = f"{sorted_by} desc" if falling else sorted_by
    results = client.sweep_results(found.sweep_id, matching, order_by, page_size=min(limit, RESULT_PAGE_SIZE))
    response = ListSweepResultsResponse(results=itertools.islice(results, limit))
    rows = [recorded_row(result) for result in response.results]
    nothing = "no result matches" if matching else "it has no results"
    shown = render.ResultTable(rows, sorted_by, falling=falling) if rows else nothing
    terminal.show(response, lambda: Group(render.sweep_facts(found), "", shown))
