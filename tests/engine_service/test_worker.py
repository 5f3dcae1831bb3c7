"""What a worker sends, and what an interruption does to it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path

import pytest

from engine_service import worker
from engine_service.job import KERNEL, Job
from engine_service.worker import Interrupted, Interruptions, Outbox, ResultTooLarge
from tapedeck.v1 import run_pb2

LARGE = run_pb2.SessionBatch(cash=[0.5] * (1 << 19))
"""4 MiB: more than a pipe takes before somebody reads."""


@pytest.fixture
def interruptions() -> Iterator[Interruptions]:
    numbers = (signal.SIGINT, signal.SIGALRM, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield Interruptions()
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_an_interruption_while_the_pipe_is_full_garbles_nothing_and_repeats_no_sequence(interruptions: Interruptions) -> None:
    """As when somebody cancels a run that a store outage has paused."""
    ours, theirs = Pipe()
    received: list[run_pb2.RunEvent] = []

    def read() -> None:
        for delay in (0.1, 0.0):  # time enough for the writer to fill the pipe
            time.sleep(delay)
            os.kill(os.getpid(), signal.SIGTERM)
            received.append(run_pb2.RunEvent.FromString(ours.recv_bytes()))

    reader = threading.Thread(target=read)
    with ours, theirs:
        outbox = Outbox(theirs, 2, interruptions)
        interruptions.obey(60)
        reader.start()
        with pytest.raises(Interrupted) as interrupted:
            outbox.send(run_pb2.RunEvent(sessions=LARGE))
        outbox.send(run_pb2.RunEvent(finished=run_pb2.RunFinished()))
        reader.join()
    assert interrupted.value.reason == "RUN_CANCELLED"
    assert [event.sequence for event in received] == [2, 3]
    assert received[0].sessions == LARGE


def test_only_the_first_interruption_counts(interruptions: Interruptions) -> None:
    interruptions.obey(0.01)
    with pytest.raises(Interrupted) as interrupted:
        time.sleep(60)
    assert interrupted.value.reason == "RUN_TIMEOUT"
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_clock_stands_still_while_the_pipe_is_full(interruptions: Interruptions) -> None:
    interruptions.obey(60)
    with interruptions.held_back():
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60


def test_more_than_a_run_may_send_is_refused_but_its_end_is_not(interruptions: Interruptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_RUN_BYTES", 10)
    ours, theirs = Pipe()
    with ours, theirs:
        outbox = Outbox(theirs, 2, interruptions)
        with pytest.raises(ResultTooLarge):
            outbox.send(run_pb2.RunEvent(sessions=run_pb2.SessionBatch(cash=[1.0, 2.0])))
        outbox.send(run_pb2.RunEvent(finished=run_pb2.RunFinished()))
        assert run_pb2.RunEvent.FromString(ours.recv_bytes()).sequence == 2


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (run_pb2.RunSpec(strategy="was_installed_once", dataset="wiki"), "STRATEGY_NOT_INSTALLED"),
        (run_pb2.RunSpec(strategy="buy_and_hold", dataset="wiki", dataset_fingerprint="0" * 64), "DATASET_GONE"),
    ],
)
def test_a_run_whose_strategy_or_dataset_is_gone_fails_and_says_so(
    spec: run_pb2.RunSpec, reason: str, data_dir: Path, interruptions: Interruptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claimed run may come from an engine that had them."""
    monkeypatch.setattr(worker, "_limit_memory", lambda _bytes: None)  # it would hold for the tests that follow
    ours, theirs = Pipe()
    with ours, theirs:
        worker.execute(theirs, Job(spec.SerializeToString(), data_dir, frozenset(), 2, 60, 1 << 30, KERNEL, is_built_in=True))
        event = run_pb2.RunEvent.FromString(ours.recv_bytes())
    assert (event.sequence, event.finished.state, event.finished.error.reason) == (2, run_pb2.RUN_STATE_FAILED, reason)
    assert spec.strategy in event.finished.error.message or spec.dataset in event.finished.error.message
