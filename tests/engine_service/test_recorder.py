"""The recorder against the real RecordService, which goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine_service import recorder as recorders
from engine_service.recorder import Recorder
from engine_service.recording import Recording
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors
from tests.fix_engine import RecordPort, eventually, recording_to
from tests.fix_runs import new_run_id, whole_run


@pytest.fixture
async def recorder(record_port: RecordPort) -> AsyncIterator[Recorder]:
    async with recording_to(record_port.address) as opened:
        yield opened


def opened(recorder: Recorder, run_id: str, cancels: list[str] | None = None, *, writer_epoch: int = 1) -> Recording:
    heard = [] if cancels is None else cancels
    return recorder.open(run_id, writer_epoch, 1, on_cancel=lambda: heard.append(run_id))


async def recorded(recording: Recording) -> None:
    """Return when everything is durable, or refused."""
    await recording.pulse.wait_for(lambda: recording.all_recorded or recording.refused is not None)


async def watched(run_store: RunStore, run_id: str) -> list[run_pb2.RunEvent]:
    return [event async for event in run_store.watch_run(run_id)]


async def test_many_runs_share_the_stream_and_all_of_them_become_durable(recorder: Recorder, run_store: RunStore) -> None:
    runs = {run_id: whole_run(run_id) for run_id in (new_run_id() for _ in range(20))}
    recordings = [opened(recorder, run_id) for run_id in runs]
    for number in range(4):
        for recording in recordings:
            recording.put(runs[recording.run_id][number])
    for recording in recordings:
        await recorded(recording)
        assert await watched(run_store, recording.run_id) == runs[recording.run_id]


async def test_a_store_that_was_away_gets_what_it_missed(recorder: Recorder, record_port: RecordPort, run_store: RunStore) -> None:
    events = whole_run()
    recording = opened(recorder, events[0].started.run_id)
    for event in events:
        recording.put(event)
        if event.sequence % 2:
            await record_port.stop()
            await eventually(lambda: recorder.away_seconds() > 0)
            assert not recording.all_recorded
            await record_port.start()
        await recorded(recording)
        assert recorder.away_seconds() == 0
    assert await watched(run_store, recording.run_id) == events


async def test_the_stream_is_renewed_in_the_middle_of_a_run(
    record_port: RecordPort, run_store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: list[object] = []
    read = Recorder._read

    def counted(self: Recorder, stream: recorders._Stream) -> object:
        streams.append(stream)
        return read(self, stream)

    monkeypatch.setattr(Recorder, "_read", counted)
    monkeypatch.setattr(recorders, "RENEW_SECONDS", 0.05)
    events = whole_run()
    async with recording_to(record_port.address) as recorder:
        recording = opened(recorder, events[0].started.run_id)
        for event in events:
            before = len(streams)
            recording.put(event)
            await recorded(recording)
            await eventually(lambda before=before: len(streams) > before)  # type: ignore[misc]
        assert recorder.away_seconds() == 0
    assert await watched(run_store, recording.run_id) == events


async def test_a_cancel_that_another_engine_asked_for_comes_with_a_sign_of_life(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_heartbeat_seconds", 0.0)
    events, cancels = whole_run(), list[str]()
    recording = opened(recorder, events[0].started.run_id, cancels)
    recording.put(events[0])
    await recorded(recording)
    await recorder.request_cancel(recording.run_id)
    await eventually(lambda: cancels != [])
    assert set(cancels) == {recording.run_id}


async def test_a_run_that_another_engine_claimed_is_fenced(recorder: Recorder, record_port: RecordPort) -> None:
    events = whole_run()
    recording = opened(recorder, events[0].started.run_id)
    record_port.expire_leases_after(0)
    await record_port.stop()
    await record_port.start()
    recording.put(events[0])
    await recorded(recording)
    claim = await recorder.claim("another engine")
    assert claim is not None
    assert (claim.run_id, claim.writer_epoch, claim.next_sequence) == (recording.run_id, 2, 2)
    recording.put(events[1])
    await recorded(recording)
    assert recording.refused is not None
    assert recording.refused.reason == "WRITER_FENCED"


async def test_a_refused_run_leaves_the_others_on_the_stream_alone(recorder: Recorder, run_store: RunStore) -> None:
    wrong, right = whole_run(), whole_run()
    wrong[1].sessions.cash[0] = float("nan")
    recordings = [opened(recorder, run[0].started.run_id) for run in (wrong, right)]
    for recording, run in zip(recordings, (wrong, right), strict=True):
        for event in run:
            recording.put(event)
    for recording in recordings:
        await recorded(recording)
    assert recordings[0].refused is not None
    assert recordings[0].refused.reason == "UNSTORABLE_VALUE"
    assert await watched(run_store, recordings[1].run_id) == right


async def test_a_bug_in_one_run_does_not_stop_the_recording_of_others(recorder: Recorder, record_port: RecordPort) -> None:
    def broken() -> None:
        raise ArithmeticError("a bug")

    first, second = whole_run(), whole_run()
    recording = recorder.open(first[0].started.run_id, 1, 1, on_cancel=broken)
    recording.put(first[0])
    await recorded(recording)
    await recorder.request_cancel(recording.run_id)
    recording.put(first[1])
    await recorded(recording)
    recorder.close(recording)
    other = opened(recorder, second[0].started.run_id)
    other.put(second[0])
    await recorded(other)


async def test_nothing_to_claim_and_no_run_to_cancel(recorder: Recorder) -> None:
    assert await recorder.claim("this engine") is None
    with pytest.raises(errors.NotFound):
        await recorder.request_cancel(new_run_id())


async def test_a_store_that_stops_answering_counts_as_away(
    recorder: Recorder, record_port: RecordPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's row is locked for ever by somebody else, as far as the recorder can see."""
    monkeypatch.setattr(recorders, "ACK_SECONDS", 0.2)
    events = whole_run()
    recording = opened(recorder, events[0].started.run_id)
    recording.put(events[0])
    await recorded(recording)
    append, may_answer = record_port.store.append, asyncio.Event()

    async def late(*arguments: object, **policy: object) -> object:
        await may_answer.wait()
        return await append(*arguments, **policy)  # type: ignore[arg-type]

    monkeypatch.setattr(record_port.store, "append", late)
    recording.put(events[1])
    await eventually(lambda: recorder.away_seconds() > 0)
    may_answer.set()
    await recorded(recording)
    assert recorder.away_seconds() == 0
    assert recording.refused is None


async def test_closing_a_run_that_was_opened_anew_forgets_nothing(recorder: Recorder) -> None:
    events = whole_run()
    old = opened(recorder, events[0].started.run_id)
    new = opened(recorder, events[0].started.run_id)
    recorder.close(old)
    new.put(events[0])
    await recorded(new)
    assert new.first_answer is not None
