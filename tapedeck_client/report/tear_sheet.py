"""A recorded run on one page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from tapedeck.v1.run_pb2 import Run
from tapedeck_client import curves
from tapedeck_client.recorded import Ledger, capital_base
from tapedeck_client.render.text import money, percent, session, state_name
from tapedeck_client.report import charts, sections
from tapedeck_client.report.benchmark import Benchmark
from tapedeck_client.report.html import Html, element, joined

ROLLING_SESSIONS = 126
"""Window of the rolling statistics: half a year tells a regime from noise."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What the page may load: nothing. A browser keeps to it whatever a name or a label holds."""


def tear_sheet(run: Run, ledger: Ledger, benchmark: Benchmark | None) -> str:
    """The page, as text of an HTML file.

    Args:
        run: That has ended, in the FULL view.
        ledger: All of its events.
        benchmark: What it is compared with.

    Raises:
        click.ClickException: matplotlib is not installed.
    """
    title = (
        f"{run.spec.strategy} on {', '.join(run.spec.symbols[: sections.MOST_NAMED_SYMBOLS])}, {run.spec.start_date} to {run.spec.end_date}"
    )
    style = resources.files(__package__).joinpath("tear_sheet.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(style)),
    )
    body = element("body", element("main", *_parts(run, ledger, benchmark)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _parts(run: Run, ledger: Ledger, benchmark: Benchmark | None) -> Iterator[Html]:
    yield sections.header(run, len(ledger.session_dates))
    if run.HasField("error"):
        yield sections.error_box(run.state, run.error)
    if run.HasField("metrics"):
        yield sections.headlines(run.metrics)
    if ledger.session_dates:
        yield from _charts(run, ledger, benchmark)
    else:
        yield element("p", "No session was recorded, so there is nothing to draw.")
    if run.HasField("metrics"):
        yield sections.section("Metrics", sections.metric_tables(run.metrics))
    else:
        yield sections.section("Metrics", element("p", f"There are none: the run is {state_name(run.state)}."))
    yield sections.section("Round trips", *sections.trades_table(ledger.round_trips))
    yield sections.section("Costs", sections.costs(run, ledger))
    yield sections.section("Parameters", sections.parameters(run))
    yield sections.section("Spec and provenance", sections.provenance(run))
    yield element("footer", _definitions())


def _charts(run: Run, ledger: Ledger, benchmark: Benchmark | None) -> Iterator[Html]:
    dates, values, capital = ledger.session_dates, ledger.portfolio_values, capital_base(run.spec)
    yield sections.section("Equity curve", *_equity(ledger, capital, benchmark))
    falls = curves.drawdowns(values, capital)
    deepest = f"The deepest drawdown was {percent(min(falls)).plain}, on {session(dates[falls.index(min(falls))])}."
    yield sections.section("Drawdown", element("figure", charts.drawdown(dates, falls, deepest)), element("p", deepest, class_="note"))
    yield sections.section("Monthly returns", sections.months_table(curves.yearly_returns(dates, values, capital)))
    if len(values) > ROLLING_SESSIONS:
        window = curves.rolling(curves.session_returns(values, capital), ROLLING_SESSIONS)
        described = f"Annual volatility and Sharpe ratio of the {ROLLING_SESSIONS} sessions that end at each."
        drawn = charts.rolling(dates, window.volatility, window.sharpe_ratio, described)
        yield sections.section("Rolling volatility and Sharpe ratio", element("figure", drawn), element("p", described, class_="note"))


def _equity(ledger: Ledger, capital: float, benchmark: Benchmark | None) -> Iterator[Html]:
    dates, values = ledger.session_dates, ledger.portfolio_values
    described = f"From {money(capital).plain} to {money(values[-1]).plain}, {session(dates[0])} to {session(dates[-1])}"
    entries = [("equity", "Portfolio value"), ("capital", "Capital")]
    compared = benchmark.values if benchmark else []
    if benchmark and compared:
        entries.insert(1, ("benchmark", f"{benchmark.symbol}, bought and held without costs"))
        described += f"; the benchmark, {benchmark.symbol}, to {money(compared[-1]).plain}"
    yield element("figure", sections.legend(*entries), charts.equity(dates, values, capital, compared, f"{described}."))
    yield element("p", f"{described}.", class_="note")
    if benchmark and not compared:
        yield element("p", f"The benchmark, {benchmark.symbol}, is not drawn: {benchmark.problem.rstrip('.')}.", class_="note")


def _definitions() -> Html:
    return joined(
        "Made of the run's recorded events. Money is in the dataset's currency; a year has 252 sessions; the risk-free rate is 0. A "
        "month's return is the product of 1 + the return of each of its sessions, minus 1. A drawdown is the value at a close over the "
        "highest value so far, minus 1, where the capital counts as the first value."
    )
