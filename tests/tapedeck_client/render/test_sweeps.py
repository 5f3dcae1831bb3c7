"""Sweeps for people."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from rich.console import Group

from tapedeck.v1.engine_service_pb2 import SweepDifference, SweepPromotion, SweepVerification
from tapedeck.v1.run_pb2 import RunError, RunSpec
from tapedeck.v1.sweep_pb2 import (
    ParameterColumn,
    ParameterList,
    ParameterRange,
    ParameterSample,
    Sweep,
    SweepFinished,
    SweepSource,
    SweepSpec,
    SweepStarted,
    SweepState,
)
from tapedeck_client.render import sweeps
from tapedeck_client.sweep_rows import ResultRow, result_rows
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import RUN_ID
from tests.tapedeck_client.sweep_story import SWEEP_ID, columns, identical, recorded_sweeps, succeeded, sweep_spec, sweep_story


def test_the_first_message_says_what_runs_how_often_and_what_is_skipped() -> None:
    lines = [line.plain for line in sweeps.started_lines(sweep_story()[0].started)]
    assert lines == [
        f"sweep {SWEEP_ID}",
        "sma_crossover on GOOG, 2005-01-03 to 2012-12-31, 4 runs of 2,013 sessions on kernel",
        "skipped 2 combinations whose values exclude each other",
    ]
    assert len(list(sweeps.started_lines(SweepStarted(sweep=sweep_spec())))) == 2


def test_each_symbol_has_a_table_of_its_own_with_the_ranking_marked() -> None:
    rows = [*result_rows(columns([3, 0, 2], symbols=["GOOG", "GOOG", "IBM"]))]
    lines = printed(sweeps.ranked(rows, "sharpe_ratio")).splitlines()
    goog, ibm = lines.index("GOOG"), lines.index("IBM")
    assert "Sharpe▼" in lines[goog + 1]
    assert lines[goog + 3].split() == ["4", "10", "100", "0.750", "30.00%", "–", "13", "–", "–", "0.500"]
    assert lines[goog + 4].split()[0] == "1"
    assert lines[ibm + 3].split() == ["3", "10", "50", "–", "20.00%", "–", "12", "–", "–", "0.500"]
    assert "Symbol" not in "".join(lines)


def test_symbols_traded_together_make_one_table() -> None:
    lines = printed(sweeps.ranked([*result_rows(columns([0, 1]))], "total_return")).splitlines()
    assert "Return▼" in lines[0]
    assert len(lines) == 4


def test_the_metric_that_results_are_ranked_by_is_shown_whichever_it_is() -> None:
    rows = [ResultRow(1, "", {"fast": 5}, {"annual_volatility": 0.2})]
    above, heading, _, line = printed(sweeps.ranked(rows, "annual_volatility")).splitlines()
    assert "Annual" in above
    assert "volatility▲" in heading
    assert "20.00%" in line
    assert "omega_ratio▼" in printed(sweeps.ranked(rows, "omega_ratio")), "also one that this client does not know"


def test_no_result_has_no_table() -> None:
    assert printed(sweeps.ranked([], "sharpe_ratio")).strip() == "no result to rank"


def test_results_by_number_mark_the_number_and_name_their_symbols() -> None:
    rows = [*result_rows(columns([0, 1], symbols=["GOOG", "IBM"]))]
    heading, _, first, second = printed(sweeps.ResultTable(rows, "number", falling=False)).splitlines()
    assert heading.split()[:4] == ["Number▲", "Symbol", "fast", "slow"]
    assert (first.split()[1], second.split()[1]) == ("GOOG", "IBM")


def test_three_parameters_and_an_unusual_ranking_fit_a_hundred_columns() -> None:
    names = ["fast", "slow", "level"]
    metrics: dict[str, float | None] = dict.fromkeys(sweeps.HEADINGS, -0.98765)
    rows = [ResultRow(99_999, "", dict.fromkeys(names, 200.0), {**metrics, "calmar_ratio": 1.5})]
    lines = printed(sweeps.ranked(rows, "calmar_ratio")).splitlines()
    assert len(lines) == 4, "only the heading of the metric takes two lines"
    assert lines[-1].split()[:5] == ["99,999", "200", "200", "200", "1.500"]


def test_a_narrow_terminal_shows_fewer_metrics_rather_than_broken_numbers() -> None:
    rows = [*result_rows(columns([3, 0]))]
    wide, narrow, tiny = (printed(sweeps.ranked(rows, "edge_score"), columns=columns_).splitlines() for columns_ in (100, 60, 10))
    assert wide[0].split() == ["Number", "fast", "slow", "Edge▼", "Return", "Sharpe", "Drawdown", "Trades", "Win", "rate", "Avg", "trade"]
    assert narrow[0].split() == ["Number", "fast", "slow", "Edge▼", "Return", "Sharpe", "Drawdown", "Trades"]
    assert narrow[2].split() == ["4", "10", "100", "0.500", "30.00%", "0.750", "–", "13"]
    assert len(narrow) == 4
    assert tiny, "whatever the width, something is shown"


def test_parameters_that_are_lists_are_folded_between_their_words() -> None:
    values = struct_pb2.ListValue()
    values.add_list().extend(["moving_average_cross", "relative_strength_low", "bollinger_break"])
    results = columns([0])
    results.parameters.append(ParameterColumn(name="rules", values=values.values))
    shown = printed(sweeps.ranked([*result_rows(results)], "sharpe_ratio"))
    for words in ("moving_average_cross", "relative_strength_low", "bollinger_break", "Trades"):
        assert words in shown


def test_names_that_would_steer_a_terminal_are_defused() -> None:
    rows = [ResultRow(1, "\x1b[31mred", {"\x1b[1mbold": "\x1b[2mdim"}, {})]
    assert "\x1b" not in printed(sweeps.ranked(rows, "sharpe_ratio"))


def test_the_end_counts_results_and_what_has_none() -> None:
    finished = succeeded(result_count=1234, failed_count=2, first_failure=RunError(reason="INFINITE", message="the value became infinite"))
    assert [line.plain for line in sweeps.finished_lines(finished, skipped_count=3)] == [
        "SUCCEEDED after 1.50 s, 1,234 results, 3 combinations skipped, 2 runs failed",
        "the first run that failed: the value became infinite (INFINITE)",
    ]


def test_a_sweep_that_failed_says_why_first() -> None:
    error = RunError(reason="LOOK_AHEAD", message="the strategy peeks")
    finished = SweepFinished(state=SweepState.SWEEP_STATE_FAILED, error=error)
    assert [line.plain for line in sweeps.finished_lines(finished, 0)] == ["FAILED (LOOK_AHEAD): the strategy peeks", "FAILED, 0 results"]


def test_a_promotion_names_its_run_or_says_why_there_is_none() -> None:
    assert sweeps.promotion_line(SweepPromotion(number=17, run_id=RUN_ID)).plain == f"result 17 is run {RUN_ID}"
    failed = SweepPromotion(number=17, error=RunError(reason="QUEUE_FULL", message="the queue is full"))
    assert sweeps.promotion_line(failed).plain == "result 17 was not promoted: the queue is full"


def test_the_verification_names_the_verdict_and_what_was_verified() -> None:
    assert printed(sweeps.verification(identical())).splitlines() == [
        "IDENTICAL All metrics are equal.",
        "verified on zipline: results 4, 1",
    ]
    repeated = SweepVerification(outcome=SweepVerification.OUTCOME_IDENTICAL, summary="IDENTICAL: all is equal")
    assert printed(sweeps.verification(repeated)).startswith("IDENTICAL all is equal")
    newer = SweepVerification(outcome=7)  # type: ignore[arg-type] # of a newer contract
    assert printed(sweeps.verification(newer)).startswith("OUTCOME 7")


def test_a_difference_is_shown_with_both_values() -> None:
    difference = SweepDifference(number=4, metric="sharpe_ratio", sweep_value="0.75")
    shown = SweepVerification(outcome=SweepVerification.OUTCOME_DIVERGED, numbers=[4], first_difference=difference)
    assert printed(sweeps.verification(shown)).splitlines()[2:] == [
        "first differs in result 4, sharpe_ratio:",
        "  sweep    0.75",
        "  zipline  undefined",
    ]


def test_sweeps_are_a_line_each() -> None:
    lines = printed(sweeps.sweeps(recorded_sweeps())).splitlines()
    assert lines[2].split() == ["aaaa0001", "2026-09-21", "14:13", "sma_crossover", "GOOG", "+1", "SUCCEEDED", "4", "sharpe_ratio"]
    assert lines[3].split()[-3:] == ["CANCELLED", "0", "sharpe_ratio"]


def test_the_facts_of_a_sweep_say_what_was_tried_and_what_came_of_it() -> None:
    done, cancelled = (printed(sweeps.sweep_facts(sweep)) for sweep in recorded_sweeps())
    for words in (SWEEP_ID, "sma_crossover on GOOG +1", "fast 5, 10; slow 50, 100", "4 results, 2 combinations skipped, 1 run failed"):
        assert words in done
    for words in ("kernel", "team=alpha", "1.50 s"):
        assert words in done
    assert "the caller left (SWEEP_CANCELLED)" in cancelled


@pytest.mark.parametrize(
    ("dates", "period"),
    [({}, ""), ({"start_date": "2010-01-04"}, ", 2010-01-04 to –"), ({"end_date": "2010-12-31"}, ", – to 2010-12-31")],
)
def test_the_facts_of_a_sweep_from_elsewhere_say_only_what_is_known(dates: dict[str, Any], period: str) -> None:
    spec = RunSpec(strategy="mine", dataset="feed", symbols=["GOOG"], **dates)
    sweep = Sweep(sweep_id=SWEEP_ID, sweep=SweepSpec(spec=spec), source=SweepSource.SWEEP_SOURCE_EXTERNAL, result_count=3)
    lines = printed(sweeps.sweep_facts(sweep)).splitlines()
    assert [line.split()[0] for line in lines] == ["Sweep", "State", "Created", "Source", "Strategy", "Results"]
    assert lines[4].rstrip().endswith(f"mine on GOOG{period}")


def test_combinations_of_any_kind_are_described_in_a_line() -> None:
    sample = ParameterSample(ranges={"slow": ParameterRange(), "fast": ParameterRange()}, count=1000, seed=7)
    listed = ParameterList(combinations=[struct_pb2.Struct()] * 3)
    for asked, words in (
        (sweep_spec(grid={"fast": list(range(5, 100))}), "fast 5 to 99 (95 values)"),
        (sweep_spec(grid=None, sample=sample), "1,000 combinations of fast, slow, drawn with seed 7"),
        (sweep_spec(grid=None, list=listed), "3 combinations of a list"),
    ):
        assert words in printed(Group(sweeps.sweep_facts(Sweep(sweep=asked))))


def test_a_state_of_a_newer_contract_keeps_its_number() -> None:
    assert sweeps.sweep_state(9).plain == "STATE 9"  # type: ignore[arg-type] # no value of this contract
