"""history, show, compare, strategies, datasets: what is asked, and the words that answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tapedeck.v1.store_service_pb2 import AlignedCurves, CompareRunsResponse, Curve, MetricComparison, MetricValue, RunPart
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import FAILED_ID, OTHER_ID, RUN_ID, UNKNOWN_ID, Store, recorded_runs


def test_history_lists_the_newest_twenty_and_marks_the_date(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("history")
    heading, _, first, *_ = result.stdout.splitlines()
    assert "Created (UTC)▼" in heading
    assert first.split() == ["aaaa0001", "2026-09-21", "14:13", "sma_crossover", "GOOG", "SUCCEEDED", "50.00%", "1.250", "-30.00%"]
    (request,) = store.requests
    assert (request.filter, request.order_by, request.page_size) == ("", "create_time desc", 20)


@pytest.mark.parametrize(
    ("sort", "order_by", "heading"),
    [
        ("return", "total_return", "Return"),
        ("sharpe", "sharpe_ratio", "Sharpe"),
        ("drawdown", "max_drawdown", "Drawdown"),
    ],
)
def test_history_marks_the_column_it_is_sorted_by(tapedeck: Tapedeck, store: Store, sort: str, order_by: str, heading: str) -> None:
    assert f"{heading}▼" in tapedeck("history", "--sort", sort).stdout
    assert f"{heading}▲" in tapedeck("history", "--sort", sort, "--reverse").stdout
    assert [request.order_by for request in store.requests] == [f"{order_by} desc", order_by]


def test_history_joins_its_options_to_one_filter(tapedeck: Tapedeck, store: Store) -> None:
    tapedeck(
        *("history", "--strategy", 'a "b"', "--symbol", "GOOG", "--state", "failed"),
        *("--filter", "pnl > 1 OR pnl < 0", "--label", "team=alpha", "--label", "my-key=x", "--search", '"stock split" fees'),
    )
    assert store.requests[0].filter == (
        r'(pnl > 1 OR pnl < 0) AND strategy = "a \"b\"" AND symbols:"GOOG" AND state = "FAILED"'
        r' AND search:"\"stock split\" fees" AND labels.team = "alpha" AND labels."my-key" = "x"'
    )


def test_history_of_one_strategy_shows_what_was_varied(tapedeck: Tapedeck) -> None:
    assert "fast=20" in tapedeck("history", "--strategy", "sma_crossover").stdout
    assert "fast=" not in tapedeck("history").stdout


def test_history_lists_deleted_runs_on_request(tapedeck: Tapedeck, store: Store) -> None:
    tapedeck("history")
    tapedeck("history", "--deleted", "--strategy", "momentum")
    plain, deleted = store.requests
    assert (plain.filter, plain.show_deleted) == ("", False)
    assert (deleted.filter, deleted.show_deleted) == ('strategy = "momentum" AND delete_time:*', True)


def test_history_stops_at_its_limit_and_goes_on_past_a_page(tapedeck: Tapedeck, store: Store) -> None:
    store.page_size = 1
    shown = json.loads(tapedeck("history", "--limit", "2", "--json").stdout)
    assert [run["run_id"] for run in shown["runs"]] == [RUN_ID, OTHER_ID]


def test_history_says_so_when_nothing_is_there_or_matches(tapedeck: Tapedeck, store: Store) -> None:
    store.runs = []
    assert "no run is recorded yet" in tapedeck("history").stdout
    assert "no run matches" in tapedeck("history", "--symbol", "IBM").stdout


def test_history_fits_a_hundred_columns(tapedeck: Tapedeck, store: Store) -> None:
    for run in store.runs:
        run.spec.strategy = "cross_sectional_momentum"
        run.spec.symbols[:] = ["GOOG", "AAPL", "MSFT", "IBM"]
        run.metrics.total_return, run.metrics.max_drawdown, run.metrics.sharpe_ratio = 2.34567, -0.98765, -1.1234
    lines = tapedeck("history", "--sort", "drawdown").stdout.splitlines()
    assert len(lines) == 2 + 3, "no line is wrapped"
    assert max(map(len, lines)) <= 100


def test_show_says_everything_of_a_run(tapedeck: Tapedeck) -> None:
    shown = tapedeck("show", "aaaa0001").stdout
    for words in (
        RUN_ID,
        "SUCCEEDED",
        "1.50 s",
        "team=alpha",
        '"strategy": "sma_crossover"',
        '"fast": 10,',
        "Sharpe ratio",
        "1.250",
        "zipline",
    ):
        assert words in shown


def test_show_draws_what_is_recorded_so_far(tapedeck: Tapedeck, store: Store) -> None:
    shown = tapedeck("show", RUN_ID).stdout
    assert re.search(r"^Portfolio value *\n +100,000.00 │", shown, re.MULTILINE)
    assert shown.rstrip().endswith("2005-01-06")
    assert [list(request.parts) for request in store.requests[1:]] == [[RunPart.RUN_PART_EQUITY_CURVE]]
    store.runs[0].sessions_recorded = 0
    assert "│" not in tapedeck("show", RUN_ID).stdout
    assert len(store.requests) == 3


@pytest.mark.parametrize("arguments", [("--no-chart",), ("--json",)])
def test_show_asks_for_no_events_that_it_does_not_draw(tapedeck: Tapedeck, store: Store, arguments: tuple[str, ...]) -> None:
    assert "│" not in tapedeck("show", RUN_ID, *arguments).stdout
    assert len(store.requests) == 1


def test_show_puts_the_error_of_a_failed_run_first(tapedeck: Tapedeck) -> None:
    shown = tapedeck("show", FAILED_ID)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[0] == "FAILED (STRATEGY_FAILED): ValueError: bad bar (session 2005-01-05)"


@pytest.mark.parametrize(
    ("run", "words"), [("nonsense", "is no id of a run"), ("12345678", "no run has an id"), (UNKNOWN_ID, f"there is no run {UNKNOWN_ID}")]
)
def test_show_refuses_malformed_and_unknown_ids_with_a_hint(tapedeck: Tapedeck, run: str, words: str) -> None:
    result = tapedeck("show", run)
    error, hint = result.stderr.splitlines()
    assert result.exit_code == 1
    assert words in error
    assert "tapedeck history" in hint


def test_compare_marks_the_best_and_warns_of_missing_runs(tapedeck: Tapedeck, store: Store) -> None:
    values = [MetricValue(run_id=RUN_ID, value=0.5), MetricValue(run_id=OTHER_ID, value=-0.1)]
    best = MetricComparison(metric="total_return", values=values, best_run_ids=[RUN_ID])
    store.comparison = CompareRunsResponse(runs=recorded_runs()[:2], metrics=[best], missing_run_ids=[UNKNOWN_ID])
    result = tapedeck("compare", "aaaa0001", OTHER_ID, UNKNOWN_ID)
    assert result.exit_code == 0
    assert "★ 50.00%" in result.stdout
    assert f"there is no run {UNKNOWN_ID}" in result.stderr
    assert list(store.requests[-1].run_ids) == [RUN_ID, OTHER_ID, UNKNOWN_ID]
    assert not store.requests[-1].include_curves


def test_compare_asks_for_curves_when_it_is_told_to(tapedeck: Tapedeck, store: Store) -> None:
    tapedeck("compare", RUN_ID, OTHER_ID, "--curves", "--json")
    assert store.requests[-1].include_curves


def test_compare_draws_a_picture_and_prints_what_it_would_without(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    curves = [Curve(run_id=run_id, portfolio_values=[100.0, 110.0]) for run_id in (RUN_ID, OTHER_ID)]
    aligned = AlignedCurves(session_dates=[20050103, 20050104], curves=curves)
    store.comparison = CompareRunsResponse(runs=recorded_runs()[:2], curves=aligned)
    path = tmp_path / "x.png"
    result = tapedeck("compare", RUN_ID, OTHER_ID, "--plot", str(path))
    assert store.requests[-1].include_curves
    assert path.read_bytes().startswith(b"\x89PNG")
    assert result.stderr.split() == f"{path} shows the growth of 1 on 2 common sessions".split()
    assert "Portfolio values" not in result.stdout
    assert "Portfolio values" in tapedeck("compare", RUN_ID, OTHER_ID, "--plot", str(path), "--curves").stdout
    assert "curves" not in json.loads(tapedeck("compare", RUN_ID, OTHER_ID, "--plot", str(path), "--json").stdout)


def test_compare_says_why_there_is_no_picture(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    store.comparison = CompareRunsResponse(runs=recorded_runs()[:2], curves=AlignedCurves(note="They have no session in common."))
    result = tapedeck("compare", RUN_ID, OTHER_ID, "--plot", str(tmp_path / "x.png"))
    assert (result.exit_code, result.stderr) == (0, "no picture: They have no session in common.\n")
    assert list(tmp_path.iterdir()) == []


def test_strategies_are_listed_and_described(tapedeck: Tapedeck) -> None:
    assert "fast=10, slow=required" in tapedeck("strategies").stdout
    assert "0 < x ≤ 500" in tapedeck("strategies", "sma_crossover").stdout
    assert json.loads(tapedeck("strategies", "sma_crossover", "--json").stdout)["type"] == "trend"


def test_datasets_are_listed_and_described(tapedeck: Tapedeck) -> None:
    assert "XNYS" in tapedeck("datasets").stdout
    assert "2,106" in tapedeck("datasets", "wiki").stdout
    assert json.loads(tapedeck("datasets", "--json").stdout)["datasets"][0]["name"] == "wiki"


@pytest.mark.parametrize(("command", "known"), [("strategies", "buy_and_hold, sma_crossover"), ("datasets", "wiki")])
def test_an_unknown_name_is_refused_with_those_there_are(tapedeck: Tapedeck, command: str, known: str) -> None:
    result = tapedeck(command, "nothing")
    assert result.exit_code == 1
    assert f'"nothing"; there is {known}' in result.stderr
