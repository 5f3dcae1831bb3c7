"""A stream of events on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from tapedeck.v1.run_pb2 import RunEvent, RunFinished, RunStarted, RunState, SessionBatch
from tapedeck.v1.store_service_pb2 import WatchRunResponse
from tapedeck_client.live import LiveRun
from tapedeck_client.terminal import Terminal
from tests.tapedeck_client.services import RUN_ID, story


def show(live: LiveRun, event: RunEvent) -> None:
    live.show(WatchRunResponse(event=event), event)


def test_a_live_run_remembers_which_run_it_is_and_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveRun(Terminal(), "waiting") as live:
        for event in story():
            show(live, event)
    assert (live.run_id, live.succeeded) == (RUN_ID, True)
    assert live.finished == story()[-1].finished


def test_a_live_run_has_not_succeeded_before_its_end() -> None:
    assert not LiveRun(Terminal(), "waiting").succeeded


def test_a_terminal_shows_a_bar_with_sessions_done_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Tty()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    with LiveRun(Terminal(), "waiting for a worker") as live:
        for event in story()[:3]:
            show(live, event)
    shown = stream.getvalue()
    assert RUN_ID in shown
    assert "4/6 sessions  2005-01-06  101,001.00" in shown


def test_a_pipe_gets_about_ten_lines_however_many_batches_come(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveRun(Terminal(), "waiting") as live:
        show(live, RunEvent(sequence=1, started=RunStarted(run_id=RUN_ID, session_count=1000)))
        for i in range(1000):
            batch = SessionBatch(session_dates=[20050103], portfolio_values=[1.0], cash=[1.0])
            show(live, RunEvent(sequence=2 + i, sessions=batch))
    progress = [line for line in capsys.readouterr().out.splitlines() if "of 1,000 sessions" in line]
    assert len(progress) == 10


def test_a_batch_without_sessions_is_nothing_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveRun(Terminal(), "waiting") as live:
        show(live, RunEvent(sequence=2, sessions=SessionBatch()))
    assert capsys.readouterr().out.strip() == ""


def test_json_leaves_notes_out(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveRun(Terminal(as_json=True), "waiting") as live:
        show(live, RunEvent(sequence=1, finished=RunFinished(state=RunState.RUN_STATE_CANCELLED)))
        live.note(["nothing"])
        live.tell_recorded()
    assert len(capsys.readouterr().out.splitlines()) == 1
