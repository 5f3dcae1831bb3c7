"""export, import: what is sent, what is written, what is shown."""

from __future__ import annotations

import json
from pathlib import Path

from tapedeck.v1.transfer_service_pb2 import EXPORT_FORMAT_CSV, EXPORT_FORMAT_JSON, EXPORT_FORMAT_PARQUET
from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, UNKNOWN_ID, Store, away


def test_export_writes_the_file(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    result = tapedeck("export", "--filter", "pnl > 0", "--out", str(path))
    assert (result.exit_code, result.stdout) == (0, f"{path}: 8 bytes\n")
    assert path.read_bytes() == b"one\ntwo\n"
    tapedeck("export", "--format", "csv", "--out", str(path), "--json")
    tapedeck("export", "--format", "parquet", "--out", str(path))
    asked = [("pnl > 0", EXPORT_FORMAT_JSON), ("", EXPORT_FORMAT_CSV), ("", EXPORT_FORMAT_PARQUET)]
    assert [(request.filter, request.format) for request in store.requests] == asked


def test_an_export_that_is_cut_leaves_the_file_that_was_there(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text("old")
    store.plans = [(1, away())]
    assert tapedeck("export", "--out", str(path)).exit_code == 1
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("runs.jsonl", "old")]


def test_import_says_how_many_runs_are_new(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b"lines\n" * 100_000)
    assert tapedeck("import", str(path)).stdout == "1 run imported, 1 were here already\n"
    assert store.imported == path.read_bytes()


def test_import_prints_the_ids_as_json(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text("lines")
    lines = [json.loads(line) for line in tapedeck("import", str(path), "--json").stdout.splitlines()]
    mapping = {run["original_run_id"]: run["run_id"] for line in lines for run in line["runs"]}
    assert (mapping, lines[-1]["committed"]) == ({RUN_ID: UNKNOWN_ID, OTHER_ID: UNKNOWN_ID}, True)


def test_a_line_that_is_refused_is_named(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text("lines")
    store.plans = [(0, errors.InvalidArgument(violations=[errors.Violation("line 3", "is no whole run")]))]
    result = tapedeck("import", str(path))
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "Error: line 3: is no whole run")
