"""LiveRun: what everybody who follows a run sees."""

from __future__ import annotations

import asyncio

import pytest

from engine_service.live_run import LiveRun
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors


def event(sequence: int) -> run_pb2.RunEvent:
    return run_pb2.RunEvent(sequence=sequence, sessions=run_pb2.SessionBatch(session_dates=[20100104 + sequence]))


def live_run() -> LiveRun:
    return LiveRun(run_pb2.RunStarted(run_id="1"))


async def test_a_late_follower_sees_everything_from_the_first_event_on() -> None:
    run = live_run()
    early = asyncio.create_task(_all(run))
    run.emit(event(1))
    await asyncio.sleep(0)
    run.emit(event(2))
    late = asyncio.create_task(_all(run))
    run.emit(event(3))
    run.end()
    assert await early == await late == [1, 2, 3]


async def test_an_error_arrives_after_the_events_before_it() -> None:
    run = live_run()
    run.emit(event(1))
    run.end(errors.Aborted("another engine has claimed the run", reason="WRITER_FENCED"))
    follower = run.follow()
    assert (await anext(follower)).sequence == 1
    with pytest.raises(errors.Aborted, match="claimed"):
        await anext(follower)


def test_a_cancel_calls_each_hook_once_also_one_that_comes_later_but_none_that_is_over() -> None:
    run, calls = live_run(), list[str]()
    with run.when_cancelled(lambda: calls.append("over")):
        pass
    with run.when_cancelled(lambda: calls.append("early")):
        run.cancel()
        run.cancel()
        with run.when_cancelled(lambda: calls.append("late")):
            pass
    assert calls == ["early", "late"]


async def _all(run: LiveRun) -> list[int]:
    return [item.sequence async for item in run.follow()]
