"""run, replay, watch, cancel: what is sent, what is shown, how they end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict, MessageToJson
from google.protobuf.timestamp_pb2 import Timestamp

from tapedeck.v1.engine_service_pb2 import IF_STORE_UNAVAILABLE_CONTINUE
from tapedeck.v1.run_pb2 import (
    ENGINE_CHOICE_KERNEL,
    ENGINE_CHOICE_UNSPECIFIED,
    EarlierRun,
    ProvenanceDifference,
    ReplayVerdict,
    SessionDifference,
)
from tapedeck.v1.store_service_pb2 import REPLAY_DATA_LATEST
from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import ERROR, OTHER_ID, RUN_ID, Engine, Store, away, spec, story, verdict
from tests.tapedeck_client.sweep_story import SWEEP_ID


def test_run_sends_what_its_options_say(tapedeck: Tapedeck, engine: Engine) -> None:
    result = tapedeck(
        *("run", "momentum", "-s", "GOOG,AAPL", "--start", "2005-01-03", "--end", "2012-12-31", "--dataset", "mine", "--interval", "1d"),
        *("-p", "window=20", "-p", "mode=slow", "--capital", "5000", "--slippage", "none", "--commission", "per_share:cost=0.01"),
        *("--benchmark", "IBM", "--seed", "-3", "--timeout", "60", "--label", "team=alpha", "--no-save"),
        *("--if-store-unavailable", "continue", "--request-id", "key", "--engine", "kernel"),
    )
    assert result.exit_code == 0
    (request,) = engine.requests
    assert MessageToDict(request.spec, preserving_proto_field_name=True) == {
        "strategy": "momentum",
        "dataset": "mine",
        "symbols": ["GOOG", "AAPL"],
        "start_date": "2005-01-03",
        "end_date": "2012-12-31",
        "interval": "1d",
        "parameters": {"window": 20, "mode": "slow"},
        "capital_base": 5000,
        "slippage": {"none": {}},
        "commission": {"per_share": {"cost": 0.01}},
        "benchmark_symbol": "IBM",
        "seed": -3,
        "timeout_seconds": 60,
    }
    assert (request.request_id, request.save, dict(request.labels)) == ("key", False, {"team": "alpha"})
    assert (request.if_store_unavailable, request.engine) == (IF_STORE_UNAVAILABLE_CONTINUE, ENGINE_CHOICE_KERNEL)


def test_run_takes_a_spec_from_a_file_and_lets_options_override_it(tapedeck: Tapedeck, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text(MessageToJson(spec()))
    assert tapedeck("run", "--spec", str(file), "-p", "fast=5").exit_code == 0
    changed = spec()
    changed.parameters["fast"] = 5
    assert engine.requests[0].spec == changed


def test_run_reads_a_spec_that_show_printed_from_standard_input(tapedeck: Tapedeck, engine: Engine) -> None:
    shown = json.loads(tapedeck("show", RUN_ID, "--json").stdout)
    assert tapedeck("run", "--spec", "-", stdin=json.dumps(shown["spec"])).exit_code == 0
    assert engine.requests[0].spec == spec()


def test_run_uses_the_sample_unless_told_otherwise(tapedeck: Tapedeck, engine: Engine) -> None:
    tapedeck("run", "momentum")
    assert (engine.requests[0].spec.dataset, engine.requests[0].engine) == ("wiki", ENGINE_CHOICE_UNSPECIFIED)


def test_run_shows_progress_and_metrics_and_ends_with_the_id_and_recorded(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.earlier_runs = [EarlierRun(run_id=OTHER_ID, create_time=Timestamp(seconds=1_790_000_000))]
    result = tapedeck("run", "sma_crossover")
    assert result.exit_code == 0
    assert "4 of 6 sessions" in result.stdout
    assert "the same spec ran before: bbbb0002 on 2026-09-21" in result.stdout
    assert "Sharpe ratio" in result.stdout
    assert result.stdout.splitlines()[-1] == f"{RUN_ID} recorded"


def test_run_says_why_a_run_that_nobody_saves_is_not_recorded(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.events = story(recorded=False)
    result = tapedeck("run", "sma_crossover", "--no-save")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"{RUN_ID} not recorded: the store was away"


def test_run_keeps_what_could_not_be_recorded_and_says_where(
    tapedeck: Tapedeck, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine.events = story(recorded=False)
    result = tapedeck("run", "sma_crossover")
    name = f"tapedeck-{RUN_ID}.json"
    said = f"{RUN_ID} not recorded: the store was away. `tapedeck import {name}` records what is kept in that file"
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, said)
    header, line = map(json.loads, (tmp_path / name).read_text().splitlines())
    assert (header["run_count"], [event["sequence"] for event in line["events"]]) == (1, ["1", "2", "3", "4", "5"])


def test_what_is_kept_goes_where_it_is_told_and_leaves_the_json_alone(tapedeck: Tapedeck, engine: Engine, tmp_path: Path) -> None:
    engine.events = story(error=ERROR, recorded=False)
    folder = tmp_path / "not recorded"
    folder.mkdir()
    result = tapedeck("run", "sma_crossover", "--keep-in", str(folder), "--json")
    assert (result.exit_code, len([json.loads(line) for line in result.stdout.splitlines()])) == (1, 5)
    (path,) = folder.iterdir()
    assert f"`tapedeck import '{path}'` records" in result.stderr


def test_a_run_that_is_recorded_or_cut_off_leaves_no_file(tapedeck: Tapedeck, engine: Engine, store: Store, tmp_path: Path) -> None:
    keep = ("--keep-in", str(tmp_path))
    assert tapedeck("run", "sma_crossover", *keep).exit_code == 0
    engine.events = story(recorded=False)
    engine.plans, store.plans = [(3, away())], [(0, errors.NotFound("there is no such run", reason="RUN_NOT_FOUND"))]
    assert tapedeck("run", "sma_crossover", *keep).exit_code == 1
    assert list(tmp_path.iterdir()) == []
    assert tapedeck("run", "sma_crossover", "--keep-in", str(tmp_path / "none")).exit_code == 2


def test_a_run_that_failed_says_why_and_exits_with_one(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.events = story(error=ERROR)
    result = tapedeck("run", "sma_crossover")
    assert result.exit_code == 1
    assert "FAILED (STRATEGY_FAILED): ValueError: bad bar (session 2005-01-05)" in result.stdout


def test_run_prints_an_event_a_line_as_json(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.events = story(error=ERROR)
    result = tapedeck("run", "sma_crossover", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["event"]["sequence"] for line in lines] == ["1", "2", "3", "4", "5"]
    assert lines[0]["event"]["started"]["run_id"] == RUN_ID
    assert result.exit_code == 1


def test_a_refused_run_lists_what_is_wrong(tapedeck: Tapedeck, engine: Engine) -> None:
    violations = [errors.Violation("spec.symbols", "is empty"), errors.Violation("spec.start_date", "is no session")]
    engine.plans = [(0, errors.InvalidArgument(violations=violations))]
    result = tapedeck("run", "sma_crossover")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == ["  spec.symbols: is empty", "  spec.start_date: is no session"]


def test_a_run_whose_stream_is_cut_is_shown_to_its_end(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.plans = [(3, away())]
    assert tapedeck("run", "sma_crossover").stdout.splitlines()[-1] == f"{RUN_ID} recorded"


@pytest.mark.parametrize(
    ("options", "words"),
    [([], [f"tapedeck watch {RUN_ID}", f"tapedeck cancel {RUN_ID}"]), (["--no-save"], ["not saved, so it is cancelled"])],
)
def test_an_interrupted_run_says_what_becomes_of_it(target: str, engine: Engine, options: list[str], words: list[str]) -> None:
    engine.hold_after = 2
    command = [
        sys.executable,
        "-m",
        "tapedeck_client",
        "run",
        "sma_crossover",
        "--engine-target",
        target,
        "--store-target",
        target,
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while "sessions  to" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in complaint
    for each in words:
        assert each in complaint


def test_an_interrupt_before_the_first_event_says_where_to_look(target: str, engine: Engine) -> None:
    engine.hold_before_start = True
    command = [sys.executable, "-m", "tapedeck_client", "run", "sma_crossover", "--engine-target", target, "--store-target", target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert engine.asked.wait(timeout=60)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "tapedeck history" in complaint


def test_replay_prints_both_ids_and_the_verdict(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("replay", "aaaa0001")
    assert result.exit_code == 0
    *_, original, replayed, outcome = result.stdout.splitlines()
    assert RUN_ID in original
    assert OTHER_ID in replayed
    assert outcome.startswith("IDENTICAL")
    assert not store.requests[-1].HasField("overrides")


def test_a_replay_that_diverged_shows_where_and_why_and_exits_with_one(tapedeck: Tapedeck, store: Store) -> None:
    store.verdict = verdict(
        ReplayVerdict.OUTCOME_DIVERGED,
        first_difference=SessionDifference(session_date="2005-01-04", field="cash", original_value="1.5", replayed_value="1.25"),
        provenance_differences=[ProvenanceDifference(kind="VERSION_CHANGED", field="numpy", original_value="2.1", replayed_value="2.2")],
    )
    result = tapedeck("replay", RUN_ID)
    assert result.exit_code == 1
    for words in ("DIVERGED", "session 2005-01-04, cash", "original  1.5", "replay    1.25", "VERSION_CHANGED"):
        assert words in result.stdout


def test_replay_sends_overrides_and_which_data_to_read(tapedeck: Tapedeck, store: Store) -> None:
    store.verdict = verdict(ReplayVerdict.OUTCOME_OVERRIDDEN, overridden_fields=["end_date", "parameters.fast"])
    result = tapedeck("replay", RUN_ID, "--end", "2012-06-29", "-p", "fast=5", "--data", "latest")
    assert result.exit_code == 0
    assert "overridden: end_date, parameters.fast" in result.stdout
    request = store.requests[-1]
    assert (request.overrides.end_date, dict(request.overrides.parameters), request.data) == (
        "2012-06-29",
        {"fast": 5},
        REPLAY_DATA_LATEST,
    )


def test_a_replay_that_failed_exits_with_one(tapedeck: Tapedeck, store: Store) -> None:
    store.replay_events = story(OTHER_ID, error=ERROR)
    store.verdict = verdict(ReplayVerdict.OUTCOME_INCOMPARABLE)
    result = tapedeck("replay", RUN_ID)
    assert result.exit_code == 1
    assert "INCOMPARABLE" in result.stdout


def test_replay_ends_its_json_with_the_verdict(tapedeck: Tapedeck) -> None:
    lines = [json.loads(line) for line in tapedeck("replay", RUN_ID, "--json").stdout.splitlines()]
    assert [next(iter(line)) for line in lines] == ["event"] * 5 + ["verdict"]


def test_promote_makes_a_full_run_of_a_result_and_shows_it_as_run_does(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("promote", "5555aaaa0001", "4", "--request-id", "key")
    assert result.exit_code == 0
    assert (store.requests[-1].sweep_id, store.requests[-1].number, store.requests[-1].request_id) == (SWEEP_ID, 4, "key")
    assert result.stdout.splitlines()[-1] == f"{OTHER_ID} recorded"


def test_a_promotion_that_failed_exits_with_one(tapedeck: Tapedeck, store: Store) -> None:
    store.replay_events = story(OTHER_ID, error=ERROR)
    assert tapedeck("promote", SWEEP_ID, "4").exit_code == 1


def test_watch_shows_a_run_as_run_does(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("watch", "aaaa0001")
    assert result.exit_code == 0
    assert "6 of 6 sessions" in result.stdout
    assert result.stdout.splitlines()[-1] == f"{RUN_ID} recorded"


def test_watch_from_a_sequence_knows_its_run_without_the_first_event(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("watch", RUN_ID, "--from-sequence", "4")
    assert store.requests[0].from_sequence == 4
    assert result.stdout.splitlines()[-1] == f"{RUN_ID} recorded"


def test_watch_exits_with_zero_also_for_a_failed_run(tapedeck: Tapedeck, store: Store) -> None:
    store.events = story(error=ERROR)
    result = tapedeck("watch", RUN_ID)
    assert result.exit_code == 0
    assert "STRATEGY_FAILED" in result.stdout


def test_watch_from_past_the_end_says_so(tapedeck: Tapedeck) -> None:
    assert f"{RUN_ID} has no events from 6 on" in tapedeck("watch", RUN_ID, "--from-sequence", "6").stdout


def test_cancel_takes_a_tail(tapedeck: Tapedeck, engine: Engine) -> None:
    result = tapedeck("cancel", "aaaa0001")
    assert engine.requests[0].run_id == RUN_ID
    assert f"{RUN_ID} will be cancelled" in result.stdout


def test_cancel_of_a_run_that_ended_says_so(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.plans = [(0, errors.FailedPrecondition("the run has ended: SUCCEEDED", reason="RUN_TERMINAL"))]
    result = tapedeck("cancel", RUN_ID)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the run has ended: SUCCEEDED\nHint: ")
