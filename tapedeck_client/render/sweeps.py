"""Sweeps as people see them: what was started, the best results, how it ended, what verifying showed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from google.protobuf.json_format import MessageToDict
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tapedeck.v1.engine_service_pb2 import SweepPromotion, SweepVerification
from tapedeck.v1.run_pb2 import RunSpec
from tapedeck.v1.sweep_pb2 import Sweep, SweepFinished, SweepSource, SweepSpec, SweepStarted, SweepState
from tapedeck_client.render.metrics import metric_label, write_metric
from tapedeck_client.render.tables import facts, plain_table
from tapedeck_client.render.text import UNDEFINED, count, instant, labels, plain, scalar, seconds, symbols, tail
from tapedeck_client.sweep_rows import LOWEST_IS_BEST, ResultRow, parameter_names

DEFAULT_RANK_BY = "sharpe_ratio"
"""As in the contract of SweepSpec.rank_by."""

LISTED_VALUES = 6
"""Values of a grid that are written out; more are counted."""

HEADINGS = {
    "total_return": "Return",
    "sharpe_ratio": "Sharpe",
    "max_drawdown": "Drawdown",
    "trades_total": "Trades",
    "win_rate": "Win rate",
    "average_trade_return": "Avg trade",
    "edge_score": "Edge",
}
"""Metrics that a table of results shows, the most important first, under headings that leave room for parameters."""

MEASURED_COLUMNS = 10_000
"""Width in which a table is measured: more than one ever takes, so that nothing is cut."""

_STATE_STYLES = {
    SweepState.SWEEP_STATE_SUCCEEDED: "green",
    SweepState.SWEEP_STATE_FAILED: "red",
    SweepState.SWEEP_STATE_CANCELLED: "yellow",
}
_OUTCOME_STYLES = {SweepVerification.OUTCOME_IDENTICAL: "bold green", SweepVerification.OUTCOME_DIVERGED: "bold red"}


def sweep_state(state: SweepState) -> Text:
    """The state without its prefix, in its colour; a state of a newer contract keeps its number."""
    name = SweepState.Name(state).removeprefix("SWEEP_STATE_") if state in SweepState.values() else f"STATE {state}"
    return Text(name, style=_STATE_STYLES.get(state, ""))


def started_lines(started: SweepStarted) -> Iterator[Text]:
    """What was admitted."""
    yield Text.assemble(("sweep ", "dim"), (plain(started.sweep_id), "bold"))
    size = f"{_number_of(started.result_count, 'run')} of {started.session_count:,} sessions"
    engine = f" on {started.provenance.engine_kind}" if started.provenance.engine_kind else ""
    yield Text(plain(f"{_what(started.sweep.spec)}, {size}{engine}"))
    if started.skipped_count:
        yield Text(f"skipped {_number_of(started.skipped_count, 'combination')} whose values exclude each other", style="yellow")


def progress_line(completed_count: int, result_count: int) -> Text:
    """How far a sweep is."""
    return Text(f"{completed_count:,} of {result_count:,} runs", style="dim")


def finished_lines(finished: SweepFinished, skipped_count: int) -> Iterator[Text]:
    """How a sweep ended, and what has no result."""
    if finished.HasField("error"):
        reason, why = plain(finished.error.reason), plain(finished.error.message)
        yield Text.assemble((f"{sweep_state(finished.state)} ({reason})", "bold red"), f": {why}")
    took = f" after {seconds(finished.execution_seconds)}" if finished.execution_seconds else ""
    yield Text.assemble(sweep_state(finished.state), f"{took}, {_counts(finished.result_count, skipped_count, finished.failed_count)}")
    if finished.HasField("first_failure"):
        failure = finished.first_failure
        yield Text(plain(f"the first run that failed: {failure.message} ({failure.reason})"), style="yellow")


def promotion_line(promotion: SweepPromotion) -> Text:
    """Which run a result was made, or why none."""
    if promotion.HasField("error"):
        return Text(plain(f"result {promotion.number:,} was not promoted: {promotion.error.message}"), style="red")
    return Text.assemble(f"result {promotion.number:,} is run ", (plain(promotion.run_id), "bold"))


def verification(shown: SweepVerification) -> RenderableType:
    """The verdict, which results it is about, and the first difference."""
    known = shown.outcome in SweepVerification.Outcome.values()
    name = SweepVerification.Outcome.Name(shown.outcome).removeprefix("OUTCOME_") if known else f"OUTCOME {shown.outcome}"
    numbers = ", ".join(f"{number:,}" for number in shown.numbers)
    lines = [
        Text.assemble((name, _OUTCOME_STYLES.get(shown.outcome, "bold")), f" {plain(shown.summary).removeprefix(f'{name}: ')}".rstrip()),
        Text(f"verified on zipline: results {numbers}", style="dim"),
    ]
    if shown.HasField("first_difference"):
        first = shown.first_difference
        lines.append(Text(plain(f"first differs in result {first.number:,}, {first.metric}:")))
        lines.append(Text(plain(f"  sweep    {first.sweep_value or 'undefined'}")))
        lines.append(Text(plain(f"  zipline  {first.zipline_value or 'undefined'}")))
    return Group(*lines)


def ranked(rows: Sequence[ResultRow], rank_by: str) -> RenderableType:
    """The best results: one table for each symbol when symbols are traded one by one."""
    if not rows:
        return Text("no result to rank", style="yellow")
    parts: list[RenderableType] = []
    for symbol, group in itertools.groupby(rows, lambda row: row.symbol):
        parts += [Text(plain(symbol), style="bold")] if symbol else []
        parts += [ResultTable([row._replace(symbol="") for row in group], rank_by, falling=rank_by not in LOWEST_IS_BEST), Text("")]
    return Group(*parts[:-1])


class ResultTable:
    """Results, one a line, with the column they are sorted by marked, and as many metrics as there is room for."""

    def __init__(self, rows: Sequence[ResultRow], sorted_by: str, *, falling: bool) -> None:
        """Prepare a table.

        Args:
            rows: The results, in the order in which they are shown.
            sorted_by: A metric, which is shown first then, or "number".
            falling: Whether the highest value comes first.
        """
        self._rows, self._sorted_by = rows, sorted_by
        self._arrow = "▼" if falling else "▲"
        self._metrics = list(dict.fromkeys([*([] if sorted_by == "number" else [sorted_by]), *HEADINGS]))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The widest table that fits; one that has to be narrower still folds texts."""
        for metric_count in range(len(self._metrics), 0, -1):
            table = self._with(self._metrics[:metric_count])
            if Measurement.get(console, options.update(width=MEASURED_COLUMNS), table).minimum <= options.max_width:
                break
        yield table

    def _with(self, metrics: Sequence[str]) -> Table:
        parameters = parameter_names(self._rows)
        symbol = ["Symbol"] if any(row.symbol for row in self._rows) else []
        table = plain_table(self._marked("number", "Number"), *symbol, *map(plain, parameters), *(self._heading(m) for m in metrics))
        texts = {plain(name) for name in parameters if not all(_is_number(row.parameters.get(name)) for row in self._rows)}
        for column in table.columns:
            column.no_wrap = column.header not in texts
            column.min_width = max(map(len, str(column.header).splitlines()), default=1)
        for column in table.columns[-len(metrics) :]:
            column.justify = "right"
        for row in self._rows:
            table.add_row(
                count(row.number),
                *([plain(row.symbol)] if symbol else []),
                *(_parameter(row.parameters.get(name)) for name in parameters),
                *(write_metric(metric, row.metrics.get(metric)) for metric in metrics),
            )
        return table

    def _heading(self, metric: str) -> str:
        # A metric that has no short heading takes several lines rather than room that others need.
        return self._marked(metric, HEADINGS.get(metric) or metric_label(metric).replace(" ", "\n"))

    def _marked(self, field: str, heading: str) -> str:
        return heading + self._arrow if field == self._sorted_by else heading


def sweeps(found: Iterable[Sweep]) -> RenderableType:
    """Sweeps, one a line."""
    table = plain_table("Sweep", "Created (UTC)", "Strategy", "Symbols", "State", "Results", "Ranked by", right=("Results",))
    for column in table.columns:
        column.no_wrap = column.header != "Strategy"
    for sweep in found:
        table.add_row(
            Text(tail(sweep.sweep_id), style="bold"),
            instant(sweep.create_time),
            plain(sweep.sweep.spec.strategy),
            symbols(sweep.sweep.spec),
            sweep_state(sweep.state),
            count(sweep.result_count),
            plain(sweep.sweep.rank_by),
        )
    return table


def sweep_facts(sweep: Sweep) -> Table:
    """What a sweep was, without its results."""
    return facts(_fact_rows(sweep))


def _fact_rows(sweep: Sweep) -> Iterator[tuple[str, RenderableType]]:
    yield "Sweep", Text(plain(sweep.sweep_id), style="bold")
    yield "State", sweep_state(sweep.state)
    if sweep.HasField("error"):
        yield "Error", Text(plain(f"{sweep.error.message} ({sweep.error.reason})"), style="red")
    yield "Created (UTC)", instant(sweep.create_time)
    if sweep.source == SweepSource.SWEEP_SOURCE_EXTERNAL:
        yield "Source", "external"
    if sweep.execution_seconds:
        yield "Duration", seconds(sweep.execution_seconds)
    yield "Strategy", plain(_what(sweep.sweep.spec))
    if sweep.sweep.WhichOneof("combinations"):
        yield "Parameters", plain(_combinations(sweep.sweep))
    yield "Results", _counts(sweep.result_count, sweep.skipped_count, sweep.failed_count)
    if sweep.provenance.engine_kind:
        yield "Engine", plain(sweep.provenance.engine_kind)
    if sweep.labels:
        yield "Labels", labels(sweep.labels)


def _what(spec: RunSpec) -> str:
    period = f", {spec.start_date or UNDEFINED} to {spec.end_date or UNDEFINED}" if spec.start_date or spec.end_date else ""
    return f"{spec.strategy} on {symbols(spec)}{period}"


def _counts(result_count: int, skipped_count: int, failed_count: int) -> str:
    skipped = f", {_number_of(skipped_count, 'combination')} skipped" if skipped_count else ""
    failed = f", {_number_of(failed_count, 'run')} failed" if failed_count else ""
    return f"{_number_of(result_count, 'result')}{skipped}{failed}"


def _number_of(things: int, noun: str) -> str:
    return f"{things:,} {noun}" if things == 1 else f"{things:,} {noun}s"


def _combinations(sweep: SweepSpec) -> str:
    """Where the parameters came from, in a line."""
    if sweep.HasField("sample"):
        return f"{sweep.sample.count:,} combinations of {', '.join(sorted(sweep.sample.ranges))}, drawn with seed {sweep.sample.seed}"
    if sweep.HasField("list"):
        return f"{len(sweep.list.combinations):,} combinations of a list"
    grid: dict[str, list[object]] = MessageToDict(sweep.grid)
    return "; ".join(f"{name} {_values(values)}" for name, values in sorted(grid.items()))


def _values(values: Sequence[object]) -> str:
    if len(values) > LISTED_VALUES:
        return f"{scalar(values[0])} to {scalar(values[-1])} ({len(values):,} values)"
    return ", ".join(map(scalar, values))


def _parameter(value: object) -> Text:
    return Text(scalar(value), justify="right" if _is_number(value) else "left")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
