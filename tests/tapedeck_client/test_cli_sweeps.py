"""sweep, sweeps, sweep-results: what is sent, what is shown, how they end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict

from tapedeck.v1.engine_service_pb2 import SweepDifference, SweepPromotion, SweepVerification
from tapedeck.v1.run_pb2 import ENGINE_CHOICE_ZIPLINE, RunError
from tapedeck.v1.sweep_pb2 import EdgeScore, SweepFinished, SweepState, SymbolGrouping
from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import RUN_ID, UNKNOWN_ID, Engine, Store, away
from tests.tapedeck_client.sweep_story import CANCELLED_SWEEP_ID, SWEEP_ID, identical, succeeded, sweep_spec, sweep_story

ASKED = ("sweep", "sma_crossover", "-s", "GOOG", "-g", "fast=5,10", "-g", "slow=50:100:50")


def test_sweep_sends_what_its_options_say(tapedeck: Tapedeck, engine: Engine) -> None:
    result = tapedeck(
        *("sweep", "sma_crossover", "-s", "GOOG,IBM", "--start", "2005-01-03", "--end", "2012-12-31", "-p", "band=1", "--capital", "5000"),
        *("--grid", "fast=5,10", "--grid", "slow=50:100:25", "--rank-by", "edge_score", "--top", "5", "--together", "--engine", "zipline"),
        *("--edge-weight", "win_rate=0.4", "--edge-weight", "pnl=1", "--minimum-trades", "0", "--verify-sample", "7", "--promote", "2"),
        *("--label", "team=alpha", "--no-save", "--request-id", "key"),
    )
    assert result.exit_code == 0, result.output
    (request,) = engine.requests
    assert MessageToDict(request.spec, preserving_proto_field_name=True) == {
        "strategy": "sma_crossover",
        "dataset": "wiki",
        "symbols": ["GOOG", "IBM"],
        "start_date": "2005-01-03",
        "end_date": "2012-12-31",
        "parameters": {"band": 1},
        "capital_base": 5000,
    }
    assert MessageToDict(request.grid) == {"fast": [5, 10], "slow": [50, 75, 100]}
    assert request.edge_score == EdgeScore(weights={"win_rate": 0.4, "pnl": 1}, minimum_trades=0)
    assert (request.rank_by, request.top, request.symbol_grouping) == ("edge_score", 5, SymbolGrouping.SYMBOL_GROUPING_TOGETHER)
    assert (request.verify, request.verify_sample_count, request.promote_top, request.engine) == (True, 7, 2, ENGINE_CHOICE_ZIPLINE)
    assert (request.save, dict(request.labels), request.request_id, request.omit_batches) == (False, {"team": "alpha"}, "key", True)


def test_a_sweep_is_verified_and_saved_unless_told_otherwise(tapedeck: Tapedeck, engine: Engine) -> None:
    tapedeck(*ASKED)
    tapedeck(*ASKED, "--no-verify", "--each")
    default, told = engine.requests
    assert (default.verify, default.save, default.top, default.HasField("edge_score")) == (True, True, 20, False)
    assert default.symbol_grouping == SymbolGrouping.SYMBOL_GROUPING_UNSPECIFIED
    assert (told.verify, told.symbol_grouping) == (False, SymbolGrouping.SYMBOL_GROUPING_EACH)


def test_a_sample_is_drawn_from_the_grid_by_the_seed(tapedeck: Tapedeck, engine: Engine) -> None:
    tapedeck(*ASKED, "--sample", "3", "--seed", "7")
    (request,) = engine.requests
    assert (request.sample.count, request.sample.seed, request.spec.seed) == (3, 7, 7)
    assert (request.sample.ranges["slow"].minimum, request.sample.ranges["slow"].step) == (50, 50)


def test_combinations_are_read_from_standard_input(tapedeck: Tapedeck, engine: Engine) -> None:
    assert tapedeck("sweep", "sma_crossover", "--list", "-", stdin='[{"fast": 5, "slow": 50}]').exit_code == 0
    assert MessageToDict(engine.requests[0].list) == {"combinations": [{"fast": 5, "slow": 50}]}


def test_a_sweep_ends_with_the_best_results_the_id_recorded_and_the_verdict(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.sweep = sweep_story(promotions=[SweepPromotion(number=4, run_id=RUN_ID)], verification=identical())
    result = tapedeck(*ASKED)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"sweep {SWEEP_ID}"
    assert "4 of 4 runs" in lines
    assert "Sharpe▼" in result.stdout
    assert lines[-5:] == [
        "SUCCEEDED after 1.50 s, 4 results, 2 combinations skipped",
        f"{SWEEP_ID} recorded",
        f"result 4 is run {RUN_ID}",
        "IDENTICAL All metrics are equal.",
        "verified on zipline: results 4, 1",
    ]


def test_a_sweep_that_zipline_contradicts_shows_where_and_exits_with_one(tapedeck: Tapedeck, engine: Engine) -> None:
    difference = SweepDifference(number=4, metric="sharpe_ratio", sweep_value="0.75", zipline_value="0.5")
    diverged = SweepVerification(outcome=SweepVerification.OUTCOME_DIVERGED, numbers=[4], first_difference=difference)
    engine.sweep = sweep_story(verification=diverged)
    result = tapedeck(*ASKED)
    assert result.exit_code == 1
    for words in ("DIVERGED", "result 4, sharpe_ratio", "sweep    0.75", "zipline  0.5"):
        assert words in result.stdout


def test_a_result_that_could_not_be_promoted_exits_with_one(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.sweep = sweep_story(promotions=[SweepPromotion(number=4, error=RunError(reason="QUEUE_FULL", message="the queue is full"))])
    result = tapedeck(*ASKED)
    assert result.exit_code == 1
    assert "result 4 was not promoted: the queue is full" in result.stdout


def test_a_sweep_that_failed_says_why_and_exits_with_one(tapedeck: Tapedeck, engine: Engine) -> None:
    error = RunError(reason="LOOK_AHEAD", message="the strategy peeks")
    engine.sweep = [sweep_story()[0], *sweep_story(finished=SweepFinished(state=SweepState.SWEEP_STATE_FAILED, error=error))[4:]]
    result = tapedeck(*ASKED)
    assert result.exit_code == 1
    assert "FAILED (LOOK_AHEAD): the strategy peeks" in result.stdout


def test_a_sweep_that_is_not_recorded_says_why(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.sweep = sweep_story(finished=succeeded(recorded=False, not_recorded_reason="the store was away"))
    result = tapedeck(*ASKED)
    assert result.exit_code == 0
    assert f"{SWEEP_ID} not recorded: the store was away" in result.stdout


def test_json_has_every_message_and_every_result(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.sweep = sweep_story(verification=identical())
    result = tapedeck(*ASKED, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [next(iter(line)) for line in lines] == ["started", "batch", "batch", "ranked", "finished", "verification"]
    assert lines[1]["batch"]["results"]["numbers"] == [1, 2]
    assert not engine.requests[0].omit_batches


def test_a_refused_sweep_lists_what_is_wrong(tapedeck: Tapedeck, engine: Engine) -> None:
    violations = [errors.Violation("grid.fast", "5.5 is no integer"), errors.Violation("rank_by", "is no metric")]
    engine.plans = [(0, errors.InvalidArgument(violations=violations))]
    result = tapedeck(*ASKED)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == ["  grid.fast: 5.5 is no integer", "  rank_by: is no metric"]


@pytest.mark.parametrize(("reason", "hint"), [("TOO_MANY_RUNS", "--sample N"), ("OUTSIDE_KERNEL", "--engine auto")])
def test_a_sweep_that_can_not_be_executed_says_what_can(tapedeck: Tapedeck, engine: Engine, reason: str, hint: str) -> None:
    engine.plans = [(0, errors.FailedPrecondition("it can't be executed", reason=reason))]
    assert hint in tapedeck(*ASKED).stderr


def test_a_sweep_whose_engine_vanished_says_what_to_do(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.plans = [(2, away())]
    result = tapedeck(*ASKED, "--request-id", "key")
    assert result.exit_code == 1
    assert "sent again with request_id key" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("hold_after", "line", "words"),
    [
        (2, "of 4 runs", f"the sweep {SWEEP_ID} is cancelled, and has no results"),
        (5, "recorded", f"what follows the sweep was stopped; the sweep itself is recorded: `tapedeck sweep-results {SWEEP_ID}`"),
    ],
)
def test_an_interrupted_sweep_says_what_became_of_it(target: str, engine: Engine, hold_after: int, line: str, words: str) -> None:
    engine.hold_after = hold_after
    engine.sweep = sweep_story(verification=identical())
    command = [sys.executable, "-m", "tapedeck_client", "--engine-target", target, "--store-target", target, *ASKED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while line not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.strip() == f"Interrupted: {words}"
    assert engine.cancelled.wait(timeout=30)


def test_a_heatmap_is_drawn_of_all_results(tapedeck: Tapedeck, engine: Engine, tmp_path: Path) -> None:
    picture = tmp_path / "sharpe.png"
    result = tapedeck(*ASKED, "--heatmap", str(picture))
    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "shows Sharpe ratio over fast and slow" in " ".join(result.stdout.split())
    assert not engine.requests[0].omit_batches


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["-g", "fast=5,10"], "two parameters of --grid that vary, not 1"),
        (["-g", "fast=5,10", "-g", "slow=50", "-g", "band=1:3", "-g", "stop=1,2"], "that vary, not 3"),
        (["-g", "fast=5,10", "-g", "slow=50:100", "-s", "IBM,GOOG"], "draws one symbol"),
        (["--list", "-"], "that vary, not 0"),
    ],
)
def test_a_heatmap_of_anything_else_is_refused_before_the_sweep(
    tapedeck: Tapedeck, engine: Engine, tmp_path: Path, options: list[str], complaint: str
) -> None:
    result = tapedeck("sweep", "sma_crossover", *options, "--heatmap", str(tmp_path / "x.png"), stdin="[{}]")
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert engine.requests == []


def test_a_failed_sweep_has_no_heatmap(tapedeck: Tapedeck, engine: Engine, tmp_path: Path) -> None:
    engine.sweep = sweep_story(finished=SweepFinished(state=SweepState.SWEEP_STATE_FAILED))
    assert tapedeck(*ASKED, "--heatmap", str(tmp_path / "x.png")).exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_sweeps_are_listed_newest_first_by_filter(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck(
        *("sweeps", "--strategy", "sma_crossover", "--symbol", "GOOG", "--state", "succeeded", "--label", "team=alpha"),
        *("--filter", 'create_time > "2026-01-01"', "--limit", "2"),
    )
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[2:]] == [SWEEP_ID[-8:], CANCELLED_SWEEP_ID[-8:]]
    (request,) = store.requests
    assert request.filter == (
        '(create_time > "2026-01-01") AND strategy = "sma_crossover" AND symbols:"GOOG" AND state = "SUCCEEDED" AND labels.team = "alpha"'
    )
    assert request.page_size == 2


def test_sweeps_stop_at_their_limit_and_go_on_past_a_page(tapedeck: Tapedeck, store: Store) -> None:
    store.page_size = 1
    shown = json.loads(tapedeck("sweeps", "--json").stdout)
    assert [sweep["sweep_id"] for sweep in shown["sweeps"]] == [SWEEP_ID, CANCELLED_SWEEP_ID]
    assert len(json.loads(tapedeck("sweeps", "--limit", "1", "--json").stdout)["sweeps"]) == 1


def test_sweeps_say_so_when_nothing_is_there_or_matches(tapedeck: Tapedeck, store: Store) -> None:
    store.sweeps = []
    assert "no sweep is recorded yet" in tapedeck("sweeps").stdout
    assert "no sweep matches" in tapedeck("sweeps", "--symbol", "IBM").stdout


def test_results_are_shown_by_what_the_sweep_is_ranked_by_below_what_it_was(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("sweep-results", "5555aaaa0001")
    assert result.exit_code == 0
    assert "fast 5, 10; slow 50, 100" in result.stdout
    assert "Sharpe▼" in result.stdout
    assert "Symbol" in result.stdout
    request = store.requests[-1]
    assert (request.sweep_id, request.filter, request.order_by, request.page_size) == (SWEEP_ID, "", "sharpe_ratio desc", 20)


@pytest.mark.parametrize(
    ("options", "order_by", "marked"),
    [
        (["--sort", "total_return"], "total_return desc", "Return▼"),
        (["--sort", "total_return", "--reverse"], "total_return", "Return▲"),
        (["--sort", "annual_volatility"], "annual_volatility", "volatility▲"),
        (["--sort", "annual_volatility", "--reverse"], "annual_volatility desc", "volatility▼"),
        (["--sort", "number"], "number", "Number▲"),
    ],
)
def test_results_are_sorted_best_first(tapedeck: Tapedeck, store: Store, options: list[str], order_by: str, marked: str) -> None:
    result = tapedeck("sweep-results", SWEEP_ID, *options)
    assert store.requests[-1].order_by == order_by
    assert marked in result.stdout


def test_results_are_narrowed_down_and_limited(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("sweep-results", SWEEP_ID, "--symbol", "GOOG", "--filter", "trades_total >= 20", "--limit", "3", "--json")
    assert [row["number"] for row in json.loads(result.stdout)["results"]] == [1, 2, 3]
    assert (store.requests[-1].filter, store.requests[-1].page_size) == ('(trades_total >= 20) AND symbol = "GOOG"', 3)


def test_a_sweep_without_results_says_so(tapedeck: Tapedeck) -> None:
    result = tapedeck("sweep-results", CANCELLED_SWEEP_ID)
    assert result.exit_code == 0
    assert "CANCELLED" in result.stdout
    assert "the caller left" in result.stdout
    assert result.stdout.splitlines()[-1] == "it has no results"
    assert "no result matches" in tapedeck("sweep-results", CANCELLED_SWEEP_ID, "--symbol", "IBM").stdout


@pytest.mark.parametrize(("sweep", "words"), [("nonsense", "is no id of a sweep"), (UNKNOWN_ID, f"there is no sweep {UNKNOWN_ID}")])
def test_a_sweep_that_is_not_there_is_refused_with_a_hint(tapedeck: Tapedeck, sweep: str, words: str) -> None:
    result = tapedeck("sweep-results", sweep)
    error, hint = result.stderr.splitlines()
    assert result.exit_code == 1
    assert words in error
    assert "tapedeck sweeps" in hint


def test_a_sweep_of_symbols_together_has_one_table(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.sweep = sweep_story(sweep_spec("GOOG", "IBM", symbol_grouping=SymbolGrouping.SYMBOL_GROUPING_TOGETHER))
    shown = tapedeck(*ASKED).stdout.splitlines()
    assert "GOOG" not in shown
    assert sum("Sharpe▼" in line for line in shown) == 1


def test_results_that_nobody_said_a_metric_of_are_ranked_by_their_numbers(tapedeck: Tapedeck, store: Store) -> None:
    store.sweeps[0].sweep.rank_by = ""
    assert "Number▲" in tapedeck("sweep-results", SWEEP_ID).stdout
    assert store.requests[-1].order_by == "number"
