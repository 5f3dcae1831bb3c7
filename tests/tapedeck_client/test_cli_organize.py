"""label, note, delete, undelete: what is sent, what is asked, what is shown."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, Store

BACK = "`tapedeck undelete RUN` brings one back until 2026-09-21 14:13 UTC"


def test_label_sets_and_removes_labels(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("label", "aaaa0001", "desk=fx", "formula=a=b", "--remove", "team", "--etag", "tag")
    assert result.stdout.strip() == "aaaa0001 has the labels desk=fx, formula=a=b"
    request = store.requests[-1]
    assert (request.run_id, dict(request.set_labels), list(request.remove_labels)) == (RUN_ID, {"desk": "fx", "formula": "a=b"}, ["team"])
    assert (request.etag, request.HasField("note")) == ("tag", False)
    assert tapedeck("label", RUN_ID, "--remove", "desk", "--remove", "formula").stdout.strip() == "aaaa0001 has no label"


@pytest.mark.parametrize(
    ("arguments", "words"), [(("label", RUN_ID), "give labels to set"), (("label", RUN_ID, "team"), "is not written KEY=VALUE")]
)
def test_label_says_how_labels_are_written(tapedeck: Tapedeck, store: Store, arguments: tuple[str, ...], words: str) -> None:
    result = tapedeck(*arguments)
    assert (result.exit_code, words in result.stderr, store.requests) == (2, True, [])


def test_note_writes_and_removes_the_note(tapedeck: Tapedeck, store: Store) -> None:
    assert tapedeck("note", RUN_ID, "best of\x1b March").stdout.strip() == "aaaa0001: best of� March"
    assert tapedeck("note", RUN_ID, "").stdout.strip() == "aaaa0001 has no note"
    assert [request.note for request in store.requests] == ["best of\x1b March", ""]
    assert json.loads(tapedeck("note", RUN_ID, "x", "--json").stdout)["note"] == "x"


def test_a_run_that_somebody_else_changed_is_left_alone_with_a_hint(tapedeck: Tapedeck, store: Store) -> None:
    store.plans = [(0, errors.Aborted("the run was changed", reason="ETAG_MISMATCH"))]
    result = tapedeck("note", RUN_ID, "x", "--etag", "old")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (1, "Error: the run was changed")
    assert "tapedeck show RUN --json" in result.stderr


def test_delete_names_runs_and_how_to_bring_them_back(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("delete", "aaaa0001", OTHER_ID)
    assert result.stdout.splitlines() == ["12 runs deleted: aaaa0001, bbbb0002 and 10 more", BACK]
    request = store.requests[-1]
    assert (list(request.run_ids), request.filter, request.validate_only) == ([RUN_ID, OTHER_ID], "", False)


def test_a_dry_run_says_what_would_be_deleted(tapedeck: Tapedeck, store: Store) -> None:
    store.deleted.run_count, store.deleted.run_ids[:] = 1, [RUN_ID]
    assert tapedeck("delete", RUN_ID, "--dry-run").stdout.splitlines() == ["1 run would be deleted: aaaa0001", BACK]
    assert json.loads(tapedeck("delete", "--filter", "pnl < 0", "--dry-run", "--json").stdout)["run_count"] == 1
    assert [(request.filter, request.validate_only) for request in store.requests] == [("", True), ("pnl < 0", True)]


def test_what_a_filter_matches_is_deleted_only_when_somebody_says_yes(tapedeck: Tapedeck, store: Store) -> None:
    refused = tapedeck("delete", "--filter", "pnl < 0")
    assert (refused.exit_code, "matches 12 runs: give --yes" in " ".join(refused.stderr.split())) == (2, True)
    assert [request.validate_only for request in store.requests] == [True]
    assert "12 runs deleted" in tapedeck("delete", "--filter", "pnl < 0", "--yes").stdout
    assert not store.requests[-1].validate_only


@pytest.mark.parametrize(("answer", "exit_code", "asked"), [(b"y\n", 0, [True, False]), (b"n\n", 1, [True])])
def test_on_a_terminal_delete_shows_what_the_filter_matches_and_asks(
    store: Store, target: str, answer: bytes, exit_code: int, asked: list[bool]
) -> None:
    parent, child = pty.openpty()
    try:
        os.write(parent, answer)
        command = [sys.executable, "-m", "tapedeck_client", "--store-target", target, "delete", "--filter", "pnl < 0"]
        done = subprocess.run(command, stdin=child, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(parent)
        os.close(child)
    assert (done.returncode, [request.validate_only for request in store.requests]) == (exit_code, asked)
    assert "12 runs would be deleted: aaaa0001" in done.stderr
    assert ("12 runs deleted" in done.stdout) == (exit_code == 0)


def test_nothing_to_delete_is_said_without_a_question(tapedeck: Tapedeck, store: Store) -> None:
    store.deleted.Clear()
    assert tapedeck("delete", "--filter", "pnl < 0").stdout.strip() == "no run to delete"


@pytest.mark.parametrize("arguments", [(), (RUN_ID, "--filter", "pnl < 0"), ("--filter", " ")])
def test_delete_takes_runs_or_a_filter(tapedeck: Tapedeck, store: Store, arguments: tuple[str, ...]) -> None:
    result = tapedeck("delete", *arguments)
    assert (result.exit_code, "give runs, or --filter" in result.stderr, store.requests) == (2, True, [])


def test_undelete_brings_runs_back(tapedeck: Tapedeck, store: Store) -> None:
    assert tapedeck("undelete", RUN_ID, "bbbb0002").stdout.strip() == "2 runs brought back: aaaa0001, bbbb0002"
    assert [run["run_id"] for run in json.loads(tapedeck("undelete", RUN_ID, "--json").stdout)["runs"]] == [RUN_ID]
    assert store.requests[-1].run_id == RUN_ID
