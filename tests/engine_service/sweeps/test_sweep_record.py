"""A sweep begins to be sent when its end is near, and is sent again when that goes wrong."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from engine_service.sweeps.live_sweep import LiveSweep
from engine_service.sweeps.recording import Ending, SweepRecorder
from engine_service.sweeps.shard import ShardResults
from engine_service.sweeps.sweep_record import AHEAD_SECONDS, SweepRecord
from engine_service.sweeps.sweep_spec import SweepPlan
from tapedeck.v1 import sweep_pb2
from tapedeck_rpc import errors
from tests.engine_service.sweeps.test_live_sweep import Top, shard_of

SUCCEEDED, CANCELLED = sweep_pb2.SWEEP_STATE_SUCCEEDED, sweep_pb2.SWEEP_STATE_CANCELLED


class Recorder:
    """Keeps what it is sent; its first try may be lost."""

    def __init__(self, *, first_is_lost: bool = False) -> None:
        self.first_is_lost = first_is_lost
        self.tries: list[tuple[str, list[int]]] = []

    async def try_once(self, started: sweep_pb2.SweepStarted, ending: Ending) -> str:
        return await self._take("early", ending)

    async def record(self, started: sweep_pb2.SweepStarted, ending: Ending) -> str:
        return await self._take("whole", ending)

    async def _take(self, kind: str, ending: Ending) -> str:
        numbers: list[int] = []
        self.tries.append((kind, numbers))
        async for part in ending.parts():
            numbers += sweep_pb2.SweepResults.FromString(part).numbers
            if self.first_is_lost and len(self.tries) == 1:
                raise errors.Unavailable("lost", reason="STORE_UNAVAILABLE")
        await ending.finished
        return ""


def live_with(*shards: ShardResults) -> LiveSweep:
    live = LiveSweep(cast(SweepPlan, Top()))
    for each in shards:
        live.add("", each)
    return live


def record_of(recorder: Any) -> SweepRecord:
    return SweepRecord(cast(SweepRecorder, recorder), sweep_pb2.SweepStarted(sweep_id="it"))


@pytest.mark.parametrize("first_is_lost", [False, True])
async def test_what_comes_later_is_sent_too_and_a_lost_try_is_made_up_for(first_is_lost: bool) -> None:
    recorder = Recorder(first_is_lost=first_is_lost)
    record, live = record_of(recorder), live_with(shard_of([1.0, 2.0], "", 0))
    record.may_begin(live, run_count=3, seconds=0.1)
    await asyncio.sleep(0)
    live.add("", shard_of([3.0], "", 2))
    finished = sweep_pb2.SweepFinished(state=SUCCEEDED)
    await record.finish(live, finished)
    assert (finished.recorded, finished.not_recorded_reason) == (True, "")
    assert recorder.tries[-1] == ("whole" if first_is_lost else "early", [1, 2, 3])
    assert len(recorder.tries) == 1 + first_is_lost


async def test_a_sweep_that_is_far_from_its_end_is_not_sent_yet() -> None:
    recorder = Recorder()
    record, live = record_of(recorder), live_with(shard_of([1.0], "", 0))
    record.may_begin(live, run_count=10, seconds=AHEAD_SECONDS)
    await record.finish(live, sweep_pb2.SweepFinished(state=SUCCEEDED))
    assert recorder.tries == [("whole", [1])]


async def test_a_sweep_that_is_cancelled_after_it_began_to_be_sent_is_recorded_without_results() -> None:
    recorder = Recorder()
    record, live = record_of(recorder), live_with(shard_of([1.0], "", 0))
    record.may_begin(live, run_count=2, seconds=0.1)
    await asyncio.sleep(0)
    finished = sweep_pb2.SweepFinished(state=CANCELLED)
    await record.finish(live, finished)
    assert finished.recorded
    assert recorder.tries == [("early", [1]), ("whole", [])]


async def test_an_unsaved_sweep_is_sent_nowhere() -> None:
    record, live, finished = record_of(None), live_with(shard_of([1.0], "", 0)), sweep_pb2.SweepFinished(state=SUCCEEDED)
    record.may_begin(live, run_count=2, seconds=0.1)
    await record.finish(live, finished)
    assert (finished.recorded, bool(finished.not_recorded_reason)) == (False, True)
