"""Runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.json_format import MessageToDict
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapedeck.v1.run_pb2 import Run
from tapedeck.v1.store_service_pb2 import AlignedCurves, CompareRunsResponse, SharpeComparison
from tapedeck_client.render.metrics import metric_label, write_metric
from tapedeck_client.render.tables import plain_table
from tapedeck_client.render.text import money, optional, plain, scalar, session, state_text, symbols, tail

RUNS_PER_TABLE = 5
"""Runs beside each other: with their labels they fit 100 columns. More runs make more tables."""

CURVE_COLUMNS = 50
"""Width of an equity curve: with its run and its values it fits 100 columns."""

BEST = "★"
_LEVELS = "▁▂▃▄▅▆▇█"


def comparison(response: CompareRunsResponse) -> RenderableType:
    """Metrics with the best run of each marked, what differs in the specs, and the equity curves when there are any."""
    parts: list[RenderableType] = []
    for first in range(0, len(response.runs), RUNS_PER_TABLE):
        places = range(first, min(first + RUNS_PER_TABLE, len(response.runs)))
        parts += [_side_by_side(response, places), Text("")]
    parts.append(Text(f"{BEST} best of the runs compared", style="dim"))
    if response.HasField("sharpe"):
        parts += [Text(""), *_sharpe(response.sharpe)]
    if response.HasField("curves"):
        parts += [Text(""), *_curves(response.curves)]
    return Group(*parts)


def _side_by_side(response: CompareRunsResponse, places: Sequence[int]) -> Table:
    runs = [response.runs[i] for i in places]
    ids = [tail(run.run_id) for run in runs]
    table = plain_table("", *ids, right=ids)
    for name, cells in _headings(runs):
        table.add_row(name, *cells)
    table.add_section()
    for metric in response.metrics:
        values = {value.run_id: optional(value, "value") for value in metric.values}
        cells = [_metric_cell(metric.metric, values.get(run.run_id), best=run.run_id in metric.best_run_ids) for run in runs]
        table.add_row(metric_label(metric.metric), *cells)
    table.add_section()
    for difference in response.differences:
        table.add_row(plain(difference.field), *(scalar(MessageToDict(difference.values[i])) for i in places))
    return table


def _headings(runs: Sequence[Run]) -> Iterator[tuple[str, list[RenderableType]]]:
    yield "State", [state_text(run.state) for run in runs]
    yield "Strategy", [plain(run.spec.strategy) for run in runs]
    yield "Symbols", [symbols(run.spec) for run in runs]


def _metric_cell(metric: str, value: float | None, *, best: bool) -> Text:
    written = write_metric(metric, value)
    return Text(f"{BEST} {written.plain}", style="bold green") if best else written


def _sharpe(sharpe: SharpeComparison) -> Iterator[RenderableType]:
    if sharpe.note:
        yield Text(f"Sharpe ratios are not tested: {plain(sharpe.note)}", style="dim")
        return
    yield Text(f"Highest Sharpe ratio on {sharpe.return_count:,} common sessions: {tail(sharpe.best_run_id)}", style="bold")
    table = plain_table(
        "Run", "Below it by", f"{sharpe.confidence:.0%} interval", "", right=("Below it by", f"{sharpe.confidence:.0%} interval")
    )
    for each in sharpe.differences:
        if not each.HasField("difference"):
            table.add_row(tail(each.run_id), "–", "–", "has no Sharpe ratio there")
            continue
        verdict = Text("more than noise", style="bold") if each.is_more_than_noise else Text("no more than noise", style="dim")
        table.add_row(tail(each.run_id), f"{each.difference:.3f}", f"{each.lowest:.3f} to {each.highest:.3f}", verdict)
    yield table


def _curves(curves: AlignedCurves) -> Iterator[RenderableType]:
    if curves.note:
        yield Text(plain(curves.note), style="yellow")
    if not curves.session_dates:
        return
    first, last = session(curves.session_dates[0]), session(curves.session_dates[-1])
    yield Text(f"Portfolio values, {first} to {last}", style="bold")
    table = plain_table("Run", "", "First", "Last", right=("First", "Last"))
    for curve in curves.curves:
        values = curve.portfolio_values
        table.add_row(tail(curve.run_id), Text(sparkline(values), no_wrap=True), money(values[0]), money(values[-1]))
    yield table


def sparkline(values: Sequence[float], columns: int = CURVE_COLUMNS) -> str:
    """A curve as a line of blocks between its lowest and its highest value, thinned out to the width."""
    shown = [values[i * (len(values) - 1) // max(1, columns - 1)] for i in range(columns)] if len(values) > columns else list(values)
    low, high = min(shown), max(shown)
    if high == low:
        return _LEVELS[0] * len(shown)
    return "".join(_LEVELS[round((value - low) / (high - low) * (len(_LEVELS) - 1))] for value in shown)
