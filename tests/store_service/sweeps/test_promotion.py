"""A result becomes a full run: the spec of the sweep with the result's parameters, linked to it."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

import pytest
from google.protobuf import struct_pb2

from store_service.runs.engine import Engine
from store_service.runs.organizing import RunOrganizer
from store_service.runs.store import RunStore
from store_service.sweeps.promotion import Promotions, result_spec
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import run_pb2, sweep_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_replays import LedgerEngine, fields_of, refusal
from tests.fix_runs import make_spec, new_run_id
from tests.fix_sweeps import RecordSweep, make_parts, make_results, make_sweep_spec, make_sweep_started, without_results


async def promoted(promotions: Promotions, sweep_id: str, number: int, request_id: str = "") -> list[run_pb2.RunEvent]:
    async with aclosing(promotions.promote_sweep_result(sweep_id, number, request_id=request_id)) as events:
        return [event async for event in events]


async def test_the_run_of_a_result_is_executed_and_recorded_with_its_link(
    promotions: Promotions, record_sweep: RecordSweep, run_store: RunStore, sweep_store: SweepStore, ledger_engine: LedgerEngine
) -> None:
    sweep_id = await record_sweep()
    events = await promoted(promotions, sweep_id, 5)
    assert [event.sequence for event in events] == [1, 2, 3]
    run = await run_store.get_run(events[0].started.run_id)
    assert run.sweep == run_pb2.SweepLink(sweep_id=sweep_id, number=5)
    assert run.spec == make_spec(parameters={"fast": 10, "slow": 30}, symbols=["AAPL"])
    assert dict(run.labels) == {"team": "alpha"}
    assert (run.state, ledger_engine.requests[0].engine) == (run_pb2.RUN_STATE_SUCCEEDED, run_pb2.ENGINE_CHOICE_AUTO)
    assert (await sweep_store.get_sweep_result(sweep_id, 5))[1].promoted_run_id == run.run_id
    linked, _ = await run_store.list_runs(filter_text=f"sweep_id = {sweep_id} sweep_number = 5")
    assert [found.run_id for found in linked] == [run.run_id]


async def test_a_run_that_is_deleted_is_not_named_as_the_run_of_its_result(
    promotions: Promotions, record_sweep: RecordSweep, run_organizer: RunOrganizer, sweep_store: SweepStore
) -> None:
    sweep_id = await record_sweep()
    run_id = (await promoted(promotions, sweep_id, 5))[0].started.run_id
    await run_organizer.delete_run(run_id)
    assert (await sweep_store.get_sweep_result(sweep_id, 5))[1].promoted_run_id == ""
    await run_organizer.undelete_run(run_id)
    assert (await sweep_store.get_sweep_result(sweep_id, 5))[1].promoted_run_id == run_id


def test_symbols_that_are_traded_together_stay_together() -> None:
    sweep = sweep_pb2.Sweep(sweep=make_sweep_spec())
    result = sweep_pb2.SweepResult(parameters={"fast": 7})
    assert list(result_spec(sweep, result).symbols) == list(sweep.sweep.spec.symbols)
    assert result_spec(sweep, result).parameters.fields["fast"] == struct_pb2.Value(number_value=7)


async def test_the_same_request_makes_one_run(promotions: Promotions, record_sweep: RecordSweep) -> None:
    sweep_id = await record_sweep()
    first, again = [await promoted(promotions, sweep_id, 1, request_id="once") for _ in range(2)]
    assert first == again
    other = await refusal(lambda: promoted(promotions, sweep_id, 2, request_id="once"))
    assert other.reason == "REQUEST_ID_REUSED"


async def test_a_run_of_another_sweep_is_not_taken_for_this_one(promotions: Promotions, record_sweep: RecordSweep) -> None:
    """Both sweeps ask the same, so their runs have the same spec."""
    older, newer = [await record_sweep() for _ in range(2)]
    await promoted(promotions, older, 1, request_id="once")
    error = await refusal(lambda: promoted(promotions, newer, 1, request_id="once"))
    assert (error.reason, fields_of(error)) == ("REQUEST_ID_REUSED", ["request_id"])
    assert f"does not come from result 1 of sweep {newer}" in error.message


@pytest.mark.parametrize("number", [7, 2**31 - 1])
async def test_an_unknown_result_is_not_found(promotions: Promotions, record_sweep: RecordSweep, number: int) -> None:
    sweep_id = await record_sweep()
    error = await refusal(lambda: promoted(promotions, sweep_id, number))
    assert (error.reason, error.metadata) == ("SWEEP_NOT_FOUND", {"sweep_id": sweep_id, "number": str(number)})


async def test_a_sweep_that_is_unknown_or_has_no_results_has_nothing_to_promote(promotions: Promotions, record_sweep: RecordSweep) -> None:
    for sweep_id in (new_run_id(), await record_sweep(without_results(sweep_pb2.SWEEP_STATE_CANCELLED))):
        assert (await refusal(partial(promoted, promotions, sweep_id, 1))).reason == "SWEEP_NOT_FOUND"


async def test_everything_wrong_is_said_at_once(promotions: Promotions) -> None:
    error = await refusal(lambda: promoted(promotions, "7", 0, request_id="x" * 129))
    assert fields_of(error) == ["sweep_id", "number", "request_id"]


async def test_without_an_engine_nothing_is_started(record_sweep: RecordSweep, sweep_store: SweepStore, run_store: RunStore) -> None:
    sweep_id = await record_sweep()
    async with open_aio_channel("127.0.0.1:1") as channel:
        away = Promotions(sweep_store, run_store, Engine(channel))
        error = await refusal(lambda: promoted(away, sweep_id, 1))
    assert (type(error), error.reason) == (errors.Unavailable, "ENGINE_UNAVAILABLE")
    assert await run_store.count_runs() == 0


async def test_the_data_has_to_be_that_of_the_sweep(promotions: Promotions, record_sweep: RecordSweep, ledger_engine: LedgerEngine) -> None:
    ledger_engine.fingerprints[:] = ["another"]
    sweep_id = await record_sweep()
    assert (await refusal(lambda: promoted(promotions, sweep_id, 1))).reason == "DATASET_GONE"


async def test_a_strategy_that_is_gone_is_named(promotions: Promotions, record_sweep: RecordSweep, ledger_engine: LedgerEngine) -> None:
    ledger_engine.strategies[:] = ["momentum"]
    sweep_id = await record_sweep()
    error = await refusal(lambda: promoted(promotions, sweep_id, 1))
    assert (error.reason, error.metadata["strategy"]) == ("STRATEGY_NOT_INSTALLED", "sma_crossover")


async def test_what_the_engine_refuses_is_refused(promotions: Promotions, record_sweep: RecordSweep, run_store: RunStore) -> None:
    together = make_sweep_spec(spec=make_spec(symbols=["A", "B", "C", "D"]), symbol_grouping=sweep_pb2.SYMBOL_GROUPING_TOGETHER)
    sweep_id = await record_sweep(make_parts(make_sweep_started(sweep=together, result_count=3), [make_results(range(1, 4))]))
    error = await refusal(lambda: promoted(promotions, sweep_id, 1))
    assert fields_of(error) == ["spec"]
    assert await run_store.count_runs() == 0
