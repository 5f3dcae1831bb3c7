"""A recorded run on one page."""

from __future__ import annotations

import re

from tapedeck.v1.run_pb2 import RoundTrip, RunState
from tapedeck_client.recorded import Ledger
from tapedeck_client.report.benchmark import Benchmark
from tapedeck_client.report.tear_sheet import ROLLING_SESSIONS, tear_sheet
from tests.tapedeck_client.report.pages import HOSTILE, Page, recorded_run
from tests.tapedeck_client.services import ERROR, RUN_ID

DRAWN = ["Equity curve", "Drawdown", "Monthly returns"]


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>([^<]+)</h2>", page)


def test_a_page_has_all_parts_of_a_run_in_their_order() -> None:
    page = tear_sheet(*recorded_run(), None)
    assert headings(page) == [*DRAWN, "Metrics", "Round trips", "Costs", "Parameters", "Spec and provenance"]
    read = Page(page)
    assert (read.count("svg"), read.count("h1")) == (2, 1)
    for words in ("sma_crossover", RUN_ID, "SUCCEEDED", "From 100,000.00 to 101,002.00, 2005-01-03 to 2005-01-08."):
        assert words in read.text


def test_a_page_is_complete_by_itself_and_may_load_nothing() -> None:
    page = tear_sheet(*recorded_run(), None)
    read = Page(page)
    assert read.names.isdisjoint({"script", "img", "link", "iframe", "object", "image"})
    assert "default-src 'none'; style-src 'unsafe-inline'" in [attributes.get("content") for _, attributes in read.elements]
    assert re.findall(r"https?:|url\((?!#)|@import", page) == []
    references = [value for _, attributes in read.elements for key, value in attributes.items() if key in {"href", "src"}]
    assert [value for value in references if not (value or "").startswith("#")] == []


def test_the_same_run_makes_the_same_bytes() -> None:
    compared = Benchmark("IBM", [100_000.0] * 6)
    assert tear_sheet(*recorded_run(), compared) == tear_sheet(*recorded_run(), compared)


def test_a_long_run_has_rolling_statistics_too() -> None:
    run, _ = recorded_run()
    dates = [20050000 + 100 * (1 + i // 25) + 1 + i % 25 for i in range(ROLLING_SESSIONS + 1)]
    ledger = Ledger(dates, [100_000.0 + i % 7 for i in range(len(dates))])
    assert "Rolling volatility and Sharpe ratio" in headings(tear_sheet(run, ledger, None))
    short = Ledger(dates[:-1], ledger.portfolio_values[:-1])
    assert "Rolling volatility and Sharpe ratio" not in headings(tear_sheet(run, short, None))


def test_the_benchmark_is_drawn_and_named_or_the_reason_is_given() -> None:
    drawn = tear_sheet(*recorded_run(), Benchmark("IBM", [100_000.0, 99_000.0] * 3))
    assert "IBM, bought and held without costs" in drawn
    assert "; the benchmark, IBM, to 99,000.00." in drawn
    missing = tear_sheet(*recorded_run(), Benchmark("IBM", [], "the engine is away"))
    assert "The benchmark, IBM, is not drawn: the engine is away." in missing
    assert "bought and held" not in missing


def test_a_failed_run_shows_its_error_first_and_what_it_produced() -> None:
    run, ledger = recorded_run()
    run.state = RunState.RUN_STATE_FAILED
    run.ClearField("metrics")
    run.error.CopyFrom(ERROR)
    page = tear_sheet(run, ledger, None)
    assert page.index("ValueError: bad bar") < page.index("<h2>")
    assert headings(page)[:3] == DRAWN
    assert "There are none: the run is FAILED." in page


def test_a_run_that_produced_nothing_says_so_instead_of_charts() -> None:
    run, _ = recorded_run()
    page = tear_sheet(run, Ledger(), None)
    assert "No session was recorded" in page
    assert headings(page)[0] == "Metrics"
    assert "svg" not in Page(page).names


def test_hostile_names_are_shown_as_they_are_and_do_nothing() -> None:
    run, ledger = recorded_run()
    run.spec.strategy = run.spec.benchmark_symbol = run.spec.dataset = HOSTILE
    run.spec.symbols[:] = [HOSTILE]
    run.spec.parameters.update({HOSTILE: HOSTILE, "list": [HOSTILE, {HOSTILE: HOSTILE}]})
    run.labels[HOSTILE] = run.note = HOSTILE
    run.error.reason = run.error.message = run.error.session_date = HOSTILE
    run.provenance.platform = run.provenance.versions[HOSTILE] = HOSTILE
    ledger.round_trips.append(RoundTrip(symbol=HOSTILE, entry_date=HOSTILE, exit_date=HOSTILE))
    page = tear_sheet(run, ledger, Benchmark(HOSTILE, [1.0] * 6, HOSTILE))
    harmless, (plain_run, plain_ledger) = Page(page), recorded_run()
    plain_ledger.round_trips.append(RoundTrip(symbol="GOOG"))
    assert harmless.names - Page(tear_sheet(plain_run, plain_ledger, None)).names == {"strong", "br"}, "the error, and nothing else"
    assert {"onerror", "src"}.isdisjoint(key for _, attributes in harmless.elements for key in attributes)
    shown = HOSTILE.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert harmless.text.count(shown) >= 15
    assert "\x1b" not in page
