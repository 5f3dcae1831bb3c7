"""The parts of a tear sheet that are made of words and numbers."""

from __future__ import annotations

from tapedeck.v1.run_pb2 import Commission, PerTradeCommission, RoundTrip, Run, RunState, Slippage
from tapedeck_client.curves import YearOfReturns
from tapedeck_client.recorded import Ledger
from tapedeck_client.render.metrics import GROUPS
from tapedeck_client.report import sections
from tapedeck_client.report.html import joined
from tests.tapedeck_client.report.pages import Page, recorded_run
from tests.tapedeck_client.services import ERROR, METRICS, spec


def trips(count: int) -> list[RoundTrip]:
    return [RoundTrip(symbol="GOOG", entry_date="2005-01-03", exit_date="2005-01-04", quantity=1234.5, pnl=-i) for i in range(count)]


def test_the_header_names_some_symbols_and_counts_the_others() -> None:
    run = Run(spec=spec(), state=RunState.RUN_STATE_SUCCEEDED)
    run.spec.symbols[:] = [f"S{i}" for i in range(sections.MOST_NAMED_SYMBOLS + 2)]
    text = Page(sections.header(run, 2014)).text
    assert "S0, S1, " in text
    assert "S11 and 2 more · wiki\n2005-01-03 to 2005-01-07 · 2,014 sessions" in text


def test_a_cancelled_run_is_not_called_failed() -> None:
    assert "Cancelled: STRATEGY_FAILED" in sections.error_box(RunState.RUN_STATE_CANCELLED, ERROR)
    failed = Page(sections.error_box(RunState.RUN_STATE_FAILED, ERROR)).text
    assert "Failed: STRATEGY_FAILED" in failed
    assert "(session 2005-01-05)" in failed


def test_every_metric_is_there_and_an_undefined_one_is_no_number() -> None:
    page = Page(sections.metric_tables(METRICS))
    assert page.count("td") == sum(len(group) for group in GROUPS.values())
    assert {"Sharpe ratio", "1.250", "150,000.50", "–"} <= set(page.texts)


def test_headlines_mark_what_is_negative() -> None:
    page = Page(sections.headlines(METRICS))
    marked = [attributes["class"] for name, attributes in page.elements if name == "dd"]
    assert marked == ["number", "number negative", "number", "number negative", "number", "number"]


def test_months_are_coloured_by_sign_and_strength() -> None:
    year = YearOfReturns(2005, [0.05, -0.2, 0.00001, None, *[None] * 8], -0.16)
    cells = [attributes for name, attributes in Page(sections.months_table([year])).elements if name == "td"]
    assert cells[:4] == [
        {"class": "gain", "style": "--strength: 0.50"},
        {"class": "loss", "style": "--strength: 1.00"},
        {},
        {"class": "none"},
    ]
    texts = Page(sections.months_table([year])).texts
    assert texts[-13:-9] == ["+5.0%", "-20.0%", "0.0%", "–"]
    assert texts[-1] == "-16.00%"


def test_a_few_round_trips_are_all_shown() -> None:
    page = Page(joined(*sections.trades_table(trips(3))))
    assert page.count("tr") == 1 + 3
    assert "1,234.5" in page.texts
    assert "p" not in page.names


def test_of_many_round_trips_the_last_are_shown_and_the_others_are_counted() -> None:
    page = Page(joined(*sections.trades_table(trips(sections.MOST_TRADES + 1000))))
    assert page.texts[0] == "The last 250 of 1,250 round trips, by exit; 1,000 earlier ones are not shown."
    assert page.count("tr") == 1 + sections.MOST_TRADES
    assert "-1,249.00" in page.texts


def test_without_a_round_trip_a_sentence_says_so() -> None:
    assert Page(joined(*sections.trades_table([]))).texts == ["No round trip was closed."]


def test_costs_are_the_models_and_what_they_came_to() -> None:
    run, _ = recorded_run()
    run.spec.commission.CopyFrom(Commission(per_trade=PerTradeCommission(cost=2.5)))
    run.spec.slippage.none.SetInParent()
    text = Page(sections.costs(run, Ledger(fill_count=4, traded_value=10_000.0, commissions=10.0))).text
    for words in ("none; it is part", "per trade (cost=2.5)", "10,000.00", "10.00 (10.00 basis points of the value traded)"):
        assert words in text


def test_costs_of_a_run_that_traded_nothing_have_no_rate() -> None:
    text = Page(sections.costs(Run(spec=spec(slippage=Slippage())), Ledger())).text
    assert "basis points" not in text
    assert "the default" in text


def test_provenance_holds_what_there_is_and_no_empty_line() -> None:
    run, _ = recorded_run()
    run.spec_digest, run.result_digest = "abc", "def"
    texts = Page(sections.provenance(run)).texts
    for words in ("zipline 3.1.1", "numpy 2.1.0", "team=alpha", "abc", "def", "2026-09-21 14:13", "1.50 s"):
        assert words in texts
    assert "Replay of" not in texts


def test_parameters_are_sorted_and_a_strategy_may_have_none() -> None:
    assert Page(sections.parameters(recorded_run()[0])).texts == ["fast", "10", "slow", "30"]
    assert Page(sections.parameters(Run())).texts == ["The strategy has no parameters."]
