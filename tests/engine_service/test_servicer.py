"""EngineService on the wire, on a real runner, a real RecordService and a real StoreService of this process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from engine_service.datasets import Catalogue
from engine_service.servicer import EngineServicer
from engine_service.strategies import load_strategies
from engine_service.sweeps.executors import LocalProcesses
from engine_service.sweeps.recording import SweepRecorder
from engine_service.sweeps.sweep_runner import SweepRunner
from store_service.runs.store import RunStore
from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc, run_pb2, store_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.status import from_rpc_error
from tests.fix_engine import ALLOWED, Engine, OpenEngine, RecordPort, eventually
from tests.fix_replays import served


@pytest.fixture
async def engine(open_engine: OpenEngine) -> AsyncIterator[Engine]:
    async with open_engine() as opened:
        yield opened


@pytest.fixture
async def stub(
    engine: Engine, record_port: RecordPort, store_stub: store_service_pb2_grpc.StoreServiceStub, data_dir: Path
) -> AsyncIterator[Any]:
    """A stub of the engine; the store that it asks has the same database."""
    processes = LocalProcesses(1, 2 << 30)
    async with contextlib.AsyncExitStack() as stack:
        records = await stack.enter_async_context(open_aio_channel(record_port.address))
        sweeps = SweepRunner(processes, SweepRecorder(records, records, wait_seconds=1), data_dir, ALLOWED)
        stack.push_async_callback(processes.close)
        stack.push_async_callback(sweeps.close)
        strategies, catalogue = load_strategies(ALLOWED), Catalogue(data_dir)
        servicer = EngineServicer(engine.runner, strategies, catalogue, store_stub, sweeps, run_timeout_seconds=60)
        target = await stack.enter_async_context(served(engine_service_pb2_grpc.add_EngineServiceServicer_to_server, servicer))
        channel = await stack.enter_async_context(open_aio_channel(target))
        yield engine_service_pb2_grpc.EngineServiceStub(channel)


def request(strategy: str = "buy_and_hold", *, request_id: str = "", save: bool = True, **parameters: float) -> Any:
    spec = run_pb2.RunSpec(strategy=strategy, dataset="wiki", symbols=["GOOG"], start_date="2006-01-03", end_date="2006-12-29")
    spec.parameters.update(parameters)
    return engine_service_pb2.RunBacktestRequest(spec=spec, request_id=request_id, save=save)


async def events_of(answers: Any) -> list[run_pb2.RunEvent]:
    return [answer.event async for answer in answers]


async def test_a_known_request_id_is_answered_with_what_is_recorded(stub: Any) -> None:
    first = await events_of(stub.RunBacktest(request(request_id="the-same")))
    again = await events_of(stub.RunBacktest(request(request_id="the-same")))
    assert first[-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED
    assert again == first


async def test_a_recorded_run_of_the_same_spec_is_the_answer_to_whoever_reuses_it(stub: Any, run_store: RunStore) -> None:
    first = await events_of(stub.RunBacktest(request()))
    for save in (True, False):
        asked = request(save=save)
        asked.duplicate_policy = run_pb2.DUPLICATE_POLICY_REUSE
        answers = [answer async for answer in stub.RunBacktest(asked)]
        assert [answer.event for answer in answers] == first
        assert [run.run_id for answer in answers for run in answer.earlier_runs] == [first[0].started.run_id]
    assert await run_store.count_runs() == 1


async def test_a_run_of_a_recorded_spec_is_refused_to_whoever_wants_none_but_not_to_its_own_request(stub: Any, run_store: RunStore) -> None:
    asked = request(request_id="mine")
    asked.duplicate_policy = run_pb2.DUPLICATE_POLICY_REFUSE
    first = await events_of(stub.RunBacktest(asked))
    assert await events_of(stub.RunBacktest(asked)) == first
    asked.request_id = "another"
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await events_of(stub.RunBacktest(asked))
    assert raised.value.code() == grpc.StatusCode.ALREADY_EXISTS
    refused = from_rpc_error(raised.value)
    assert refused.reason == "DUPLICATE_RUN"
    assert refused.metadata["existing_run_id"] == first[0].started.run_id
    assert await run_store.count_runs() == 1
    asked.duplicate_policy = run_pb2.DUPLICATE_POLICY_RUN
    answers = [answer async for answer in stub.RunBacktest(asked)]
    assert [run.run_id for run in answers[0].earlier_runs] == [first[0].started.run_id]
    assert answers[0].event.started.run_id != first[0].started.run_id


async def test_the_caller_of_a_run_that_another_engine_claims_sees_its_end(
    stub: Any, engine: Engine, open_engine: OpenEngine, record_port: RecordPort
) -> None:
    call = stub.RunBacktest(request("slow", seconds_per_session=0.01))
    answers = aiter(call)
    shown = [(await anext(answers)).event for _ in range(2)]
    run_id = shown[0].started.run_id
    await record_port.stop()
    record_port.expire_leases_after(0)
    await record_port.store.append(run_id, 1, 2, [])
    claim = await record_port.store.claim_stale("another engine")
    assert claim is not None
    await record_port.store.append(run_id, claim.writer_epoch, 2, shown[1:])
    await record_port.start()
    await eventually(lambda: not engine.runner._runs)
    end = run_pb2.RunEvent(sequence=3, finished=run_pb2.RunFinished(state=run_pb2.RUN_STATE_CANCELLED, recorded=True))
    await record_port.store.append(run_id, claim.writer_epoch, 3, [end])
    rest = await events_of(answers)
    assert rest[-1] == end
    assert all(event.sequence > 2 for event in rest)


async def test_an_unsaved_run_whose_caller_leaves_is_cancelled(stub: Any, engine: Engine) -> None:
    call = stub.RunBacktest(request("slow", save=False, seconds_per_session=0.05))
    await call.read()
    (run,) = engine.runner._runs.values()
    call.cancel()
    await eventually(lambda: not engine.runner._runs)
    assert run.cancelled


async def test_a_saved_run_whose_caller_leaves_goes_on(stub: Any, engine: Engine, run_store: RunStore) -> None:
    call = stub.RunBacktest(request())
    run_id = (await call.read()).event.started.run_id
    call.cancel()
    await eventually(lambda: not engine.runner._runs)
    assert (await run_store.get_run(run_id)).state == run_pb2.RUN_STATE_SUCCEEDED


async def test_a_wrong_request_is_refused_before_anything_runs(stub: Any, engine: Engine) -> None:
    wrong = request("no_such_strategy")
    wrong.spec.end_date = "later"
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await events_of(stub.RunBacktest(wrong))
    refused = from_rpc_error(raised.value)
    assert isinstance(refused, errors.InvalidArgument)
    assert {violation.field for violation in refused.violations} == {"spec.strategy", "spec.end_date"}
    assert not engine.runner._runs


async def test_a_sweep_is_streamed_and_its_best_result_becomes_a_run(stub: Any, run_store: RunStore) -> None:
    spec = run_pb2.RunSpec(strategy="sma_crossover", dataset="wiki", symbols=["GOOG"], start_date="2006-01-03", end_date="2006-12-29")
    asked = engine_service_pb2.RunSweepRequest(spec=spec, promote_top=1)
    asked.grid.update({"fast": [5, 10], "slow": [20, 50]})
    answers = [answer async for answer in stub.RunSweep(asked)]
    assert [answer.WhichOneof("event") for answer in answers] == ["started", "batch", "ranked", "finished", "promotion"]
    assert answers[3].finished.recorded
    run = await run_store.get_run(answers[4].promotion.run_id)
    assert (run.state, run.sweep.sweep_id) == (run_pb2.RUN_STATE_SUCCEEDED, answers[0].started.sweep_id)
    assert run.metrics.sharpe_ratio == answers[2].ranked.metrics[3].values[0]


async def test_strategies_and_datasets_are_described(stub: Any) -> None:
    strategies = (await stub.ListStrategies(engine_service_pb2.ListStrategiesRequest())).strategies
    assert [strategy.name for strategy in strategies] == sorted(load_strategies(ALLOWED))
    fast = next(strategy for strategy in strategies if strategy.name == "sma_crossover").parameters[0]
    assert (fast.name, fast.type, fast.minimum) == ("fast", "integer", 1)
    datasets = (await stub.ListDatasets(engine_service_pb2.ListDatasetsRequest())).datasets
    assert [dataset.name for dataset in datasets] == ["wiki"]


async def test_a_parameter_that_is_a_list_is_described_with_its_default_and_the_number_of_its_items(stub: Any) -> None:
    listed = await stub.ListStrategies(engine_service_pb2.ListStrategiesRequest())
    parameters = {one.name: one for strategy in listed.strategies if strategy.name == "rule_stack" for one in strategy.parameters}
    entry = parameters["entry"]
    assert (entry.type, entry.minimum, entry.maximum) == ("array", 1, 8)
    assert list(entry.default_value.list_value) == ["sma_above(10,30)"]
    assert "rsi(window, level)" in entry.doc
    assert list(parameters["exit"].default_value.list_value) == []
    assert parameters["weight"].exclusive_minimum


async def test_a_stack_of_rules_runs_and_its_spec_says_it_as_lists(stub: Any) -> None:
    asked = request("rule_stack")
    asked.spec.parameters.update({"entry": ["sma_above( 10, 30 )", "volatility_below(20,0.6)"], "exit": "rsi_above(14,75)"})
    events = await events_of(stub.RunBacktest(asked))
    assert events[-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED
    assert events[-1].finished.metrics.trades_total > 0
    held = json_format.MessageToDict(events[0].started.spec.parameters)
    assert held == {"entry": ["sma_above(10,30)", "volatility_below(20,0.6)"], "exit": ["rsi_above(14,75)"], "weight": 0.95}


async def test_every_wrong_rule_of_a_stack_is_a_violation_of_its_own(stub: Any) -> None:
    asked = request("rule_stack")
    asked.spec.parameters.update({"entry": ["macd_above(1,2)", "sma_above(10,30)", "rsi_below(14,300)"], "exit": []})
    with pytest.raises(grpc.RpcError) as raised:
        await events_of(stub.RunBacktest(asked))
    refused = from_rpc_error(raised.value)
    assert isinstance(refused, errors.InvalidArgument)
    assert [violation.field for violation in refused.violations] == ["spec.parameters.entry.0", "spec.parameters.entry.2"]
    assert "must be one of sma(fast, slow)" in refused.violations[0].description
    assert "level must be a number from 0 to 100, not rsi_below(14,300)" in refused.violations[1].description
