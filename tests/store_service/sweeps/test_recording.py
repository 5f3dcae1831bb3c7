"""Sweeps are recorded side by side, never twice, and a sender that stops in the middle holds nothing up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from sqlalchemy import text

from store_service.database import Database
from store_service.sweeps import recording as recordings
from store_service.sweeps.recording import SweepAck, SweepRecording
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import sweep_pb2
from tapedeck_rpc import errors
from tests.fix_sweeps import Part, each, make_sweep_spec, make_sweep_started, sent, whole_sweep


class Gate:
    """A sender that stops before its last part until the gate is opened."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Part]:
        for part in self.parts[:-1]:
            yield part
        self.reached.set()
        await self.opened.wait()
        yield self.parts[-1]

    async def send(self, recording: SweepRecording) -> list[SweepAck]:
        async with aclosing(recording.record(aiter(self))) as acks:
            return [ack async for ack in acks]


async def rows_of(database: Database) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM sweep_results")) or 0)


async def test_nothing_is_seen_before_all_of_it_is_there(sweep_recording: SweepRecording, sweep_store: SweepStore) -> None:
    gate = Gate(whole_sweep())
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(gate.send(sweep_recording))
        await gate.reached.wait()
        assert await sweep_store.list_sweeps() == ([], "")
        gate.opened.set()
    assert sending.result()[-1].recorded
    assert len((await sweep_store.list_sweep_results())[0]) == 6


async def test_a_sender_that_is_cut_off_leaves_nothing(sweep_recording: SweepRecording, database: Database) -> None:
    gate = Gate(whole_sweep())
    sending = asyncio.create_task(gate.send(sweep_recording))
    await gate.reached.wait()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert await rows_of(database) == 0
    assert (await sent(sweep_recording, gate.parts))[-1].recorded


async def test_a_sender_that_stops_is_given_up(
    sweep_recording: SweepRecording, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "PART_TIMEOUT_SECONDS", 0.01)
    with pytest.raises(errors.DeadlineExceeded):
        await Gate(whole_sweep()).send(sweep_recording)
    assert await rows_of(database) == 0


async def test_the_same_sweep_sent_twice_at_once_is_stored_once(sweep_recording: SweepRecording, database: Database) -> None:
    gate = Gate(whole_sweep())
    async with asyncio.TaskGroup() as group:
        first = group.create_task(gate.send(sweep_recording))
        await gate.reached.wait()
        second = group.create_task(sent(sweep_recording, gate.parts))
        gate.opened.set()
    assert first.result() == second.result()
    assert await rows_of(database) == 6


@pytest.mark.parametrize("rank_by", ["sharpe_ratio", "pnl"])
async def test_of_two_sweeps_with_one_request_id_the_second_is_told_of_the_first(
    sweep_recording: SweepRecording, database: Database, rank_by: str
) -> None:
    """Both are new when they ask; the one that ends later hears of the other one, or is refused when that asked something else."""
    gate = Gate(whole_sweep(make_sweep_started(request_id="once")))
    other = whole_sweep(make_sweep_started(request_id="once", sweep=make_sweep_spec(rank_by=rank_by)))
    ids = [parts[0].started.sweep_id for parts in (gate.parts, other)]
    async with aclosing(sweep_recording.record(each(other))) as acks, asyncio.TaskGroup() as group:
        assert await anext(acks) == SweepAck(ids[1])
        group.create_task(gate.send(sweep_recording))
        await gate.reached.wait()
        gate.opened.set()
        if rank_by == "sharpe_ratio":
            assert await anext(acks) == SweepAck(ids[1], existing_sweep_id=ids[0])
        else:
            with pytest.raises(errors.InvalidArgument) as refused:
                await anext(acks)
            assert refused.value.reason == "REQUEST_ID_REUSED"
    assert await rows_of(database) == 6


async def test_so_many_sweeps_are_written_at_once_and_no_more(sweep_recording: SweepRecording, sweep_store: SweepStore) -> None:
    gates = [Gate(whole_sweep()) for _ in range(recordings.MAX_CONCURRENT_SWEEPS)]
    late = Gate(whole_sweep())
    async with asyncio.TaskGroup() as group:
        for gate in gates:
            group.create_task(gate.send(sweep_recording))
            await gate.reached.wait()
        group.create_task(late.send(sweep_recording))
        assert not late.reached.is_set()
        for gate in (*gates, late):
            gate.opened.set()
    assert len((await sweep_store.list_sweeps())[0]) == len(gates) + 1


async def test_a_sweep_that_only_asks_holds_no_place(sweep_recording: SweepRecording) -> None:
    async def asking(parts: list[Part]) -> AsyncIterator[Part]:
        yield parts[0]
        await asyncio.Event().wait()

    async with (
        aclosing(sweep_recording.record(asking(whole_sweep()))) as first,
        aclosing(sweep_recording.record(asking(whole_sweep()))) as second,
    ):
        assert [(await anext(acks)).recorded for acks in (first, second)] == [False, False]
        assert (await sent(sweep_recording, whole_sweep()))[-1].recorded


async def test_a_clash_with_a_sweep_that_is_gone_is_tried_again(sweep_recording: SweepRecording) -> None:
    finished = sweep_pb2.SweepFinished(state=sweep_pb2.SWEEP_STATE_SUCCEEDED)
    with pytest.raises(errors.Aborted):
        await sweep_recording._compare(make_sweep_started(), finished)


async def test_a_first_part_that_is_missing_is_refused(sweep_recording: SweepRecording) -> None:
    with pytest.raises(errors.InvalidArgument):
        await anext(sweep_recording.record(each([])))
