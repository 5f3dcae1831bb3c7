"""One run in detail."""

from __future__ import annotations

import re

from tapedeck.v1.run_pb2 import Provenance, ReplayVerdict, Run, RunError, RunState, SweepLink
from tapedeck_client.render.run_detail import run_detail, run_error
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, recorded_runs, spec, verdict
from tests.tapedeck_client.sweep_story import SWEEP_ID


def test_a_replay_names_its_original_its_overrides_and_its_verdict() -> None:
    run = recorded_runs()[1]
    run.verdict.CopyFrom(verdict(ReplayVerdict.OUTCOME_IDENTICAL))
    run.result_digest = "abc123"
    shown = printed(run_detail(run))
    for words in (OTHER_ID, RUN_ID, "parameters.fast", "IDENTICAL One sentence.", "abc123"):
        assert words in shown


def test_a_run_that_goes_on_has_no_duration_and_no_metrics() -> None:
    run = Run(run_id=RUN_ID, spec=spec(), state=RunState.RUN_STATE_RUNNING, session_count=2014, sessions_recorded=512)
    shown = printed(run_detail(run))
    assert "512 recorded of 2,014" in shown
    assert "Duration" not in shown
    assert "Sharpe" not in shown


def test_parameters_are_sorted_and_whole_numbers_have_no_point() -> None:
    run = recorded_runs()[0]
    run.spec.parameters.update({"nested": {"levels": [1, 2.5]}})
    shown = printed(run_detail(run))
    assert shown.index('"fast": 10,') < shown.index('"nested"') < shown.index('"slow": 30')
    assert "2.5" in shown


def test_a_run_without_parameters_shows_none() -> None:
    run = Run(run_id=RUN_ID)
    assert "Parameters" not in printed(run_detail(run))


def test_a_cancelled_run_is_not_called_failed() -> None:
    error = RunError(reason="RUN_CANCELLED", message="ended on request")
    assert run_error(RunState.RUN_STATE_CANCELLED, error).plain == "CANCELLED (RUN_CANCELLED): ended on request"


def test_a_deleted_run_shows_its_note_and_until_when_it_can_be_brought_back() -> None:
    run = Run(run_id=RUN_ID, note="[bold] odd fills")
    assert "Deleted" not in printed(run_detail(run))
    run.delete_time.FromJsonString("2026-11-21T12:03:00Z")
    run.purge_time.FromJsonString("2026-12-21T12:03:00Z")
    shown = printed(run_detail(run))
    assert "[bold] odd fills" in shown
    assert "2026-11-21 12:03, removed for good from 2026-12-21 12:03 on" in shown


def test_a_run_says_which_one_of_its_strategys_version_it_is() -> None:
    assert "Iteration" not in printed(run_detail(Run(run_id=RUN_ID)))
    assert "1,234 of strategy version 7f" in printed(run_detail(Run(run_id=RUN_ID, iteration=1_234, strategy_version="7f")))
    assert "of strategy version" not in printed(run_detail(Run(run_id=RUN_ID, iteration=7)))


def test_a_run_made_of_a_sweeps_result_names_both() -> None:
    run = Run(run_id=RUN_ID, sweep=SweepLink(sweep_id=SWEEP_ID, number=1234))
    assert f"result 1,234 of sweep {SWEEP_ID}" in printed(run_detail(run))


def test_the_engine_is_the_one_that_executed_the_run_or_else_the_one_that_was_to() -> None:
    run = Run(run_id=RUN_ID, provenance=Provenance(engine_kind="kernel"))
    assert re.search(r"^Engine +kernel *$", printed(run_detail(run)), re.MULTILINE)
    run.engine_kind = "zipline"
    assert re.search(r"^Engine +zipline *$", printed(run_detail(run)), re.MULTILINE)
    assert "Engine" not in printed(run_detail(Run(run_id=RUN_ID)))


def test_values_that_are_hardly_true_are_named_with_their_values() -> None:
    run = recorded_runs()[0]
    assert "Implausible" not in printed(run_detail(run))
    run.metrics.sharpe_ratio, run.metrics.win_rate = 14.2, 1.5
    run.flags.extend(["sharpe_ratio", "win_rate", "of_a_newer_store"])
    assert "Implausible: Sharpe ratio 14.200, Win rate 150.00%, of_a_newer_store –. Look at the data" in printed(run_detail(run))
