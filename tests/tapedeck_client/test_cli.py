"""What all commands have in common: options, errors, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tapedeck_client.cli import cli
from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import RUN_ID, Store

NOBODY = "127.0.0.1:1"


def test_the_version_is_that_of_the_distribution(tapedeck: Tapedeck) -> None:
    assert tapedeck("--version").stdout.startswith("tapedeck 0.")


def test_shared_options_stand_before_or_after_the_command(target: str) -> None:
    before = CliRunner().invoke(cli, ["--store-target", target, "--json", "history"])
    after = CliRunner().invoke(cli, ["history", "--json", "--store-target", target])
    assert before.exit_code == after.exit_code == 0
    assert json.loads(before.stdout) == json.loads(after.stdout)


def test_an_option_after_the_command_wins(target: str) -> None:
    assert CliRunner().invoke(cli, ["--store-target", NOBODY, "history", "--store-target", target]).exit_code == 0


@pytest.mark.parametrize(("command", "service"), [("history", "store"), ("strategies", "engine")])
def test_a_service_that_is_away_is_one_clear_line_and_how_to_start_it(command: str, service: str) -> None:
    result = CliRunner().invoke(cli, [command, "--engine-target", NOBODY, "--store-target", NOBODY])
    assert result.exit_code == 1
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()
    assert error == f"Error: the {service} at {NOBODY} can't be reached"
    assert "make up" in hint


def test_violations_are_listed_and_the_exit_code_is_one(tapedeck: Tapedeck, store: Store) -> None:
    violations = [errors.Violation("filter", "can't be read"), errors.Violation("order_by", "names no field")]
    store.plans = [(0, errors.InvalidArgument(violations=violations))]
    result = tapedeck("history")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: 2 things are wrong with the request:",
        "  filter: can't be read",
        "  order_by: names no field",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["history", "--sort", "luck"],
        ["run"],
        ["run", "momentum", "-p", "fast"],
        ["run", "momentum", "--seed", "99999999999"],
        ["run", "momentum", "--engine", "vectorbt"],
        ["sweep", "--grid", "fast=5"],
        ["sweep", "sma_crossover"],
        ["sweep", "sma_crossover", "--grid", "fast=9:5"],
        ["sweep", "sma_crossover", "--grid", "fast=5", "--edge-weight", "win_rate"],
        ["promote", RUN_ID, "0"],
        ["compare", RUN_ID],
        ["compare", *[RUN_ID] * 11],
        ["fly"],
    ],
)
def test_wrong_usage_exits_with_two(tapedeck: Tapedeck, arguments: list[str]) -> None:
    result = tapedeck(*arguments)
    assert result.exit_code == 2
    assert "Error:" in result.stderr


def test_whatever_goes_wrong_there_is_no_traceback(tapedeck: Tapedeck) -> None:
    """A text that is no Unicode, as a shell passes on broken bytes."""
    result = tapedeck("history", "--filter", "\udc80")
    assert result.exit_code == 1
    assert "something unexpected went wrong" in result.stderr
    assert "Traceback" not in result.output


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(target: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tapedeck_client", "history", "--store-target", target, "--json"]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_an_interrupt_ends_the_command_with_the_shells_exit_code(target: str, store: Store) -> None:
    store.open.clear()
    command = [sys.executable, "-m", "tapedeck_client", "history", "--store-target", target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert store.asked.wait(timeout=60)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.strip() == "Interrupted: the command was stopped"
