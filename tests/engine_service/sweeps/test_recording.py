"""The way into the store: what is asked, what is sent, and what a stream that breaks means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from engine_service.run_ids import new_run_id
from engine_service.sweeps import recording
from engine_service.sweeps.recording import Ending, SweepRecorder
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc, sweep_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_pair import free_addresses
from tests.fix_replays import served

SWEEP_ID = new_run_id()
PARTS = [sweep_pb2.SweepResults(numbers=[number]).SerializeToString() for number in (1, 2, 3)]


class Store(record_service_pb2_grpc.RecordServiceServicer):  # type: ignore[misc]  # generated code has no types
    """Takes sweeps, and breaks as often as it is told to."""

    def __init__(self) -> None:
        self.breaks: list[errors.CallError | None] = []
        self.streams: list[list[str]] = []
        self.existing_sweep_id = ""
        self.is_silent = False
        self.refuses: errors.CallError | None = None

    async def RecordSweep(self, requests: AsyncIterator[Any], _context: Any) -> AsyncIterator[record_service_pb2.RecordSweepResponse]:
        seen: list[str] = []
        self.streams.append(seen)
        async for request in requests:
            if self.is_silent:
                return
            kind = request.WhichOneof("part")
            seen.append(f"{kind} {list(request.results.numbers)}" if kind == "results" else kind)
            if kind == "started":
                if self.refuses:
                    raise self.refuses
                yield record_service_pb2.RecordSweepResponse(sweep_id=SWEEP_ID, existing_sweep_id=self.existing_sweep_id)
            if kind == "results" and self.breaks and (error := self.breaks.pop(0)):
                raise error
            if kind == "finished":
                yield record_service_pb2.RecordSweepResponse(sweep_id=SWEEP_ID, recorded=True)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def recorder(store: Store) -> AsyncIterator[SweepRecorder]:
    async with (
        served(record_service_pb2_grpc.add_RecordServiceServicer_to_server, store) as target,
        open_aio_channel(target) as channel,
    ):
        yield SweepRecorder(channel, channel, wait_seconds=0.5)


async def parts() -> AsyncGenerator[bytes, None]:
    for part in PARTS:
        yield part


def ending() -> Ending:
    finished: asyncio.Future[sweep_pb2.SweepFinished] = asyncio.get_running_loop().create_future()
    finished.set_result(sweep_pb2.SweepFinished(state=sweep_pb2.SWEEP_STATE_SUCCEEDED, result_count=3))
    return Ending(parts, finished)


STARTED = sweep_pb2.SweepStarted(sweep_id=SWEEP_ID, request_id="key")
WHOLE = ["started", "results [1]", "results [2]", "results [3]", "finished"]
AWAY = errors.Unavailable("the database is away", reason="STORE_UNAVAILABLE")


async def test_a_sweep_is_sent_whole_in_one_stream(recorder: SweepRecorder, store: Store) -> None:
    assert await recorder.record(STARTED, ending()) == ""
    assert store.streams == [WHOLE]


async def test_asking_sends_nothing_but_the_question(recorder: SweepRecorder, store: Store) -> None:
    assert await recorder.existing(STARTED) == ""
    store.existing_sweep_id = "another"
    assert await recorder.existing(STARTED) == "another"
    assert await recorder.record(STARTED, ending()) == "another"
    assert store.streams == [["started"]] * 3


async def test_all_of_it_is_sent_again_when_the_store_is_lost_on_the_way(recorder: SweepRecorder, store: Store) -> None:
    store.breaks = [None, AWAY]
    assert await recorder.record(STARTED, ending()) == ""
    assert len(store.streams) == 2
    assert store.streams[-1] == WHOLE


async def test_a_single_try_is_not_repeated(recorder: SweepRecorder, store: Store) -> None:
    store.breaks = [AWAY]
    with pytest.raises(errors.Unavailable):
        await recorder.try_once(STARTED, ending())
    assert len(store.streams) == 1


async def test_a_refusal_is_not_repeated(recorder: SweepRecorder, store: Store) -> None:
    store.refuses = errors.InvalidArgument("no", reason="UNSTORABLE_VALUE")
    with pytest.raises(errors.InvalidArgument) as raised:
        await recorder.record(STARTED, ending())
    assert raised.value.reason == "UNSTORABLE_VALUE"
    assert len(store.streams) == 1


async def test_a_store_that_stays_away_is_given_up(recorder: SweepRecorder, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "BACKOFF_SECONDS", (0.01, 0.05))
    store.breaks = [AWAY] * 1_000
    with pytest.raises(errors.Unavailable):
        await recorder.record(STARTED, ending())
    assert len(store.streams) > 1


async def test_a_lost_channel_is_a_store_that_is_away() -> None:
    (address,) = free_addresses(1)
    async with open_aio_channel(address) as channel:
        with pytest.raises(errors.Unavailable):
            await SweepRecorder(channel, channel, wait_seconds=0.1).existing(STARTED)


async def test_a_stream_that_ends_without_an_answer_is_a_store_that_is_away(recorder: SweepRecorder, store: Store) -> None:
    store.is_silent = True
    with pytest.raises(errors.Unavailable, match="without an answer"):
        await recorder.try_once(STARTED, ending())
