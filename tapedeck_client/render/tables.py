"""Tables of many things: runs, strategies, datasets; and one strategy or dataset in detail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from google.protobuf.json_format import MessageToDict
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapedeck.v1.engine_service_pb2 import Dataset, Parameter, Strategy
from tapedeck.v1.run_pb2 import Run
from tapedeck_client.render.text import UNDEFINED, count, instant, optional, percent, plain, ratio, scalar, state_text, symbols, tail

FINGERPRINT_DIGITS = 12
"""Shown of a content hash: enough to tell the versions on one disk apart."""


IMPLAUSIBLE = " !"
"""Marks a run whose metrics are flagged."""


class Sorting(NamedTuple):
    """What runs are sorted by."""

    field: str
    """Field in `order_by`."""
    heading: str
    """Heading of its column."""


SORTINGS = {
    "date": Sorting("create_time", "Created (UTC)"),
    "return": Sorting("total_return", "Return"),
    "sharpe": Sorting("sharpe_ratio", "Sharpe"),
    "drawdown": Sorting("max_drawdown", "Drawdown"),
}
"""The sortings that people choose from, by their short names."""


def plain_table(*headings: str, right: Sequence[str] = ()) -> Table:
    """An empty table in the house style; the columns named in `right` are right-aligned."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return table


def facts(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Names and values, one pair a line."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def history(runs: Sequence[Run], sort: str, *, reverse: bool, of_one_strategy: bool = False) -> RenderableType:
    """Runs, one a line, with the column they are sorted by marked. Of one strategy, the parameters that vary take the place of its name."""
    varied = varying_parameters(runs) if of_one_strategy else []
    telling = "Parameters" if any(varied) else "Strategy"
    headings = ["Run", "Created (UTC)", telling, "Symbols", "State", "Return", "Sharpe", "Drawdown"]
    marked = [f"{heading}{'▲' if reverse else '▼'}" if heading == SORTINGS[sort].heading else heading for heading in headings]
    table = plain_table(*marked, right=marked[5:])
    for place, column in enumerate(table.columns):
        column.no_wrap = headings[place] not in {telling, "Symbols"}
    for place, run in enumerate(runs):
        metrics = run.metrics
        table.add_row(
            Text(tail(run.run_id), style="bold"),
            instant(run.create_time),
            varied[place] if any(varied) else plain(run.spec.strategy),
            symbols(run.spec),
            Text.assemble(state_text(run.state), (IMPLAUSIBLE if run.flags else "", "bold yellow")),
            percent(optional(metrics, "total_return")),
            ratio(optional(metrics, "sharpe_ratio")),
            percent(optional(metrics, "max_drawdown")),
        )
    if any(run.flags for run in runs):
        return Group(table, Text(f"{IMPLAUSIBLE.strip()} has implausible values; `tapedeck show` names them.", style="dim"))
    return table


def varying_parameters(runs: Sequence[Run]) -> list[str]:
    """For each run, those of its parameters that are not the same in all runs: "fast=10, slow=30"."""
    written = [{name: scalar(value) for name, value in MessageToDict(run.spec.parameters).items()} for run in runs]
    names = sorted({name for parameters in written for name in parameters})
    varying = [name for name in names if len({parameters.get(name) for parameters in written}) > 1]
    return [", ".join(f"{plain(name)}={parameters[name]}" for name in varying if name in parameters) for parameters in written]


def strategies(found: Sequence[Strategy]) -> RenderableType:
    """Strategies, one a line, with their parameters and defaults."""
    table = plain_table("Strategy", "Type", "Parameters", "What it does")
    table.columns[0].no_wrap = True
    for strategy in found:
        parameters = ", ".join(f"{p.name}={_default(p)}" for p in strategy.parameters)
        table.add_row(Text(plain(strategy.name), style="bold"), plain(strategy.type), plain(parameters), plain(strategy.doc))
    return table


def strategy_detail(strategy: Strategy) -> RenderableType:
    """One strategy: its doc, its parameters with types and bounds, where it comes from."""
    table = plain_table("Parameter", "Type", "Default", "Allowed", "Meaning", right=("Default",))
    for parameter in strategy.parameters:
        name = Text(plain(parameter.name), style="bold")
        table.add_row(name, plain(parameter.type), _default(parameter), _allowed(parameter), plain(parameter.doc))
    least = strategy.minimum_symbols
    return Group(
        Text.assemble((plain(strategy.name), "bold"), f"  {plain(strategy.type)}"),
        Text(plain(strategy.doc)),
        Text(f"Needs {least} symbol{'s' if least > 1 else ''} or more.") if least else Text(""),
        table if strategy.parameters else Text("It has no parameters."),
        Text(plain(f"{strategy.import_path}, version {strategy.version}"), style="dim"),
    )


def _default(parameter: Parameter) -> str:
    return scalar(MessageToDict(parameter.default_value)) if parameter.HasField("default_value") else "required"


def _allowed(parameter: Parameter) -> str:
    """The bounds in words of mathematics: "0 < x ≤ 1"."""
    low, high = optional(parameter, "minimum"), optional(parameter, "maximum")
    if low is None and high is None:
        return UNDEFINED
    left = "" if low is None else f"{scalar(low)} {'<' if parameter.exclusive_minimum else '≤'} "
    right = "" if high is None else f" {'<' if parameter.exclusive_maximum else '≤'} {scalar(high)}"
    return f"{left}x{right}"


def datasets(found: Sequence[Dataset]) -> RenderableType:
    """Datasets, one a line."""
    table = plain_table("Dataset", "Symbols", "From", "To", "Calendar", "Currency", "Intervals", "Version", right=("Symbols",))
    for dataset in found:
        table.add_row(
            Text(plain(dataset.name), style="bold"),
            count(len(dataset.symbols)),
            min((s.start_date for s in dataset.symbols), default=UNDEFINED),
            max((s.end_date for s in dataset.symbols), default=UNDEFINED),
            plain(dataset.calendar),
            plain(dataset.currency),
            plain(", ".join(dataset.intervals)),
            plain(dataset.fingerprint)[:FINGERPRINT_DIGITS],
        )
    return table


def dataset_detail(dataset: Dataset) -> RenderableType:
    """One dataset: where it comes from and what each symbol covers."""
    table = plain_table("Symbol", "From", "To", "Closes", "Bars", "Splits", "Dividends", right=("Bars", "Splits", "Dividends"))
    for symbol in dataset.symbols:
        table.add_row(
            Text(plain(symbol.symbol), style="bold"),
            symbol.start_date,
            symbol.end_date,
            symbol.auto_close_date or UNDEFINED,
            count(symbol.bar_count),
            count(symbol.split_count),
            count(symbol.dividend_count),
        )
    about = f"calendar {dataset.calendar}, {dataset.currency}, intervals {', '.join(dataset.intervals)}"
    versions = f"version {dataset.fingerprint} ({len(dataset.fingerprints) or 1} on disk)"
    return Group(
        Text.assemble((plain(dataset.name), "bold"), f"  {plain(about)}"),
        Text(plain(f"{dataset.source}; licence: {dataset.licence}")),
        Text(plain(versions), style="dim"),
        table,
    )
