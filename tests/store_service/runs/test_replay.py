"""Replays: the run again, recorded as a run of its own, and what it showed."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import Any

import grpc
import pytest

from store_service.runs.engine import Engine
from store_service.runs.execution import MAX_REQUEST_ID_CHARS
from store_service.runs.organizing import RunOrganizer
from store_service.runs.replay import Replays
from store_service.runs.store import RunStore
from tapedeck.v1 import engine_service_pb2, run_pb2, store_service_pb2
from tapedeck.v1.engine_service_pb2_grpc import add_EngineServiceServicer_to_server
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_replays import LedgerEngine, refusal, served
from tests.fix_runs import FINGERPRINT, Record, make_events, make_spec, make_started, new_run_id, whole_run

Overrides = store_service_pb2.RunOverrides
Verdict = run_pb2.ReplayVerdict


@pytest.fixture
async def original(ledger_engine: LedgerEngine, record: Record) -> str:
    """A run that the engine would make again in the same way."""
    request = engine_service_pb2.RunBacktestRequest(spec=make_spec(), labels={"team": "alpha"})
    return await record(ledger_engine.events_of(request))


async def replayed(replays: Replays, run_id: str, overrides: Overrides | None = None, **how: Any) -> tuple[list[run_pb2.RunEvent], Verdict]:
    """All events and the verdict."""
    messages = [message async for message in replays.replay_run(run_id, overrides, **how)]
    *events, verdict = messages
    assert isinstance(verdict, Verdict)
    return [event for event in events if isinstance(event, run_pb2.RunEvent)], verdict


async def test_a_replay_without_overrides_proves_the_run(replays: Replays, run_store: RunStore, original: str) -> None:
    events, verdict = await replayed(replays, original)
    replay = await run_store.get_run(verdict.run_id)
    assert verdict.outcome == Verdict.OUTCOME_IDENTICAL
    assert verdict.original_run_id == replay.replay.original_run_id == original != replay.run_id
    assert replay.verdict == verdict
    assert [event async for event in run_store.watch_run(replay.run_id)] == events


async def test_the_replay_reads_what_the_original_read_and_keeps_its_labels(
    replays: Replays, ledger_engine: LedgerEngine, original: str
) -> None:
    ledger_engine.fingerprints = ["new", FINGERPRINT]
    await replayed(replays, original)
    (request,) = ledger_engine.requests
    assert request.spec == make_spec()
    assert dict(request.labels) == {"team": "alpha"}
    assert request.save


async def test_a_deleted_run_is_replayed_only_when_it_is_brought_back(
    replays: Replays, run_organizer: RunOrganizer, ledger_engine: LedgerEngine, original: str
) -> None:
    await run_organizer.delete_run(original)
    error = await refusal(lambda: replayed(replays, original))
    assert (type(error), error.reason, ledger_engine.requests) == (errors.FailedPrecondition, "RUN_DELETED", [])
    await run_organizer.undelete_run(original)
    assert (await replayed(replays, original))[1].outcome == Verdict.OUTCOME_IDENTICAL


async def test_another_result_is_diverged_with_the_first_session_and_what_changed(
    replays: Replays, ledger_engine: LedgerEngine, original: str
) -> None:
    ledger_engine.bias, ledger_engine.numpy_version = 1e-9, "2.5.0"
    _, verdict = await replayed(replays, original)
    assert verdict.outcome == Verdict.OUTCOME_DIVERGED
    assert verdict.first_difference == run_pb2.SessionDifference(
        session_date="2010-01-06", field="portfolio_values", original_value="100000.0", replayed_value="100000.000000001"
    )
    assert [(d.kind, d.field, d.original_value, d.replayed_value) for d in verdict.provenance_differences] == [
        ("VERSION_CHANGED", "versions.numpy", "2.4.6", "2.5.0")
    ]


async def test_overrides_run_the_changed_spec_and_are_named(replays: Replays, ledger_engine: LedgerEngine, original: str) -> None:
    _, verdict = await replayed(replays, original, Overrides(parameters={"fast": 20, "slow": 30}, capital_base=5.0, symbols=["GOOG"]))
    (request,) = ledger_engine.requests
    assert verdict.outcome == Verdict.OUTCOME_OVERRIDDEN
    assert list(verdict.overridden_fields) == ["symbols", "capital_base", "parameters.fast"]
    assert request.spec == make_spec(parameters={"fast": 20, "slow": 30}, capital_base=5.0, symbols=["GOOG"])
    assert list(request.replay.overridden_fields) == list(verdict.overridden_fields)


async def test_an_override_by_the_recorded_value_is_none(replays: Replays, original: str) -> None:
    _, verdict = await replayed(replays, original, Overrides(start_date="2010-01-04", parameters={"fast": 10}))
    assert verdict.outcome == Verdict.OUTCOME_IDENTICAL


async def test_a_failed_run_can_be_replayed_but_not_compared(replays: Replays, record: Record) -> None:
    _, verdict = await replayed(replays, await record(whole_run(state=run_pb2.RUN_STATE_FAILED)))
    assert verdict.outcome == Verdict.OUTCOME_INCOMPARABLE


async def test_a_replay_that_fails_can_not_be_compared(replays: Replays, ledger_engine: LedgerEngine, original: str) -> None:
    ledger_engine.state = run_pb2.RUN_STATE_FAILED
    events, verdict = await replayed(replays, original)
    assert events[-1].finished.error.message == "ValueError: no"
    assert verdict.outcome == Verdict.OUTCOME_INCOMPARABLE


class TestData:
    """Which version of the data is read."""

    async def test_the_latest_when_asked_for(self, replays: Replays, ledger_engine: LedgerEngine, original: str) -> None:
        ledger_engine.fingerprints = ["new", FINGERPRINT]
        _, verdict = await replayed(replays, original, data=store_service_pb2.REPLAY_DATA_LATEST)
        assert verdict.outcome == Verdict.OUTCOME_IDENTICAL
        assert [d.kind for d in verdict.provenance_differences] == ["DATASET_CHANGED"]

    async def test_the_latest_when_the_recorded_one_is_gone(self, replays: Replays, ledger_engine: LedgerEngine, original: str) -> None:
        ledger_engine.fingerprints = ["new"]
        await replayed(replays, original)
        assert ledger_engine.requests[0].spec.dataset_fingerprint == "new"

    async def test_not_the_latest_when_the_recorded_one_was_asked_for(
        self, replays: Replays, ledger_engine: LedgerEngine, original: str
    ) -> None:
        ledger_engine.fingerprints = ["new"]
        await refused(replays, errors.FailedPrecondition, "DATASET_GONE", original, data=store_service_pb2.REPLAY_DATA_RECORDED)

    @pytest.mark.parametrize("data", store_service_pb2.ReplayData.values())
    async def test_none_when_the_dataset_is_gone(self, replays: Replays, ledger_engine: LedgerEngine, original: str, data: int) -> None:
        ledger_engine.fingerprints = [""]
        await refused(replays, errors.FailedPrecondition, "DATASET_GONE", original, data=data)
        assert ledger_engine.requests == []


async def refused(replays: Replays, kind: type[errors.CallError], reason: str, run_id: str, **how: Any) -> errors.CallError:
    """The error that a replay is refused with."""
    with pytest.raises(kind) as raised:
        await replayed(replays, run_id, **how)
    assert raised.value.reason == reason
    return raised.value


async def test_a_strategy_that_is_gone_is_named_with_path_and_version(replays: Replays, ledger_engine: LedgerEngine, original: str) -> None:
    ledger_engine.strategies = ["momentum"]
    error = await refused(replays, errors.FailedPrecondition, "STRATEGY_NOT_INSTALLED", original)
    assert error.message == (
        "strategy sma_crossover is not installed any more: it was engine_service.strategies.sma_crossover, version 0.1.0"
    )


async def test_a_run_that_has_not_ended_is_not_replayed(replays: Replays, record: Record) -> None:
    running = await record(make_events(make_started()))
    with pytest.raises(errors.FailedPrecondition, match="has not ended"):
        await replayed(replays, running)


async def test_an_unknown_run_is_not_found(replays: Replays) -> None:
    await refused(replays, errors.NotFound, "RUN_NOT_FOUND", new_run_id())


async def test_everything_wrong_with_the_request_is_said_at_once(replays: Replays) -> None:
    error = await refused(replays, errors.InvalidArgument, "INVALID_REQUEST", "x", data=9, request_id="x" * (MAX_REQUEST_ID_CHARS + 1))
    assert isinstance(error, errors.InvalidArgument)
    assert [violation.field for violation in error.violations] == ["run_id", "data", "request_id"]


async def test_what_the_engine_refuses_is_passed_on(replays: Replays, original: str) -> None:
    error = await refused(replays, errors.InvalidArgument, "INVALID_REQUEST", original, overrides=Overrides(start_date="2020-01-02"))
    assert error.message == "spec: is nothing that can be executed"


async def test_an_engine_that_is_away_is_said_before_any_run_is_made(run_store: RunStore, original: str) -> None:
    async with open_aio_channel("127.0.0.1:1") as channel:
        error = await refused(Replays(run_store, Engine(channel)), errors.Unavailable, "ENGINE_UNAVAILABLE", original)
    assert error.retry_after_seconds is not None
    assert await run_store.count_runs() == 1


async def test_a_replay_whose_engine_vanishes_is_followed_in_the_record(
    run_store: RunStore, ledger_engine: LedgerEngine, original: str
) -> None:
    ledger_engine.may_go_on.clear()
    async with AsyncExitStack() as engine_server, AsyncExitStack() as closing:
        target = await engine_server.enter_async_context(served(add_EngineServiceServicer_to_server, ledger_engine))
        channel = await closing.enter_async_context(open_aio_channel(target))
        replaying = await closing.enter_async_context(aclosing(Replays(run_store, Engine(channel)).replay_run(original)))
        messages = [await anext(replaying)]
        await engine_server.aclose()
        ledger_engine.may_go_on.set()
        messages += [message async for message in replaying]
    assert [message.sequence for message in messages if isinstance(message, run_pb2.RunEvent)] == [1, 2, 3]
    assert isinstance(messages[-1], Verdict)
    assert messages[-1].outcome == Verdict.OUTCOME_IDENTICAL


async def test_the_same_request_id_makes_one_run(replays: Replays, run_store: RunStore, original: str) -> None:
    first = await replayed(replays, original, request_id="once")
    assert await replayed(replays, original, request_id="once") == first
    assert await run_store.count_runs() == 2


async def test_a_request_id_of_another_run_is_refused(replays: Replays, ledger_engine: LedgerEngine, original: str, record: Record) -> None:
    request = engine_service_pb2.RunBacktestRequest(spec=make_spec(), request_id="taken")
    await record(ledger_engine.events_of(request))
    await refused(replays, errors.InvalidArgument, "REQUEST_ID_REUSED", original, request_id="taken")


async def test_a_replay_ends_well_without_its_caller(
    store_stub: Any, run_store: RunStore, ledger_engine: LedgerEngine, original: str
) -> None:
    ledger_engine.may_go_on.clear()
    call = store_stub.ReplayRun(store_service_pb2.ReplayRunRequest(run_id=original))
    replay_id = (await call.read()).event.started.run_id
    call.cancel()
    assert await call.code() == grpc.StatusCode.CANCELLED
    assert not (await run_store.get_run(replay_id)).HasField("verdict")
    ledger_engine.may_go_on.set()
    await asyncio.gather(*ledger_engine.tasks)
    (replay,), _ = await run_store.list_runs(filter_text=f"replay_of = {original}")
    assert replay.verdict.outcome == Verdict.OUTCOME_IDENTICAL


async def test_on_the_wire_the_verdict_is_the_last_message(store_stub: Any, original: str) -> None:
    messages = [message async for message in store_stub.ReplayRun(store_service_pb2.ReplayRunRequest(run_id=original))]
    assert [message.WhichOneof("response") for message in messages] == ["event", "event", "event", "verdict"]
    assert [message.event.sequence for message in messages[:-1]] == [1, 2, 3]
