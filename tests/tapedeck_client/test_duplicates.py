"""run with a spec that has succeeded before: asked on a terminal, stopped elsewhere, or as the options say."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tapedeck.v1.engine_service_pb2 import IF_STORE_UNAVAILABLE_CONTINUE, IF_STORE_UNAVAILABLE_UNSPECIFIED
from tapedeck.v1.run_pb2 import (
    DUPLICATE_POLICY_IGNORE,
    DUPLICATE_POLICY_REFUSE,
    DUPLICATE_POLICY_REUSE,
    DUPLICATE_POLICY_RUN,
    EarlierRun,
)
from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, Engine


def refusal() -> errors.AlreadyExists:
    metadata = {"existing_run_id": OTHER_ID, "create_time": "2026-09-21T14:13:20Z"}
    return errors.AlreadyExists(f"run {OTHER_ID} has the same spec", reason="DUPLICATE_RUN", metadata=metadata)


def on_a_terminal(target: str, *options: str, answer: str) -> tuple[int, str]:
    """Exit code of `tapedeck run` with all three streams on a terminal, and what the terminal showed; `answer` is typed in."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "tapedeck_client", "run", "momentum", *options, "--engine-target", target, "--store-target", target]
    environment = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        os.write(controller, answer.encode())
        shown = bytearray()
        try:
            while read := os.read(controller, 4096):
                shown += read
        except OSError:  # how Linux says that nobody has the terminal open any more
            pass
    os.close(controller)
    return process.returncode, shown.decode()


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ([], DUPLICATE_POLICY_REFUSE),
        (["--force"], DUPLICATE_POLICY_RUN),
        (["--reuse"], DUPLICATE_POLICY_REUSE),
        (["--skip-duplicate-check"], DUPLICATE_POLICY_IGNORE),
    ],
)
def test_the_options_choose_the_policy(tapedeck: Tapedeck, engine: Engine, options: list[str], policy: int) -> None:
    assert tapedeck("run", "momentum", *options).exit_code == 0
    assert [request.duplicate_policy for request in engine.requests] == [policy]


@pytest.mark.parametrize("options", [["--force", "--reuse"], ["--reuse", "--skip-duplicate-check"], ["--force", "--skip-duplicate-check"]])
def test_the_options_exclude_each_other(tapedeck: Tapedeck, engine: Engine, options: list[str]) -> None:
    result = tapedeck("run", "momentum", *options)
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr
    assert engine.requests == []


def test_an_unsaved_run_does_not_wait_for_ever_for_a_store_that_is_away(tapedeck: Tapedeck, engine: Engine) -> None:
    tapedeck("run", "momentum", "--no-save")
    tapedeck("run", "momentum")
    policies = [request.if_store_unavailable for request in engine.requests]
    assert policies == [IF_STORE_UNAVAILABLE_CONTINUE, IF_STORE_UNAVAILABLE_UNSPECIFIED]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_where_nobody_can_be_asked_it_stops_with_three_and_says_how_to_go_on(
    tapedeck: Tapedeck, engine: Engine, options: list[str]
) -> None:
    engine.plans = [(0, refusal())]
    result = tapedeck("run", "momentum", *options, stdin="y\n")
    assert (result.exit_code, result.stdout, len(engine.requests)) == (3, "", 1)
    error, hint = result.stderr.splitlines()
    assert error == f"Error: run {OTHER_ID} has the same spec"
    assert "--reuse" in hint
    assert "--force" in hint


def test_another_run_that_exists_already_is_no_duplicate(tapedeck: Tapedeck, engine: Engine) -> None:
    engine.plans = [(0, errors.AlreadyExists("it is there", reason="SOMETHING_ELSE"))]
    result = tapedeck("run", "momentum")
    assert (result.exit_code, result.stderr) == (1, "Error: it is there\n")


@pytest.mark.parametrize(("answer", "exit_code", "policies"), [("y\n", 0, [3, 1]), ("\n", 3, [3])])
def test_on_a_terminal_it_shows_the_run_and_asks(target: str, engine: Engine, answer: str, exit_code: int, policies: list[int]) -> None:
    engine.plans = [(0, refusal())]
    ended, shown = on_a_terminal(target, answer=answer)
    assert ended == exit_code
    assert "the same spec ran before: bbbb0002 on 2026-09-21 14:13 UTC" in shown
    assert "Run it again? [y/N]" in shown
    assert (f"{RUN_ID} recorded" in shown) == (exit_code == 0)
    assert [request.duplicate_policy for request in engine.requests] == policies
    assert len({request.request_id for request in engine.requests}) == 1


def test_a_reused_run_says_when_it_was_recorded_and_is_shown(tapedeck: Tapedeck, engine: Engine) -> None:
    times = [Timestamp(seconds=1_790_000_000), Timestamp(seconds=1_780_000_000)]
    engine.earlier_runs = [EarlierRun(run_id=run_id, create_time=time) for run_id, time in zip((RUN_ID, OTHER_ID), times, strict=True)]
    result = tapedeck("run", "momentum", "--reuse")
    assert result.exit_code == 0
    assert "recorded on 2026-09-21 14:13 UTC; nothing is executed" in result.stdout
    assert "ran before" not in result.stdout
    assert result.stdout.splitlines()[-1] == f"{RUN_ID} recorded"
