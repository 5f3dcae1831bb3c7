"""Processes die in the middle of runs; nothing is lost, nothing is twice, and the pair carries on by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import Pair
from tapedeck.v1 import engine_service_pb2, run_pb2
from tapedeck_client import TapedeckClient
from tapedeck_rpc import errors
from tests.fix_pair import client_of, second_engine

PATIENCE_SECONDS = 60.0
"""Longest wait for something that must happen; nothing is asserted about how fast it does."""


def slow_spec(seconds_per_session: float = 0.01) -> run_pb2.RunSpec:
    made = run_pb2.RunSpec(strategy="slow", dataset="wiki", symbols=["GOOG"], start_date="2005-01-03", end_date="2007-12-31")
    made.parameters.update({"seconds_per_session": seconds_per_session})
    return made


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def children_of(pid: int) -> list[int]:
    """Processes below a process, leaves last."""
    direct: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended while it was looked at
            direct += map(int, path.read_text().split())
    return [pid_ for child in direct for pid_ in (child, *children_of(child))]


def forked(pair: Pair) -> tuple[int, set[int]]:
    """The engine's fork server, and what it has forked: a worker for each run, one that is ready, and those that wait for sweeps."""
    fork_server, *workers = [pid for pid in children_of(pair.engine.pid) if "forkserver" in command_of(pid)]
    return fork_server, set(workers)


def command_of(pid: int) -> str:
    """How a process was started; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def ready_worker(pair: Pair, client: TapedeckClient) -> int:
    """The worker that the next run will get: the one that appears when a run takes the one before."""
    _, before = forked(pair)
    assert list(client.run(slow_spec(0), save=False))[-1].event.finished.state == run_pb2.RUN_STATE_SUCCEEDED
    eventually(lambda: len(forked(pair)[1] - before) == 1)
    (worker,) = forked(pair)[1] - before
    return worker


def check_intact(events: list[run_pb2.RunEvent], client: TapedeckClient) -> None:
    """What the caller saw is what is stored: dense, once, in order, and equal to the same run undisturbed."""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED
    run_id = events[0].started.run_id
    assert [answer.event for answer in client.watch(run_id)] == events
    dates = [date for event in events for date in event.sessions.session_dates]
    assert dates == sorted(set(dates))
    assert len(dates) == events[0].started.session_count
    assert client.count() == 1


def run_in_background(client: TapedeckClient, spec: run_pb2.RunSpec) -> tuple[list[run_pb2.RunEvent], threading.Thread]:
    events: list[run_pb2.RunEvent] = []

    def collect() -> None:
        with contextlib.suppress(errors.CallError):
            for answer in client.run(spec):
                events.append(answer.event)  # noqa: PERF401 - it is looked at while it grows

    thread = threading.Thread(target=collect)
    thread.start()
    return events, thread


@pytest.fixture
def client(own_pair: Pair) -> Iterator[TapedeckClient]:
    with client_of(own_pair) as opened:
        yield opened


def test_killing_the_store_in_the_middle_of_a_run_loses_nothing_and_duplicates_nothing(own_pair: Pair, client: TapedeckClient) -> None:
    events, thread = run_in_background(client, slow_spec())
    for wanted in (2, 4):
        eventually(lambda wanted=wanted: len(events) >= wanted)  # type: ignore[misc]
        own_pair.store.kill()
        own_pair.store.start()
    thread.join(PATIENCE_SECONDS)
    check_intact(events, client)


@pytest.mark.faults
def test_a_store_that_is_away_pauses_the_run_which_completes_when_it_returns(own_pair: Pair, client: TapedeckClient) -> None:
    events, thread = run_in_background(client, slow_spec(0.003))
    eventually(lambda: len(events) >= 2)
    own_pair.store.stop()
    eventually(lambda: sum(len(event.sessions.session_dates) for event in events) == events[0].started.session_count)
    assert not events[-1].HasField("finished")
    own_pair.store.start()
    thread.join(PATIENCE_SECONDS)
    check_intact(events, client)


@pytest.mark.faults
def test_a_caller_who_asked_for_it_gets_the_whole_result_without_the_store(own_pair: Pair, client: TapedeckClient) -> None:
    own_pair.store.stop()
    answers = client.run(slow_spec(0), if_store_unavailable=engine_service_pb2.IF_STORE_UNAVAILABLE_CONTINUE)
    finished = list(answers)[-1].event.finished
    assert finished.state == run_pb2.RUN_STATE_SUCCEEDED
    assert finished.metrics.HasField("total_return")
    assert not finished.recorded
    assert "store" in finished.not_recorded_reason


@pytest.mark.faults
def test_a_caller_who_asked_for_it_fails_without_the_store(own_pair: Pair, client: TapedeckClient) -> None:
    own_pair.store.stop()
    with pytest.raises(errors.Unavailable) as raised:
        list(client.run(slow_spec(0), if_store_unavailable=engine_service_pb2.IF_STORE_UNAVAILABLE_FAIL))
    assert raised.value.reason == "STORE_UNAVAILABLE"


@pytest.mark.faults
def test_a_killed_worker_ends_its_run_and_not_the_engine(own_pair: Pair, client: TapedeckClient) -> None:
    worker = ready_worker(own_pair, client)
    events, thread = run_in_background(client, slow_spec())
    eventually(lambda: len(events) >= 2)
    os.kill(worker, signal.SIGKILL)
    thread.join(PATIENCE_SECONDS)
    finished = events[-1].finished
    assert (finished.state, finished.error.reason) == (run_pb2.RUN_STATE_FAILED, "WORKER_LOST")
    assert "SIGKILL" in finished.error.message
    assert client.get(events[0].started.run_id).state == run_pb2.RUN_STATE_FAILED
    assert [answer.event for answer in client.run(slow_spec(0))][-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED


@pytest.mark.faults
def test_a_killed_fork_server_is_replaced(own_pair: Pair, client: TapedeckClient) -> None:
    fork_server, _ = forked(own_pair)
    os.kill(fork_server, signal.SIGKILL)
    assert [answer.event for answer in client.run(slow_spec(0))][-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED


@pytest.mark.faults
def test_runs_of_a_vanished_engine_are_claimed_and_finished_by_another(own_pair: Pair, client: TapedeckClient) -> None:
    events, thread = run_in_background(client, slow_spec())
    eventually(lambda: len(events) >= 3)
    run_id = events[0].started.run_id
    orphans = children_of(own_pair.engine.pid)
    own_pair.engine.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    other = second_engine(own_pair)
    try:
        other.engine.start()
        eventually(lambda: client.get(run_id).state == run_pb2.RUN_STATE_SUCCEEDED)
    finally:
        other.engine.stop()
    thread.join(PATIENCE_SECONDS)
    recorded = [answer.event for answer in client.watch(run_id)]
    assert recorded[: len(events)] == events
    check_intact(recorded, client)


@pytest.mark.faults
def test_a_run_is_cancelled_through_another_replica_of_the_engine(own_pair: Pair, client: TapedeckClient) -> None:
    events, thread = run_in_background(client, slow_spec(1.0))  # it must still run when the other engine is up
    eventually(lambda: bool(events))
    other = second_engine(own_pair)
    try:
        other.engine.start()
        with client_of(other) as client_of_other:
            client_of_other.cancel(events[0].started.run_id)
        thread.join(PATIENCE_SECONDS)
    finally:
        other.engine.stop()
    assert events[-1].finished.state == run_pb2.RUN_STATE_CANCELLED


@pytest.mark.faults
def test_a_saved_run_goes_on_when_its_caller_leaves(own_pair: Pair, client: TapedeckClient) -> None:
    answers = client.run(slow_spec(0.003))
    run_id = next(answers).event.started.run_id
    answers.close()
    eventually(lambda: client.get(run_id).state == run_pb2.RUN_STATE_SUCCEEDED)


@pytest.mark.faults
def test_an_unsaved_run_is_cancelled_when_its_caller_leaves(own_pair: Pair, client: TapedeckClient) -> None:
    worker = ready_worker(own_pair, client)
    _, idle = forked(own_pair)
    answers = client.run(slow_spec(0.05), save=False)
    next(answers)
    eventually(lambda: bool(forked(own_pair)[1] - idle))  # the worker after this one is ready
    answers.close()
    eventually(lambda: worker not in forked(own_pair)[1])
