"""A sweep on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from tapedeck.v1.engine_service_pb2 import RunSweepResponse, SweepBatch, SweepPromotion, SweepVerification
from tapedeck.v1.run_pb2 import RunError
from tapedeck.v1.sweep_pb2 import SweepFinished, SweepState
from tapedeck_client.live_sweep import LiveSweep
from tapedeck_client.terminal import Terminal
from tests.tapedeck_client.sweep_story import SWEEP_ID, identical, succeeded, sweep_spec, sweep_story


def shown(messages: list[RunSweepResponse], terminal: Terminal | None = None) -> LiveSweep:
    with LiveSweep(terminal or Terminal()) as live:
        for message in messages:
            live.show(message)
    return live


def test_a_live_sweep_remembers_which_it_is_and_how_it_ended() -> None:
    live = shown(sweep_story(verification=identical()))
    assert (live.started.sweep_id, live.finished, live.rank_by) == (SWEEP_ID, succeeded(), "sharpe_ratio")
    assert live.went_well


@pytest.mark.parametrize(
    "messages",
    [
        sweep_story()[:4],
        sweep_story(finished=SweepFinished(state=SweepState.SWEEP_STATE_FAILED)),
        sweep_story(verification=SweepVerification(outcome=SweepVerification.OUTCOME_DIVERGED)),
        sweep_story(promotions=[SweepPromotion(number=4, error=RunError(message="the queue is full")), SweepPromotion(number=1)]),
    ],
    ids=["not ended", "failed", "diverged", "not promoted"],
)
def test_what_did_not_go_well_is_remembered(messages: list[RunSweepResponse]) -> None:
    assert not shown(messages).went_well


def test_a_sweep_that_does_not_say_what_it_is_ranked_by_is_ranked_by_the_default() -> None:
    assert shown(sweep_story(sweep_spec(rank_by=""))).rank_by == "sharpe_ratio"


def test_a_terminal_shows_a_bar_with_runs_done_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Tty()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    shown(sweep_story()[:2])
    assert SWEEP_ID in stream.getvalue()
    assert "2/4 runs" in stream.getvalue()


def test_a_pipe_gets_about_ten_lines_however_many_batches_come(capsys: pytest.CaptureFixture[str]) -> None:
    started = sweep_story()[0]
    started.started.result_count = 1000
    shown([started, *(RunSweepResponse(batch=SweepBatch(completed_count=i + 1)) for i in range(1000))])
    progress = [line for line in capsys.readouterr().out.splitlines() if "of 1,000 runs" in line and "sessions" not in line]
    assert len(progress) == 10


def test_json_is_a_line_for_each_message_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    messages = sweep_story(verification=identical())
    shown(messages, Terminal(as_json=True))
    assert len(capsys.readouterr().out.splitlines()) == len(messages)


def test_a_message_of_a_newer_contract_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    shown([RunSweepResponse()])
    assert capsys.readouterr().out.strip() == ""
