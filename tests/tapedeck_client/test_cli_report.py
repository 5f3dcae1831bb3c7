"""report: what is asked, what is written, and what is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tapedeck.v1.run_pb2 import RunState
from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import FAILED_ID, RUN_ID, Engine, Store


@pytest.fixture(autouse=True)
def whole_runs(store: Store) -> None:
    """All events are recorded."""
    for run in store.runs:
        run.next_sequence = 6


def test_a_tear_sheet_is_written_and_named(tapedeck: Tapedeck, tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    path.write_text("an older page")
    result = tapedeck("report", "aaaa0001", "--out", str(path))
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == f"{path} is the tear sheet of run aaaa0001".split()
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "2005-01-03 to 2005-01-08" in page
    assert [each.name for each in tmp_path.iterdir()] == ["run.html"]


def test_a_failed_run_has_a_tear_sheet_with_its_error(tapedeck: Tapedeck, tmp_path: Path) -> None:
    assert tapedeck("report", FAILED_ID, "--out", str(tmp_path / "x.html")).exit_code == 0
    assert "ValueError: bad bar" in (tmp_path / "x.html").read_text()


@pytest.mark.parametrize("state", [RunState.RUN_STATE_QUEUED, RunState.RUN_STATE_RUNNING, RunState.RUN_STATE_STALE])
def test_a_run_that_has_not_ended_is_refused_with_what_to_do(tapedeck: Tapedeck, store: Store, tmp_path: Path, state: RunState) -> None:
    store.runs[0].state = state
    result = tapedeck("report", RUN_ID, "--out", str(tmp_path / "x.html"))
    error, hint = result.stderr.splitlines()
    assert result.exit_code == 1
    assert error.endswith("its tear sheet is written when it has ended")
    assert "tapedeck watch" in hint
    assert list(tmp_path.iterdir()) == []


def test_a_benchmark_that_can_not_be_had_is_a_warning_and_the_page_is_written(
    tapedeck: Tapedeck, store: Store, engine: Engine, tmp_path: Path
) -> None:
    store.runs[0].spec.benchmark_symbol = "IBM"
    engine.plans = [(0, errors.FailedPrecondition("that version of the data is gone", reason="DATASET_GONE"))]
    result = tapedeck("report", RUN_ID, "--out", str(tmp_path / "x.html"))
    assert result.exit_code == 0
    assert result.stderr == "Warning: the benchmark IBM is not drawn: that version of the data is gone\n"
    assert "The benchmark, IBM, is not drawn" in (tmp_path / "x.html").read_text()


def test_json_is_the_run(tapedeck: Tapedeck, tmp_path: Path) -> None:
    shown = json.loads(tapedeck("report", RUN_ID, "--out", str(tmp_path / "x.html"), "--json").stdout)
    assert shown["run_id"] == RUN_ID


def test_what_hinders_the_page_is_said_before_anything_is_asked(
    tapedeck: Tapedeck, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no folder" in tapedeck("report", RUN_ID, "--out", str(tmp_path / "nowhere" / "x.html")).stderr
    assert "--out" in tapedeck("report", RUN_ID).stderr
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install 'tapedeck[plot]'" in tapedeck("report", RUN_ID, "--out", str(tmp_path / "x.html")).stderr
    assert store.requests == []
