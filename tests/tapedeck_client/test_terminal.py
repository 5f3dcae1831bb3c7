"""Where output goes and how wide it is."""

from __future__ import annotations

import io
import json
import sys

import pytest

from tapedeck_client.terminal import COLUMNS_WITHOUT_TERMINAL, Terminal
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import RUN_ID


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal_for(monkeypatch: pytest.MonkeyPatch) -> Tty:
    """Makes standard output a terminal; called in the test, because capturing replaces standard output between fixture and test."""
    stream = Tty()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    tty = terminal_for(monkeypatch)
    Terminal().out.print("gone", style="bold red")
    assert "\x1b[" in tty.getvalue()


def test_no_color_means_no_escape_code_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    tty = terminal_for(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    Terminal().out.print("gone", style="bold red")
    assert tty.getvalue() == "gone\n"


def test_a_pipe_gets_plain_text_of_a_fixed_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert Terminal().out.width == COLUMNS_WITHOUT_TERMINAL
    monkeypatch.setenv("COLUMNS", "61")
    assert Terminal().out.width == 61


def test_json_is_the_message_with_the_contracts_names(tapedeck: Tapedeck) -> None:
    shown = json.loads(tapedeck("show", RUN_ID, "--json").stdout)
    assert shown["run_id"] == RUN_ID
    assert shown["metrics"]["sharpe_ratio"] == 1.25
