"""The runner with real workers and a real store: whatever happens to a run, it ends in the right state, here and in the store."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal

import pytest
from sqlalchemy import text

from engine_service.live_run import LiveRun
from store_service.database import Database
from store_service.runs.store import RunStore
from tapedeck.v1 import engine_service_pb2, run_pb2
from tapedeck_rpc import errors
from tests.fix_engine import (
    LONG_LEASE_SECONDS,
    MakeStarted,
    OpenEngine,
    RecordPort,
    error_of,
    events_of,
    eventually,
    finished_of,
    has_sessions,
    session_dates_of,
)

CONTINUE = engine_service_pb2.IF_STORE_UNAVAILABLE_CONTINUE
FAIL = engine_service_pb2.IF_STORE_UNAVAILABLE_FAIL
SUCCEEDED, FAILED, CANCELLED = run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED


async def stored(run_store: RunStore, run: LiveRun) -> list[run_pb2.RunEvent]:
    return [event async for event in run_store.watch_run(run.run_id)]


def worker_pids() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid}


async def test_a_run_is_shown_and_recorded_as_the_same_events(open_engine: OpenEngine, make_run: MakeStarted, run_store: RunStore) -> None:
    async with open_engine() as engine:
        run = engine.runner.start(LiveRun(make_run()))
        events = await events_of(run)
        assert [event.sequence for event in events] == [1, 2, 3, 4]
        assert len(session_dates_of(events)) == run.started.session_count
        assert (events[-1].finished.state, events[-1].finished.recorded) == (SUCCEEDED, True)
        assert await stored(run_store, run) == events
    assert worker_pids() == set()


async def test_a_run_that_waits_for_a_worker_is_cancelled_without_one(
    open_engine: OpenEngine, make_run: MakeStarted, run_store: RunStore
) -> None:
    async with open_engine(workers=1) as engine:
        busy = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.02)))
        await has_sessions(busy)
        waits = engine.runner.start(LiveRun(make_run()))
        await anext(waits.follow())
        await engine.runner.cancel(waits.run_id)
        finished = await finished_of(waits)
        assert (finished.state, finished.error.reason) == (CANCELLED, "RUN_CANCELLED")
        assert (await stored(run_store, waits))[-1].finished == finished
        await engine.runner.cancel(busy.run_id)
        events = await events_of(busy)
        assert events[-1].finished.state == CANCELLED
        assert 0 < len(session_dates_of(events)) < busy.started.session_count
        assert await stored(run_store, busy) == events
        # Both places are free again.
        assert (await finished_of(engine.runner.start(LiveRun(make_run())))).state == SUCCEEDED


async def test_a_cancel_after_the_worker_is_gone_changes_nothing(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort
) -> None:
    async with open_engine() as engine:
        run = engine.runner.start(LiveRun(make_run()))
        await anext(run.follow())
        await record_port.stop()
        await eventually(lambda: run.recording is not None and _has_ended(run))
        await engine.runner.cancel(run.run_id)
        await record_port.start()
        assert (await finished_of(run)).state == SUCCEEDED


async def test_a_cancel_that_arrives_with_the_last_acknowledgement_does_not_stop_the_recorder(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort
) -> None:
    async with open_engine() as engine:
        run = engine.runner.start(LiveRun(make_run()))
        await anext(run.follow())
        await record_port.stop()
        await eventually(lambda: run.recording is not None and _has_ended(run))
        await record_port.store.request_cancel(run.run_id)
        await record_port.start()
        assert (await finished_of(run)).state == SUCCEEDED
        assert (await finished_of(engine.runner.start(LiveRun(make_run())))).recorded


def _has_ended(run: LiveRun) -> bool:
    """Whether its last event waits for the store."""
    recording = run.recording
    return recording is not None and any(event.HasField("finished") for event in recording._waiting)


async def test_a_full_queue_is_said_at_once(open_engine: OpenEngine, make_run: MakeStarted) -> None:
    async with open_engine(workers=1, queue=1) as engine:
        runs = [engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.01), save=False)) for _ in range(2)]
        with pytest.raises(errors.ResourceExhausted) as refused:
            engine.runner.start(LiveRun(make_run(), save=False))
        assert refused.value.reason == "QUEUE_FULL"
        for run in runs:
            await engine.runner.cancel(run.run_id)
            assert (await finished_of(run)).state == CANCELLED


async def test_a_run_waits_for_a_store_that_is_away(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort, run_store: RunStore
) -> None:
    async with open_engine() as engine:
        await record_port.stop()
        run = engine.runner.start(LiveRun(make_run()))
        await eventually(lambda: engine.recorder.away_seconds() > 0)
        await record_port.start()
        events = await events_of(run)
        assert (events[-1].finished.state, events[-1].finished.recorded) == (SUCCEEDED, True)
        assert await stored(run_store, run) == events


async def test_a_run_goes_on_without_the_store_when_its_caller_wants_that(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort
) -> None:
    async with open_engine() as engine:
        before, after = (LiveRun(make_run("slow", seconds_per_session=pace), if_store_unavailable=CONTINUE) for pace in (0.004, 0.0))
        engine.runner.start(before)
        await has_sessions(before)
        await record_port.stop()
        engine.runner.start(after)
        for run in (before, after):
            finished = await finished_of(run)
            assert (finished.state, finished.recorded) == (SUCCEEDED, False)
            assert "store" in finished.not_recorded_reason


async def test_a_run_fails_without_the_store_when_its_caller_wants_that(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort
) -> None:
    async with open_engine() as engine:
        before, after = (LiveRun(make_run("slow", seconds_per_session=pace), if_store_unavailable=FAIL) for pace in (0.004, 0.0))
        engine.runner.start(before)
        await has_sessions(before)
        await record_port.stop()
        engine.runner.start(after)
        assert (await error_of(after)).reason == "STORE_UNAVAILABLE"
        finished = await finished_of(before)
        assert (finished.state, finished.error.reason, finished.recorded) == (FAILED, "STORE_UNAVAILABLE", False)


async def test_an_outage_that_is_over_is_not_held_against_a_new_run(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort
) -> None:
    async with open_engine(store_wait_seconds=5.0) as engine:
        await record_port.stop()
        await eventually(lambda: engine.recorder.away_seconds() > 0)
        engine.recorder._away_since = asyncio.get_running_loop().time() - 100
        await record_port.start()
        run = engine.runner.start(LiveRun(make_run(), if_store_unavailable=FAIL))
        assert (await finished_of(run)).recorded


async def test_a_killed_worker_ends_its_run(open_engine: OpenEngine, make_run: MakeStarted, run_store: RunStore) -> None:
    async with open_engine() as engine:
        run = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.02)))
        await has_sessions(run)
        worker = min(worker_pids())  # the younger one waits for the next run
        os.kill(worker, signal.SIGKILL)
        events = await events_of(run)
        assert (events[-1].finished.state, events[-1].finished.error.reason) == (FAILED, "WORKER_LOST")
        assert "SIGKILL" in events[-1].finished.error.message
        assert await stored(run_store, run) == events


async def test_time_and_memory_are_limited(open_engine: OpenEngine, make_run: MakeStarted) -> None:
    async with open_engine(memory_mb=512) as engine:
        slow = engine.runner.start(LiveRun(make_run("slow", timeout_seconds=1, seconds_per_session=0.02)))
        hungry = engine.runner.start(LiveRun(make_run("eats_memory")))
        ends = [await finished_of(run) for run in (slow, hungry)]
        assert [(end.state, end.error.reason) for end in ends] == [(FAILED, "RUN_TIMEOUT"), (FAILED, "OUT_OF_MEMORY")]


async def test_the_end_of_the_engine_leaves_no_worker(open_engine: OpenEngine, make_run: MakeStarted) -> None:
    async with open_engine() as engine:
        first = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.01), save=False))
        await has_sessions(first)
        starts = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.01), save=False))
        await anext(starts.follow())
        await asyncio.sleep(0)
    assert (await error_of(first)).reason == (await error_of(starts)).reason == "ENGINE_STOPPED"
    assert worker_pids() == set()


async def abandoned(port: RecordPort, started: run_pb2.RunStarted, events: list[run_pb2.RunEvent]) -> LiveRun:
    """A run whose engine vanished after these events, as the engine that claims it sees it."""
    port.expire_leases_after(0)
    await port.store.append(started.run_id, 1, 1, [run_pb2.RunEvent(sequence=1, started=started), *events])
    claim = await port.store.claim_stale("another engine")
    assert claim is not None
    return LiveRun(claim.started, writer_epoch=claim.writer_epoch)


async def sessions_of(open_engine: OpenEngine, started: run_pb2.RunStarted) -> list[run_pb2.RunEvent]:
    """The events with sessions that a run makes."""
    async with open_engine() as engine:
        return (await events_of(engine.runner.start(LiveRun(started, save=False))))[1:-1]


async def test_a_claimed_run_is_finished(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort, run_store: RunStore
) -> None:
    started = make_run("slow", seconds_per_session=0)
    events = await sessions_of(open_engine, started)
    run = await abandoned(record_port, started, events[:1])
    async with open_engine() as engine:
        shown = await events_of(engine.runner.start(run))
        assert shown[-1].finished.state == SUCCEEDED
        assert await stored(run_store, run) == shown
        assert shown[1:-1] == events


async def test_an_idle_engine_looks_for_runs_whose_engine_vanished(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort, run_store: RunStore
) -> None:
    started = make_run()
    record_port.expire_leases_after(0)
    await record_port.store.append(started.run_id, 1, 1, [run_pb2.RunEvent(sequence=1, started=started)])
    record_port.expire_leases_after(LONG_LEASE_SECONDS)
    await record_port.stop()
    await record_port.start()
    async with open_engine(workers=1, queue=0) as engine, engine.claiming():
        assert (await stored(run_store, LiveRun(started)))[-1].finished.state == SUCCEEDED
        await eventually(lambda: not engine.runner._runs)


async def test_a_run_that_is_deleted_while_it_runs_ends_and_says_that_it_is_not_recorded(
    open_engine: OpenEngine, make_run: MakeStarted, database: Database
) -> None:
    async with open_engine() as engine:
        run = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.005)))
        await has_sessions(run)
        async with database.transaction() as connection:
            await connection.execute(text("DELETE FROM runs"))
        finished = await finished_of(run)
        assert (finished.state, finished.recorded) == (FAILED, False)
        assert "refused" in finished.not_recorded_reason


async def test_a_claimed_run_with_another_result_fails_and_says_so(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort, run_store: RunStore
) -> None:
    started = make_run()
    events = await sessions_of(open_engine, started)
    events[0].sessions.portfolio_values[0] += 0.01
    run = await abandoned(record_port, started, events)
    async with open_engine() as engine:
        finished = await finished_of(engine.runner.start(run))
        assert (finished.state, finished.error.reason, finished.recorded) == (FAILED, "NONDETERMINISTIC_RESULT", True)
        assert [event.sequence for event in await stored(run_store, run)] == [1, 2, 3, 4]


async def test_a_claimed_run_that_is_cut_short_ends_where_the_store_stands(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort, run_store: RunStore
) -> None:
    """It has not caught up: what it sends last differs from what is stored, which is not its strategy's fault."""
    started = make_run("slow", seconds_per_session=0.01)
    events = await sessions_of(open_engine, started)
    run = await abandoned(record_port, started, events)
    async with open_engine() as engine:
        engine.runner.start(run)
        await has_sessions(run)
        await engine.runner.cancel(run.run_id)
        finished = await finished_of(run)
        assert (finished.state, finished.error.reason) == (CANCELLED, "RUN_CANCELLED")
    kept = await stored(run_store, run)
    assert kept[1:-1] == events
    assert kept[-1].finished == finished


async def test_a_run_whose_lease_ran_out_is_claimed_by_its_own_engine_and_goes_on(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort, run_store: RunStore
) -> None:
    record_port.expire_leases_after(0)
    await record_port.stop()
    await record_port.start()
    async with open_engine() as engine:
        run = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.005)))
        await has_sessions(run)
        # Once: leases end at once here, so looking on would claim it again, and fence it if stopped in the middle. A row that is just being
        # written to is passed over.
        while not await engine.runner._claim():
            pass
        assert run.recording is not None
        assert run.recording._epoch == 2
        events = await events_of(run)
        assert events[-1].finished.state == SUCCEEDED
        assert await stored(run_store, run) == events


async def test_a_fenced_run_ends_here_and_is_left_to_the_engine_that_claimed_it(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort
) -> None:
    async with open_engine() as engine:
        run = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.005)))
        await has_sessions(run)
        record_port.expire_leases_after(0)
        await record_port.stop()
        assert run.recording is not None
        await record_port.store.append(run.run_id, 1, 2, [])
        assert await record_port.store.claim_stale("another engine") is not None
        await record_port.start()
        assert (await error_of(run)).reason == "WRITER_FENCED"
        assert (await finished_of(engine.runner.start(LiveRun(make_run())))).state == SUCCEEDED


@pytest.mark.parametrize("save", [True, False])
async def test_a_run_whose_spec_has_succeeded_is_refused_or_answered_without_a_worker(
    open_engine: OpenEngine, make_run: MakeStarted, run_store: RunStore, save: bool
) -> None:
    async with open_engine(workers=1) as engine:
        first = engine.runner.start(LiveRun(make_run()))
        assert (await finished_of(first)).state == SUCCEEDED
        busy = engine.runner.start(LiveRun(make_run("slow", seconds_per_session=0.02), save=False))
        await has_sessions(busy)
        refused = engine.runner.start(LiveRun(make_run(), save=save, duplicate_policy=run_pb2.DUPLICATE_POLICY_REFUSE))
        error = await error_of(refused)
        create_time = first.started.create_time.ToJsonString()
        assert (type(error), error.reason) == (errors.AlreadyExists, "DUPLICATE_RUN")
        assert error.metadata == {"existing_run_id": first.run_id, "create_time": create_time}
        reused = engine.runner.start(LiveRun(make_run(), save=save, duplicate_policy=run_pb2.DUPLICATE_POLICY_REUSE))
        assert await events_of(reused) == []
        assert reused.existing_run_id == reused.earlier_runs[0].run_id == first.run_id
        assert not busy.recording
        await engine.runner.cancel(busy.run_id)
        assert (await finished_of(busy)).state == CANCELLED
    assert await run_store.count_runs() == 1


@pytest.mark.parametrize("save", [True, False])
async def test_a_run_whose_spec_has_not_succeeded_is_executed_whatever_its_policy(
    open_engine: OpenEngine, make_run: MakeStarted, run_store: RunStore, save: bool
) -> None:
    async with open_engine() as engine:
        # At the same instant: neither has ended when the other one is looked for.
        policies = (run_pb2.DUPLICATE_POLICY_REUSE, run_pb2.DUPLICATE_POLICY_REFUSE)
        runs = [engine.runner.start(LiveRun(make_run(), save=save, duplicate_policy=policy)) for policy in policies]
        ends = [await finished_of(run) for run in runs]
        assert [(end.state, end.recorded) for end in ends] == [(SUCCEEDED, save)] * 2
        assert all(("not to be saved" in end.not_recorded_reason) != save for end in ends)
    assert await run_store.count_runs() == (2 if save else 0)


async def test_an_unsaved_run_that_may_be_a_duplicate_waits_for_the_store_as_long_as_its_caller_wants(
    open_engine: OpenEngine, make_run: MakeStarted, record_port: RecordPort
) -> None:
    async with open_engine(store_wait_seconds=0.1) as engine:
        await record_port.stop()
        refuse = run_pb2.DUPLICATE_POLICY_REFUSE
        goes_on = LiveRun(make_run(), save=False, duplicate_policy=refuse, if_store_unavailable=CONTINUE)
        fails = LiveRun(make_run(), save=False, duplicate_policy=refuse, if_store_unavailable=FAIL)
        waits = LiveRun(make_run(), save=False, duplicate_policy=refuse)
        for run in (goes_on, fails, waits):
            engine.runner.start(run)
        assert (await error_of(fails)).reason == "STORE_UNAVAILABLE"
        finished = await finished_of(goes_on)
        assert (finished.state, finished.not_recorded_reason) == (SUCCEEDED, "the caller asked for the run not to be saved")
        assert not waits.has_begun
        await engine.runner.cancel(waits.run_id)
        assert (await finished_of(waits)).state == CANCELLED
