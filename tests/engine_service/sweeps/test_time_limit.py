"""Work that takes too long is ended: by an exception in it, or with its process."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable

import pytest

from engine_service.sweeps import time_limit as limits
from engine_service.sweeps.time_limit import TimeIsUp, time_limit


def test_each_piece_of_work_has_the_whole_limit() -> None:
    done = []
    with time_limit(0.2) as begin:
        for piece in range(3):
            begin()
            try:
                time.sleep(10 if piece == 1 else 0)
            except TimeIsUp:
                continue
            done.append(piece)
    assert done == [0, 2]
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_there_is_no_limit_outside_the_main_thread() -> None:
    ended: list[bool] = []

    def work() -> None:
        with time_limit(1e-6) as begin:
            begin()
            time.sleep(0.01)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def swallow() -> None:
    limits.KILL_GRACE_SECONDS = 0.1
    with time_limit(0.05):
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(0.01)


def compute() -> None:
    limits.KILL_GRACE_SECONDS = 0.1
    with time_limit(0.05):
        sum(range(10**18))


@pytest.mark.parametrize(("work", "ended_by"), [(swallow, signal.SIGALRM), (compute, signal.SIGPROF)])
def test_work_that_does_not_obey_ends_with_its_process(work: Callable[[], None], ended_by: signal.Signals) -> None:
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == -ended_by
