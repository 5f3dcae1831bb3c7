"""The parts of a tear sheet that are made of words and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from google.protobuf.json_format import MessageToDict
from rich.text import Text

from tapedeck.v1.run_pb2 import Commission, Metrics, RoundTrip, Run, RunError, RunState, Slippage
from tapedeck_client.curves import YearOfReturns
from tapedeck_client.recorded import Ledger, capital_base
from tapedeck_client.render.metrics import GROUPS, METRICS
from tapedeck_client.render.text import UNDEFINED, count, instant, money, number, optional, percent, scalar, seconds, state_name
from tapedeck_client.report.html import Html, element

MOST_NAMED_SYMBOLS = 12
"""Symbols named under the title; the others are counted there, and all are named in the spec."""

MOST_TRADES = 250
"""Round trips in the table: some ten pages of paper. A run may have hundreds of thousands."""

STRONGEST_MONTH = 0.10
"""A month that won or lost as much, or more, has the full colour."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEADLINES = ("total_return", "annual_return", "sharpe_ratio", "max_drawdown", "annual_volatility", "trades_total")


def header(run: Run, session_count: int) -> Html:
    """Strategy, symbols, range and state."""
    spec = run.spec
    named = ", ".join(spec.symbols[:MOST_NAMED_SYMBOLS])
    more = len(spec.symbols) - MOST_NAMED_SYMBOLS
    where = f"{named} and {more:,} more" if more > 0 else named
    state = state_name(run.state)
    return element(
        "header",
        element("p", "Tapedeck tear sheet", class_="overline"),
        element("h1", spec.strategy, " ", element("span", state, class_=f"state {state.lower()}")),
        element("p", f"{where} · {spec.dataset}"),
        element("p", f"{spec.start_date} to {spec.end_date} · {session_count:,} sessions"),
        element("p", run.run_id, class_="mono"),
    )


def error_box(state: RunState, error: RunError) -> Html:
    """Why the run ended without a result."""
    word = "Cancelled" if state == RunState.RUN_STATE_CANCELLED else "Failed"
    where = f" (session {error.session_date})" if error.session_date else ""
    return element("p", element("strong", f"{word}: {error.reason}"), element("br"), error.message, where, class_="error", role="alert")


def headlines(metrics: Metrics) -> Html:
    """The numbers that are looked at first."""
    shown = [
        element("div", element("dt", METRICS[field].label), _value(METRICS[field].write(optional(metrics, field)), "dd"))
        for field in HEADLINES
    ]
    return element("dl", *shown, class_="headlines")


def metric_tables(metrics: Metrics) -> Html:
    """Every metric, in groups."""
    tables = []
    for title, group in GROUPS.items():
        rows = [
            element("tr", element("th", metric.label, scope="row"), _value(metric.write(optional(metrics, metric.field)), "td"))
            for metric in group
        ]
        tables.append(element("table", element("caption", title), element("tbody", *rows)))
    return element("div", *tables, class_="columns")


def months_table(years: Sequence[YearOfReturns]) -> Html:
    """Monthly returns as a heat map: years down, months across."""
    heads = [element("th", name, scope="col") for name in ("Year", *MONTHS, "Whole year")]
    rows = [
        element("tr", element("th", f"{year.year:04d}", scope="row"), *map(_month, year.months), _value(percent(year.whole), "td", "whole"))
        for year in years
    ]
    return _scrolling(
        "Monthly returns", element("table", element("thead", element("tr", *heads)), element("tbody", *rows), class_="months")
    )


def _month(value: float | None) -> Html:
    if value is None:
        return element("td", UNDEFINED, class_="none")
    written = f"{value:+.1%}"
    if written in {"+0.0%", "-0.0%"}:
        return element("td", "0.0%")
    strength = min(1.0, abs(value) / STRONGEST_MONTH)
    return element("td", written, class_="loss" if value < 0 else "gain", style=f"--strength: {strength:.2f}")


def trades_table(round_trips: Sequence[RoundTrip]) -> Iterator[Html]:
    """The last round trips, and a sentence that says how many there are before them."""
    if not round_trips:
        yield element("p", "No round trip was closed.")
        return
    shown = round_trips[-MOST_TRADES:]
    if len(shown) < len(round_trips):
        left_out = len(round_trips) - len(shown)
        yield element(
            "p", f"The last {len(shown):,} of {len(round_trips):,} round trips, by exit; {left_out:,} earlier ones are not shown."
        )
    names = ("Symbol", "Entry", "Exit", "Quantity", "Entry price", "Exit price", "Commission", "Profit or loss", "Return")
    heads = [element("th", name, scope="col") for name in names]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *map(_trade, shown)), class_="trades")
    yield _scrolling("Round trips", table)


def _trade(trip: RoundTrip) -> Html:
    texts = [element("th", trip.symbol, scope="row"), element("td", trip.entry_date), element("td", trip.exit_date)]
    numbers = (number(trip.quantity, ",.10g"), money(trip.entry_price), money(trip.exit_price), money(trip.commission), money(trip.pnl))
    return element("tr", *texts, *(_value(each, "td") for each in numbers), _value(percent(trip.return_on_cost), "td"))


def costs(run: Run, ledger: Ledger) -> Html:
    """What trading cost, by the models of the spec."""
    rate = ledger.commissions / ledger.traded_value * 10_000 if ledger.traded_value else None
    return facts(
        [
            ("Slippage", f"{_model(run.spec.slippage)}; it is part of the fills' prices"),
            ("Commission", _model(run.spec.commission)),
            ("Fills", count(ledger.fill_count).plain),
            ("Value traded", money(ledger.traded_value).plain),
            (
                "Commissions paid",
                money(ledger.commissions).plain + (f" ({rate:.2f} basis points of the value traded)" if rate is not None else ""),
            ),
        ]
    )


def _model(chosen: Slippage | Commission) -> str:
    """A model in words: per share (cost 0.001, minimum cost 0)."""
    kind = chosen.WhichOneof("model")
    if kind is None:
        return "the default"
    values = MessageToDict(getattr(chosen, kind), preserving_proto_field_name=True)
    return f"{kind} ({scalar(values)})".replace("_", " ") if values else kind


def provenance(run: Run) -> Html:
    """What was asked, and what produced the result: enough to ask for it again, and to know it again."""
    spec, made = run.spec, run.provenance
    versions = ", ".join(f"{name} {version}" for name, version in sorted(made.versions.items()))
    rows = [
        ("Run", run.run_id),
        ("Created (UTC)", instant(run.create_time)),
        ("Finished (UTC)", instant(run.finish_time)),
        ("Execution time", seconds(run.execution_seconds)),
        ("Labels", scalar(dict(sorted(run.labels.items())))),
        ("Note", run.note),
        ("Replay of", run.replay.original_run_id),
        ("Symbols", ", ".join(spec.symbols)),
        ("Capital", money(capital_base(spec)).plain),
        ("Benchmark", spec.benchmark_symbol),
        ("Interval", spec.interval),
        ("Engine", f"{run.engine_kind or made.engine_kind} {made.engine_version}".strip()),
        ("Strategy", f"{made.strategy_import_path} {made.strategy_version}".strip()),
        ("Strategy source digest", made.strategy_source_digest),
        ("Dataset version", made.dataset_fingerprint or spec.dataset_fingerprint),
        ("Calendar", made.calendar),
        ("Seed", scalar(made.seed)),
        ("Versions", versions),
        ("Platform", made.platform),
        ("Spec digest", run.spec_digest),
        ("Result digest", run.result_digest),
    ]
    return facts((name, value) for name, value in rows if value)


def parameters(run: Run) -> Html:
    """The strategy's parameters, by name."""
    values = MessageToDict(run.spec.parameters)
    return (
        facts((name, scalar(value)) for name, value in sorted(values.items()))
        if values
        else element("p", "The strategy has no parameters.")
    )


def facts(rows: Iterable[tuple[str, str]]) -> Html:
    """Names and values, one pair a line."""
    pairs = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in rows]
    return element("table", element("tbody", *pairs), class_="facts")


def section(title: str, *content: str) -> Html:
    """A part of the page under its own heading."""
    return element("section", element("h2", title), *content)


def legend(*entries: tuple[str, str]) -> Html:
    """What the lines of a chart are: (variable of the style sheet, name)."""
    keys = [element("span", element("i", class_="key", style=f"background: var(--{colour})"), name) for colour, name in entries]
    return element("figcaption", *keys)


def _value(written: Text, name: str, class_: str = "") -> Html:
    """A number in an element, marked when it is negative."""
    text = written.plain
    return element(name, text, class_=" ".join(filter(None, (class_, "number", "negative" if text.startswith("-") else ""))))


def _scrolling(label: str, table: Html) -> Html:
    """A wide table that scrolls by itself on a narrow screen, also with the keyboard."""
    return element("div", table, class_="wide", role="region", aria_label=label, tabindex="0")
