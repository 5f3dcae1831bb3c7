"""Sweeps with real processes and a real store in this process: whatever happens to one, it ends in the right state, here and there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from engine_service.sweeps.executors import SHARDS_AHEAD, LocalProcesses, ShardLost
from engine_service.sweeps.recording import SweepRecorder
from engine_service.sweeps.shard import Shard, ShardResults
from engine_service.sweeps.sweep_runner import MAX_SWEEPS, Response, SweepRunner, Wishes
from engine_service.sweeps.sweep_spec import SweepPlan, start
from store_service.database import Database
from store_service.page_token import PageTokens, derive_key
from store_service.sweeps.servicer import SweepServicer
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import engine_service_pb2, run_pb2, sweep_pb2, sweep_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tests.engine_service.sweeps.conftest import MakePlan, sweep_request
from tests.fix_engine import ALLOWED, RecordPort, eventually
from tests.fix_replays import served

SUCCEEDED, FAILED, CANCELLED = sweep_pb2.SWEEP_STATE_SUCCEEDED, sweep_pb2.SWEEP_STATE_FAILED, sweep_pb2.SWEEP_STATE_CANCELLED


@pytest.fixture
def sweep_store(database: Database) -> SweepStore:
    return SweepStore(database, PageTokens(derive_key("tests")))


@pytest.fixture
async def store_channel(sweep_store: SweepStore) -> AsyncIterator[grpc.aio.Channel]:
    """Promotions are the engine's own here, so the store needs none."""
    servicer = SweepServicer(sweep_store, promotions=None)  # type: ignore[arg-type]
    async with (
        served(sweep_service_pb2_grpc.add_SweepServiceServicer_to_server, servicer) as target,
        open_aio_channel(target) as channel,
    ):
        yield channel


@pytest.fixture
async def recorder(record_port: RecordPort, store_channel: grpc.aio.Channel) -> AsyncIterator[SweepRecorder]:
    async with open_aio_channel(record_port.address) as channel:
        yield SweepRecorder(channel, store_channel, wait_seconds=1)


@asynccontextmanager
async def running(executor: Any, recorder: SweepRecorder, data_dir: Path) -> AsyncIterator[SweepRunner]:
    runner = SweepRunner(executor, recorder, data_dir, ALLOWED)
    try:
        yield runner
    finally:
        await runner.close()


@pytest.fixture
async def runner(processes: LocalProcesses, recorder: SweepRecorder, data_dir: Path) -> AsyncIterator[SweepRunner]:
    async with running(processes, recorder, data_dir) as opened:
        yield opened


async def refuse(_spec: run_pb2.RunSpec, _engine: run_pb2.EngineChoice, _link: run_pb2.SweepLink) -> str:
    raise errors.ResourceExhausted("no worker is free", reason="QUEUE_FULL")


WISHES = Wishes(save=True, omit_batches=False, promote=refuse)


def started_of(plan: SweepPlan, **request: Any) -> sweep_pb2.SweepStarted:
    return start(plan, sweep_request(**request))


async def all_of(runner: SweepRunner, plan: SweepPlan, started: sweep_pb2.SweepStarted, wishes: Wishes = WISHES) -> list[Response]:
    return [answer async for answer in runner.run(plan, started, wishes)]


def finished_of(answers: list[Response]) -> sweep_pb2.SweepFinished:
    (finished,) = [answer.finished for answer in answers if answer.HasField("finished")]
    return finished


def ranked_of(answers: list[Response]) -> sweep_pb2.SweepResults:
    (ranked,) = [answer.ranked for answer in answers if answer.HasField("ranked")]
    return ranked


async def stored_state(sweep_store: SweepStore, sweep_id: str) -> tuple[sweep_pb2.SweepState, int]:
    sweep = await sweep_store.get_sweep(sweep_id)
    return sweep.state, sweep.result_count


class Watched:
    """Real processes, with somebody who sees each shard before it goes out and may change what comes back."""

    def __init__(self, processes: LocalProcesses, see: Callable[[int, ShardResults], ShardResults]) -> None:
        self.processes, self._see = processes, see
        self.handed_over = self.going = self.most_going = 0

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def width(self) -> int:
        return 1

    async def execute(self, shard: Shard) -> ShardResults:
        number, self.handed_over, self.going = self.handed_over, self.handed_over + 1, self.going + 1
        self.most_going = max(self.most_going, self.going)
        try:
            if number % 3 == 0:
                await asyncio.sleep(0.02)  # so that later ones are done first
            return self._see(number, await self.processes.execute(shard))
        finally:
            self.going -= 1


def one_run_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine_service.sweeps.sweep_spec.CELLS_PER_SHARD", 1)


async def test_batches_come_in_the_order_of_their_numbers_and_few_shards_are_ahead(
    processes: LocalProcesses, recorder: SweepRecorder, make_plan: MakePlan, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_run_each(monkeypatch)
    watched = Watched(processes, lambda _, came: came)
    plan = make_plan(grid={"fast": list(range(2, 19)), "slow": [20]})
    async with running(watched, recorder, data_dir) as runner:
        answers = await all_of(runner, plan, started_of(plan))
    numbers = [number for answer in answers if answer.HasField("batch") for number in answer.batch.results.numbers]
    assert numbers == list(range(1, 18))
    assert [answer.batch.completed_count for answer in answers if answer.HasField("batch")] == numbers
    assert 1 < watched.most_going <= SHARDS_AHEAD


async def test_a_sweep_does_not_depend_on_how_it_is_cut(runner: SweepRunner, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_plan = make_plan()
    whole = await all_of(runner, whole_plan, started_of(whole_plan))
    one_run_each(monkeypatch)
    cut = await all_of(runner, whole_plan, started_of(whole_plan))
    assert len(cut) > len(whole)
    assert finished_of(cut).result_digest == finished_of(whole).result_digest
    assert [answer.ranked for answer in cut if answer.HasField("ranked")] == [
        answer.ranked for answer in whole if answer.HasField("ranked")
    ]


async def test_a_caller_who_leaves_cancels_the_sweep(
    runner: SweepRunner, make_plan: MakePlan, sweep_store: SweepStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_run_each(monkeypatch)
    plan = make_plan(grid={"fast": list(range(2, 19)), "slow": [20]})
    started = started_of(plan)
    async with aclosing(runner.run(plan, started, WISHES)) as answers:
        async for answer in answers:
            if answer.HasField("batch"):
                break
    await eventually(lambda: not runner._tasks)
    assert await stored_state(sweep_store, started.sweep_id) == (CANCELLED, 0)
    assert runner._alive == 0


async def test_a_caller_who_leaves_when_all_runs_have_ended_changes_nothing(
    runner: SweepRunner, make_plan: MakePlan, sweep_store: SweepStore
) -> None:
    plan = make_plan()
    started = started_of(plan)
    async with aclosing(runner.run(plan, started, WISHES)) as answers:
        async for answer in answers:
            if answer.HasField("ranked"):
                break
    await eventually(lambda: not runner._tasks)
    assert await stored_state(sweep_store, started.sweep_id) == (SUCCEEDED, 5)


async def test_more_sweeps_than_there_is_room_for_are_refused_at_once(runner: SweepRunner, make_plan: MakePlan) -> None:
    plan = make_plan()
    alive = [runner.run(plan, started_of(plan), WISHES) for _ in range(MAX_SWEEPS)]
    for each in alive:
        await anext(each)
    with pytest.raises(errors.ResourceExhausted) as raised:
        await all_of(runner, plan, started_of(plan))
    assert raised.value.reason == "QUEUE_FULL"
    assert raised.value.retry_after_seconds
    for each in alive:
        await each.aclose()
    assert finished_of(await all_of(runner, plan, started_of(plan))).state == SUCCEEDED


async def test_a_store_that_comes_back_in_time_gets_the_whole_sweep(
    runner: SweepRunner, make_plan: MakePlan, record_port: RecordPort, sweep_store: SweepStore
) -> None:
    plan = make_plan()
    started = started_of(plan)
    await record_port.stop()
    coming = asyncio.create_task(all_of(runner, plan, started))
    await eventually(lambda: bool(runner._tasks))
    await record_port.start()
    assert finished_of(await coming).recorded
    assert await stored_state(sweep_store, started.sweep_id) == (SUCCEEDED, 5)


async def test_a_store_that_stays_away_costs_the_recording_and_promotions(
    runner: SweepRunner, make_plan: MakePlan, record_port: RecordPort
) -> None:
    plan = make_plan(promote_top=1)
    await record_port.stop()
    answers = await all_of(runner, plan, started_of(plan, request_id="nobody-can-say"))
    finished = finished_of(answers)
    assert (finished.state, finished.recorded) == (SUCCEEDED, False)
    assert "store" in finished.not_recorded_reason
    assert answers[-1].promotion.error.reason == "STORE_UNAVAILABLE"
    assert not answers[-1].promotion.run_id


async def test_two_sweeps_of_one_request_id_at_once_are_recorded_as_one(
    runner: SweepRunner, make_plan: MakePlan, sweep_store: SweepStore
) -> None:
    plan = make_plan()
    sweeps = [started_of(plan, request_id="twice") for _ in range(2)]
    ends = [finished_of(each) for each in await asyncio.gather(*(all_of(runner, plan, started) for started in sweeps))]
    assert len((await sweep_store.list_sweeps(filter_text="", page_size=0, page_token=""))[0]) == 1
    assert {each.result_digest for each in ends} == {ends[0].result_digest}
    assert sum(each.recorded for each in ends) >= 1


async def test_a_known_request_id_is_told_from_the_store(
    runner: SweepRunner, recorder: SweepRecorder, make_plan: MakePlan, processes: LocalProcesses, data_dir: Path
) -> None:
    plan = make_plan(spec={"symbols": ["GOOG", "IBM"]}, rank_by="annual_volatility", top=2)
    first = await all_of(runner, plan, started_of(plan, request_id="known"))
    nobody = Watched(processes, lambda _, came: came)
    async with running(nobody, recorder, data_dir) as another:
        again = await all_of(another, plan, started_of(plan, request_id="known"))
        short = await all_of(another, plan, started_of(plan, request_id="known"), replace(WISHES, omit_batches=True))
    assert nobody.handed_over == 0
    for kind in ("started", "ranked", "finished"):
        told = [[getattr(answer, kind) for answer in answers if answer.HasField(kind)] for answers in (first, again, short)]
        assert told[0] == told[1] == told[2]
    assert [answer.batch.completed_count for answer in short if answer.HasField("batch")] == [10]
    assert not any(answer.batch.HasField("results") for answer in short)


async def test_the_request_id_of_a_cancelled_sweep_makes_another_one(runner: SweepRunner, make_plan: MakePlan) -> None:
    plan = make_plan()
    left = runner.run(plan, started_of(plan, request_id="left"), WISHES)
    await anext(left)
    await left.aclose()
    await eventually(lambda: not runner._tasks)
    finished = finished_of(await all_of(runner, plan, started_of(plan, request_id="left")))
    assert (finished.state, finished.recorded) == (SUCCEEDED, True)


async def test_a_sweep_without_any_result_has_failed_with_the_first_failure(
    runner: SweepRunner, make_plan: MakePlan, sweep_store: SweepStore
) -> None:
    plan = make_plan("raises_in_signals", grid={"weight": [0.5, 0.6]})
    started = started_of(plan)
    finished = finished_of(await all_of(runner, plan, started))
    assert (finished.state, finished.error.reason, finished.failed_count, finished.recorded) == (FAILED, "STRATEGY_FAILED", 2, True)
    assert "no such indicator" in finished.error.message
    assert await stored_state(sweep_store, started.sweep_id) == (FAILED, 0)


async def test_a_bug_of_ours_fails_the_sweep_and_is_not_told(
    processes: LocalProcesses, recorder: SweepRecorder, make_plan: MakePlan, data_dir: Path
) -> None:
    def breaks(_number: int, _came: ShardResults) -> ShardResults:
        raise ZeroDivisionError("ours")

    plan = make_plan()
    async with running(Watched(processes, breaks), recorder, data_dir) as runner:
        finished = finished_of(await all_of(runner, plan, started_of(plan)))
    assert (finished.state, finished.error.reason) == (FAILED, "INTERNAL")
    assert "ours" not in finished.error.message


async def test_processes_that_are_lost_fail_the_sweep_or_its_verification(
    processes: LocalProcesses, recorder: SweepRecorder, make_plan: MakePlan, data_dir: Path
) -> None:
    def loses_from(first: int) -> Callable[[int, ShardResults], ShardResults]:
        def see(number: int, came: ShardResults) -> ShardResults:
            if number >= first:
                raise ShardLost("every process died")
            return came

        return see

    plan = make_plan(verify=True)
    async with running(Watched(processes, loses_from(0)), recorder, data_dir) as runner:
        finished = finished_of(await all_of(runner, plan, started_of(plan)))
    assert (finished.state, finished.error.reason, finished.recorded) == (FAILED, "WORKER_LOST", True)
    async with running(Watched(processes, loses_from(2)), recorder, data_dir) as runner:  # a shard, the best result; then zipline's
        answers = await all_of(runner, plan, started_of(plan))
    assert finished_of(answers).state == SUCCEEDED
    assert answers[-1].verification.outcome == engine_service_pb2.SweepVerification.OUTCOME_DIVERGED
    assert "every process died" in answers[-1].verification.summary


async def test_results_are_promoted_with_a_link_and_a_refusal_is_told(runner: SweepRunner, make_plan: MakePlan) -> None:
    asked: list[tuple[run_pb2.RunSpec, run_pb2.SweepLink]] = []

    async def promote(spec: run_pb2.RunSpec, _engine: run_pb2.EngineChoice, link: run_pb2.SweepLink) -> str:
        asked.append((spec, link))
        return "a-run" if len(asked) == 1 else await refuse(spec, _engine, link)

    plan = make_plan(promote_top=2)
    started = started_of(plan)
    answers = await all_of(runner, plan, started, replace(WISHES, promote=promote))
    promotions = [answer.promotion for answer in answers if answer.HasField("promotion")]
    ranked = ranked_of(answers)
    assert [each.number for each in promotions] == list(ranked.numbers[:2])
    assert (promotions[0].run_id, promotions[1].error.reason) == ("a-run", "QUEUE_FULL")
    spec, link = asked[0]
    assert (link.sweep_id, link.number) == (started.sweep_id, ranked.numbers[0])
    assert spec.parameters["fast"] == ranked.parameters[0].numbers[0]
