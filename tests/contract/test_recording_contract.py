"""What RecordService promises to engines, asked of the store itself and through gRPC: the wire changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from sqlalchemy import func, select, text, update

from store_service.conversions import current_state
from store_service.database import Database
from store_service.models import round_trips, run_batches, runs
from store_service.recording.queries import load_events
from store_service.recording.servicer import RecordServicer
from store_service.recording.store import MAX_CLAIMS, Ack, Claim, RecordingStore
from store_service.sweeps.recording import SweepRecording
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc, run_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.interceptors import server_interceptors
from tapedeck_rpc.status import from_rpc_error, from_status
from tests.fix_runs import make_events, make_finished, make_sessions, make_started, new_run_id, session_dates, whole_run
from tests.fix_strategies import strategies_of


class ThroughGrpc:
    """The verbs of RecordingStore, on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def append(self, run_id: str, writer_epoch: int, first_sequence: int, events: Sequence[run_pb2.RunEvent], **how: Any) -> Ack:
        request = record_service_pb2.RecordRunsRequest(
            run_id=run_id, writer_epoch=writer_epoch, first_sequence=first_sequence, events=events, **how
        )
        answers = [answer async for answer in self._stub.RecordRuns(iter([request]))]
        assert [answer.run_id for answer in answers] == [run_id]
        if answers[0].HasField("error"):
            raise from_status(answers[0].error)
        return Ack(answers[0].next_sequence, answers[0].cancel_requested, list(answers[0].earlier_runs), answers[0].existing_run_id)

    async def look(self, run_id: str, spec_digest: str) -> Ack:
        return await self.append(run_id, 1, 1, make_events(make_started(run_id, spec_digest=spec_digest)), look_only=True)

    async def claim_stale(self, engine_id: str) -> Claim | None:
        answer = await self._stub.ClaimStaleRun(record_service_pb2.ClaimStaleRunRequest(engine_id=engine_id))
        return Claim(answer.run_id, answer.writer_epoch, answer.started, answer.next_sequence) if answer.run_id else None

    async def request_cancel(self, run_id: str) -> int:
        try:
            return (await self._stub.RequestCancel(record_service_pb2.RequestCancelRequest(run_id=run_id))).state  # type: ignore[no-any-return]
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error


Recording = RecordingStore | ThroughGrpc


@pytest.fixture(scope="module", params=["store", "grpc"])
async def recording(request: pytest.FixtureRequest, module_database: Database) -> AsyncIterator[Recording]:
    store = RecordingStore(module_database, lease_seconds=30)
    if request.param == "store":
        yield store
        return
    server = grpc.aio.server(interceptors=server_interceptors())
    servicer = RecordServicer(store, SweepRecording(module_database), strategies_of(module_database))
    record_service_pb2_grpc.add_RecordServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield ThroughGrpc(record_service_pb2_grpc.RecordServiceStub(channel))
    await server.stop(None)


@pytest.fixture
def database(module_database: Database) -> Database:
    return module_database


@pytest.fixture
async def no_live_runs(database: Database) -> None:
    """Runs that other tests left unfinished are gone: claims look at all runs."""
    async with database.transaction() as connection:
        await connection.execute(text("DELETE FROM runs WHERE state IN (1, 2)"))


async def column(database: Database, run_id: str, *columns: Any) -> Any:
    async with database.reading() as connection:
        row = (await connection.execute(select(*columns).where(runs.c.run_id == uuid.UUID(run_id)))).one()
    return row[0] if len(columns) == 1 else tuple(row)


async def expire_lease(database: Database, run_id: str) -> None:
    async with database.transaction() as connection:
        expired = text("now() - interval '1 second'")
        await connection.execute(update(runs).where(runs.c.run_id == uuid.UUID(run_id)).values(lease_expire_time=expired))


async def stored(database: Database, run_id: str) -> list[bytes]:
    async with database.reading() as connection:
        return as_bytes(await load_events(connection, uuid.UUID(run_id), 1, 10_000))


def as_bytes(events: Sequence[run_pb2.RunEvent]) -> list[bytes]:
    return [event.SerializeToString(deterministic=True) for event in events]


async def begin(recording: Recording, **started: Any) -> tuple[str, list[run_pb2.RunEvent]]:
    """Record the first event and the first batch of a run; returns its id and all its events."""
    events = whole_run(started=started)
    run_id = events[0].started.run_id
    await recording.append(run_id, 1, 1, events[:2])
    return run_id, events


class TestAppending:
    async def test_a_whole_run_in_one_message_is_stored_as_it_was_sent(self, recording: Recording, database: Database) -> None:
        events = whole_run()
        run_id = events[0].started.run_id
        ack = await recording.append(run_id, 1, 1, events)
        assert ack.next_sequence == len(events) + 1
        assert not ack.cancel_requested
        assert await stored(database, run_id) == as_bytes(events)

    async def test_a_run_moves_from_queued_to_running_to_its_end(self, recording: Recording, database: Database) -> None:
        events = whole_run(state=run_pb2.RUN_STATE_FAILED)
        run_id = events[0].started.run_id
        states = []
        for event in events:
            ack = await recording.append(run_id, 1, event.sequence, [event])
            assert ack.next_sequence == event.sequence + 1
            states.append(await column(database, run_id, runs.c.state))
        assert states == [run_pb2.RUN_STATE_QUEUED, run_pb2.RUN_STATE_RUNNING, run_pb2.RUN_STATE_RUNNING, run_pb2.RUN_STATE_FAILED]
        assert await stored(database, run_id) == as_bytes(events)
        assert await column(database, run_id, runs.c.finish_time) is not None
        assert await column(database, run_id, runs.c.lease_expire_time) is None
        assert await column(database, run_id, runs.c.error_reason, runs.c.error_message) == ("STRATEGY_FAILED", "ValueError: no")

    async def test_events_sent_again_are_acknowledged_and_not_stored_twice(self, recording: Recording, database: Database) -> None:
        events = whole_run()
        run_id = events[0].started.run_id
        await recording.append(run_id, 1, 1, events[:2])
        assert (await recording.append(run_id, 1, 2, events[1:3])).next_sequence == 4  # one known, one new
        for _ in range(2):
            assert (await recording.append(run_id, 1, 1, events)).next_sequence == 5
        assert (await recording.append(run_id, 1, 1, events[:1])).next_sequence == 5
        assert await stored(database, run_id) == as_bytes(events)

    async def test_a_gap_is_refused_with_the_expected_sequence(self, recording: Recording) -> None:
        run_id, events = await begin(recording)
        with pytest.raises(errors.OutOfRange) as refused:
            await recording.append(run_id, 1, 4, events[3:])
        assert (refused.value.reason, refused.value.metadata["expected_sequence"]) == ("SEQUENCE_GAP", "3")
        with pytest.raises(errors.OutOfRange) as refused:
            await recording.append(new_run_id(), 1, 2, events[1:])
        assert refused.value.metadata["expected_sequence"] == "1"

    @pytest.mark.parametrize("place", [0, 1, 3])
    async def test_an_event_that_differs_from_the_stored_one_is_refused(self, recording: Recording, database: Database, place: int) -> None:
        events = whole_run()
        run_id = events[0].started.run_id
        await recording.append(run_id, 1, 1, events)
        changed = run_pb2.RunEvent.FromString(events[place].SerializeToString())
        if place == 0:
            changed.started.labels["team"] = "beta"
        elif place == 1:
            changed.sessions.cash[0] *= 1 + 2**-52
        else:
            changed.finished.round_trips[0].pnl = -0.0
        with pytest.raises(errors.DataLoss) as refused:
            await recording.append(run_id, 1, changed.sequence, [changed])
        assert refused.value.reason == "NONDETERMINISTIC_RESULT"
        assert refused.value.metadata == {"sequence": str(place + 1), "expected_sequence": "5"}
        assert await stored(database, run_id) == as_bytes(events)

    async def test_minus_zero_is_not_zero(self, recording: Recording) -> None:
        events = whole_run()
        events[1].sessions.fills[0].commission = 0.0
        again = run_pb2.RunEvent.FromString(events[1].SerializeToString())
        other_id = new_run_id()
        await recording.append(other_id, 1, 1, [*make_events(make_started(other_id)), events[1]])
        again.sessions.fills[0].commission = -0.0
        with pytest.raises(errors.DataLoss):
            await recording.append(other_id, 1, 2, [again])
        await recording.append(other_id, 1, 2, [events[1]])

    @pytest.mark.parametrize("epoch", [0, 2])
    async def test_a_writer_of_another_epoch_is_fenced(self, recording: Recording, epoch: int) -> None:
        run_id, events = await begin(recording)
        for sent in ([], events[2:]):
            with pytest.raises(errors.FailedPrecondition) as refused:
                await recording.append(run_id, epoch, 3, sent)
            assert refused.value.reason == "WRITER_FENCED"
            assert refused.value.metadata["current_writer_epoch"] == "1"
        unknown = whole_run()
        with pytest.raises(errors.FailedPrecondition, match="epoch"):
            await recording.append(unknown[0].started.run_id, epoch, 1, unknown)

    async def test_nothing_is_added_to_a_run_that_has_ended(self, recording: Recording, database: Database) -> None:
        events = whole_run()
        run_id = events[0].started.run_id
        await recording.append(run_id, 1, 1, events)
        more = make_sessions(session_dates("2011-01-03", 1), [1.0])
        with pytest.raises(errors.FailedPrecondition) as refused:
            await recording.append(run_id, 1, 5, [run_pb2.RunEvent(sequence=5, sessions=more)])
        assert refused.value.reason == "RUN_TERMINAL"
        assert (await recording.append(run_id, 1, 4, events[3:])).next_sequence == 5
        assert (await recording.append(run_id, 1, 0, [])).next_sequence == 5
        assert await stored(database, run_id) == as_bytes(events)

    async def test_a_message_without_events_renews_the_lease(self, recording: Recording, database: Database) -> None:
        run_id, _ = await begin(recording)
        before = await column(database, run_id, runs.c.lease_expire_time)
        assert (await recording.append(run_id, 1, 77, [])).next_sequence == 3
        assert await column(database, run_id, runs.c.lease_expire_time) > before

    async def test_a_sign_of_life_of_an_unknown_run_is_refused(self, recording: Recording) -> None:
        with pytest.raises(errors.NotFound) as refused:
            await recording.append(new_run_id(), 1, 0, [])
        assert refused.value.reason == "RUN_NOT_FOUND"

    async def test_a_refused_message_leaves_nothing_behind(self, recording: Recording, database: Database) -> None:
        run_id, events = await begin(recording)
        events[3].finished.metrics.total_return = float("nan")
        with pytest.raises(errors.InvalidArgument):
            await recording.append(run_id, 1, 3, events[2:])
        assert await stored(database, run_id) == as_bytes(events[:2])

    async def test_everything_that_is_wrong_is_said_at_once(self, recording: Recording) -> None:
        events = whole_run(symbols=["GOOG"], capital_base=-1.0)
        events[0].started.labels["bad"] = "a\0b"
        events[1].sessions.cash[1] = float("nan")
        events[1].sessions.fills[0].symbol = "IBM"
        events[3].finished.state = run_pb2.RUN_STATE_RUNNING
        with pytest.raises(errors.InvalidArgument) as refused:
            await recording.append(events[0].started.run_id, 1, 1, events)
        assert refused.value.reason == "UNSTORABLE_VALUE"
        assert [violation.field for violation in refused.value.violations] == [
            "events[0].started.labels['bad']",
            "events[0].started.spec.capital_base",
            "events[3].finished.state",
            "events[1].sessions.fills[0].symbol",
            "events[1].sessions.cash[1]",
        ]

    async def test_any_text_empty_parameters_and_no_trades_come_back(self, recording: Recording, database: Database) -> None:
        run_id = new_run_id()
        started = make_started(run_id, labels={"naïve 💥": "\u202e\uffff\t", "": ""})
        started.spec.parameters.Clear()
        events = make_events(started, make_finished(metrics={"trades_total": 0, "trades_won": 0}, round_trips=[]))
        await recording.append(run_id, 1, 1, events)
        assert await stored(database, run_id) == as_bytes(events)
        assert await column(database, run_id, runs.c.parameters, runs.c.labels) == ({}, dict(started.labels))

    async def test_a_replay_of_a_run_that_does_not_exist_is_refused(self, recording: Recording) -> None:
        unknown = run_pb2.ReplayLink(original_run_id=new_run_id())
        events = whole_run(started={"replay": unknown})
        with pytest.raises(errors.NotFound) as refused:
            await recording.append(events[0].started.run_id, 1, 1, events)
        assert refused.value.reason == "RUN_NOT_FOUND"

    async def test_a_replay_is_linked_to_its_original(self, recording: Recording, database: Database) -> None:
        original, _ = await begin(recording)
        link = run_pb2.ReplayLink(original_run_id=original, overridden_fields=["start_date"])
        replay, _ = await begin(recording, replay=link)
        linked = await column(database, replay, runs.c.replay_of, runs.c.overridden_fields)
        assert linked == (uuid.UUID(original), ["start_date"])


class TestTheFirstAcknowledgement:
    async def test_a_known_request_id_names_the_run_that_it_made(self, recording: Recording, database: Database) -> None:
        request_id = uuid.uuid4().hex
        first, _ = await begin(recording, request_id=request_id)
        again = whole_run(started={"request_id": request_id})
        ack = await recording.append(again[0].started.run_id, 1, 1, again)
        assert ack == Ack(next_sequence=1, existing_run_id=first)
        assert await stored(database, again[0].started.run_id) == []

    async def test_a_request_id_is_refused_with_another_spec(self, recording: Recording) -> None:
        request_id = uuid.uuid4().hex
        first, _ = await begin(recording, request_id=request_id)
        other = whole_run(started={"request_id": request_id, "spec_digest": "0" * 64})
        with pytest.raises(errors.InvalidArgument) as refused:
            await recording.append(other[0].started.run_id, 1, 1, other)
        assert (refused.value.reason, refused.value.metadata["existing_run_id"]) == ("REQUEST_ID_REUSED", first)

    async def test_of_many_runs_at_once_with_one_request_id_one_is_recorded(self, recording: Recording, database: Database) -> None:
        started = {"request_id": uuid.uuid4().hex, "spec_digest": uuid.uuid4().hex}
        sent = [whole_run(started=started) for _ in range(6)]
        acks = await asyncio.gather(*(recording.append(events[0].started.run_id, 1, 1, events) for events in sent))
        recorded = [events[0].started.run_id for events, ack in zip(sent, acks, strict=True) if not ack.existing_run_id]
        assert len(recorded) == 1
        assert {ack.existing_run_id for ack in acks} == {"", recorded[0]}

    async def test_a_first_event_sent_twice_at_once_is_stored_once(self, recording: Recording, database: Database) -> None:
        events = whole_run(started={"request_id": uuid.uuid4().hex})
        run_id = events[0].started.run_id
        acks = await asyncio.gather(*(recording.append(run_id, 1, 1, events) for _ in range(6)))
        assert {(ack.next_sequence, ack.existing_run_id) for ack in acks} == {(5, "")}
        assert await stored(database, run_id) == as_bytes(events)

    async def test_earlier_runs_of_the_spec_that_succeeded_are_named_newest_first(self, recording: Recording) -> None:
        digest = uuid.uuid4().hex
        finished = []
        for number in range(12):
            events = whole_run(started={"spec_digest": digest, "create_time": {"seconds": 1_600_000_000 + number}})
            await recording.append(events[0].started.run_id, 1, 1, events)
            finished.append(events[0].started.run_id)
        failed = whole_run(started={"spec_digest": digest}, state=run_pb2.RUN_STATE_FAILED)
        await recording.append(failed[0].started.run_id, 1, 1, failed)
        await begin(recording, spec_digest=digest)

        events = whole_run(started={"spec_digest": digest})
        run_id = events[0].started.run_id
        for sent in (events[:1], events):
            earlier = (await recording.append(run_id, 1, 1, sent)).earlier_runs
            assert [run.run_id for run in earlier] == finished[:1:-1]
        assert earlier[0].state == run_pb2.RUN_STATE_SUCCEEDED
        assert earlier[0].create_time.seconds == 1_600_000_011
        assert (await recording.append(run_id, 1, 2, events[1:])).earlier_runs == []


@pytest.mark.parametrize("policy", [run_pb2.DUPLICATE_POLICY_REUSE, run_pb2.DUPLICATE_POLICY_REFUSE])
class TestARunThatMayBeADuplicate:
    async def test_it_is_not_stored_when_its_spec_has_succeeded(
        self, recording: Recording, database: Database, policy: run_pb2.DuplicatePolicy
    ) -> None:
        digest = uuid.uuid4().hex
        older, newer = [whole_run(started={"spec_digest": digest, "create_time": {"seconds": at}}) for at in (1_600_000_000, 1_600_000_001)]
        for events in (newer, older):
            await recording.append(events[0].started.run_id, 1, 1, events)
        again = whole_run(started={"spec_digest": digest})
        ack = await recording.append(again[0].started.run_id, 1, 1, again[:1], duplicate_policy=policy)
        assert (ack.next_sequence, ack.existing_run_id) == (1, newer[0].started.run_id)
        assert [run.run_id for run in ack.earlier_runs] == [newer[0].started.run_id, older[0].started.run_id]
        assert await stored(database, again[0].started.run_id) == []

    async def test_it_is_stored_when_its_spec_has_only_failed_or_not_ended_or_is_deleted(
        self, recording: Recording, database: Database, policy: run_pb2.DuplicatePolicy
    ) -> None:
        digest = uuid.uuid4().hex
        failed = whole_run(started={"spec_digest": digest}, state=run_pb2.RUN_STATE_FAILED)
        deleted = whole_run(started={"spec_digest": digest})
        for events in (failed, deleted):
            await recording.append(events[0].started.run_id, 1, 1, events)
        await begin(recording, spec_digest=digest)
        async with database.transaction() as connection:
            now = {"delete_time": func.now(), "purge_time": func.now()}
            await connection.execute(update(runs).where(runs.c.run_id == uuid.UUID(deleted[0].started.run_id)).values(now))
        events = whole_run(started={"spec_digest": digest})
        ack = await recording.append(events[0].started.run_id, 1, 1, events, duplicate_policy=policy)
        assert ack == Ack(next_sequence=5)
        assert await stored(database, events[0].started.run_id) == as_bytes(events)

    async def test_one_that_is_stored_or_whose_request_id_is_known_is_answered_as_ever(
        self, recording: Recording, policy: run_pb2.DuplicatePolicy
    ) -> None:
        known = {"spec_digest": uuid.uuid4().hex, "request_id": uuid.uuid4().hex}
        first, same_request = whole_run(started=known), whole_run(started=known)
        other = whole_run(started={"spec_digest": known["spec_digest"]})
        run_id = first[0].started.run_id
        for events in (first, other):
            await recording.append(events[0].started.run_id, 1, 1, events)
        sent_again = await recording.append(run_id, 1, 1, first, duplicate_policy=policy)
        assert (sent_again.next_sequence, sent_again.existing_run_id) == (5, "")
        ack = await recording.append(same_request[0].started.run_id, 1, 1, same_request, duplicate_policy=policy)
        assert ack == Ack(next_sequence=1, existing_run_id=run_id)


async def test_earlier_runs_are_not_named_to_whoever_ignores_them(recording: Recording) -> None:
    first, again = (whole_run(started={"spec_digest": "1" * 64}) for _ in range(2))
    await recording.append(first[0].started.run_id, 1, 1, first)
    for _ in range(2):  # also when it is sent again
        ack = await recording.append(again[0].started.run_id, 1, 1, again, duplicate_policy=run_pb2.DUPLICATE_POLICY_IGNORE)
        assert ack == Ack(next_sequence=5)


async def test_looking_names_earlier_runs_and_stores_nothing(recording: Recording, database: Database) -> None:
    events, run_id = whole_run(started={"spec_digest": uuid.uuid4().hex}), new_run_id()
    assert await recording.look(run_id, events[0].started.spec_digest) == Ack(next_sequence=1)
    await recording.append(events[0].started.run_id, 1, 1, events)
    ack = await recording.look(run_id, events[0].started.spec_digest)
    assert (ack.next_sequence, ack.existing_run_id, len(ack.earlier_runs)) == (1, events[0].started.run_id, 1)
    assert await stored(database, run_id) == []


@pytest.mark.usefixtures("no_live_runs")
class TestClaiming:
    async def test_nothing_is_claimed_while_engines_give_signs_of_life(self, recording: Recording) -> None:
        await begin(recording)
        assert await recording.claim_stale("engine-2") is None

    async def test_a_stale_run_is_handed_over_under_a_new_epoch(self, recording: Recording, database: Database) -> None:
        run_id, events = await begin(recording)
        await expire_lease(database, run_id)
        assert await column(database, run_id, current_state) == run_pb2.RUN_STATE_STALE

        claim = await recording.claim_stale("engine-2")
        assert claim == Claim(run_id, 2, events[0].started, 3)
        assert await column(database, run_id, current_state) == run_pb2.RUN_STATE_RUNNING
        assert await recording.claim_stale("engine-3") is None
        with pytest.raises(errors.FailedPrecondition, match="epoch 2"):
            await recording.append(run_id, 1, 3, events[2:])
        assert (await recording.append(run_id, 2, 1, events)).next_sequence == 5
        assert await stored(database, run_id) == as_bytes(events)

    async def test_a_stale_run_whose_engine_comes_back_goes_on(self, recording: Recording, database: Database) -> None:
        run_id, events = await begin(recording)
        await expire_lease(database, run_id)
        assert (await recording.append(run_id, 1, 3, events[2:])).next_sequence == 5
        assert await recording.claim_stale("engine-2") is None

    async def test_the_oldest_is_claimed_first_and_each_by_one_engine(self, recording: Recording, database: Database) -> None:
        ids = [(await begin(recording, create_time={"seconds": 1_600_000_000 + age}))[0] for age in (2, 1, 3)]
        for run_id in ids:
            await expire_lease(database, run_id)
        first = await recording.claim_stale("engine-2")
        assert first is not None
        assert first.run_id == ids[1]
        rest = await asyncio.gather(*(recording.claim_stale(f"engine-{number}") for number in range(3, 7)))
        assert sorted(claim.run_id for claim in rest if claim) == sorted([ids[0], ids[2]])

    async def test_a_run_that_lost_too_many_engines_ends_failed(self, recording: Recording, database: Database) -> None:
        run_id, events = await begin(recording)
        for number in range(MAX_CLAIMS):
            await expire_lease(database, run_id)
            claim = await recording.claim_stale("engine")
            assert claim is not None
            assert claim.writer_epoch == number + 2
        await expire_lease(database, run_id)
        assert await recording.claim_stale("engine") is None

        async with database.reading() as connection:
            (last,) = await load_events(connection, uuid.UUID(run_id), 3, 3)
        assert last.finished.state == run_pb2.RUN_STATE_FAILED
        assert last.finished.error.reason == "ENGINE_LOST"
        assert last.finished.session_count == 2
        with pytest.raises(errors.FailedPrecondition, match="epoch"):
            await recording.append(run_id, MAX_CLAIMS + 1, 3, events[2:])

    async def test_a_stale_run_to_be_cancelled_ends_instead_of_being_claimed(self, recording: Recording, database: Database) -> None:
        cancelled, _ = await begin(recording)
        await recording.request_cancel(cancelled)
        other, _ = await begin(recording)
        for run_id in (cancelled, other):
            await expire_lease(database, run_id)
        claim = await recording.claim_stale("engine-2")
        assert claim is not None
        assert claim.run_id == other
        assert await column(database, cancelled, runs.c.state, runs.c.error_reason) == (run_pb2.RUN_STATE_CANCELLED, "RUN_CANCELLED")


class TestCancelling:
    async def test_the_engine_hears_of_it_with_its_next_acknowledgement(self, recording: Recording) -> None:
        run_id, _ = await begin(recording)
        assert await recording.request_cancel(run_id) == run_pb2.RUN_STATE_RUNNING
        assert await recording.request_cancel(run_id) == run_pb2.RUN_STATE_RUNNING
        assert (await recording.append(run_id, 1, 0, [])).cancel_requested
        ended = run_pb2.RunEvent(sequence=3, finished=make_finished(run_pb2.RUN_STATE_CANCELLED))
        assert (await recording.append(run_id, 1, 3, [ended])).next_sequence == 4

    async def test_a_run_without_an_engine_ends_at_once(self, recording: Recording, database: Database) -> None:
        run_id, events = await begin(recording)
        await expire_lease(database, run_id)
        assert await recording.request_cancel(run_id) == run_pb2.RUN_STATE_CANCELLED
        assert await column(database, run_id, runs.c.state) == run_pb2.RUN_STATE_CANCELLED
        with pytest.raises(errors.FailedPrecondition, match="epoch"):
            await recording.append(run_id, 1, 3, events[2:])

    async def test_a_run_that_has_ended_stays_as_it_is(self, recording: Recording) -> None:
        events = whole_run()
        await recording.append(events[0].started.run_id, 1, 1, events)
        with pytest.raises(errors.FailedPrecondition) as refused:
            await recording.request_cancel(events[0].started.run_id)
        assert refused.value.reason == "RUN_TERMINAL"

    async def test_an_unknown_run_is_not_found(self, recording: Recording) -> None:
        with pytest.raises(errors.NotFound):
            await recording.request_cancel(new_run_id())
        with pytest.raises(errors.InvalidArgument):
            await recording.request_cancel("run-1")


async def test_deleting_a_run_deletes_its_rows(recording: Recording, database: Database) -> None:
    events = whole_run()
    run_id = events[0].started.run_id
    await recording.append(run_id, 1, 1, events)
    async with database.transaction() as connection:
        await connection.execute(runs.delete().where(runs.c.run_id == uuid.UUID(run_id)))
        for table in (run_batches, round_trips):
            assert (await connection.execute(select(table).where(table.c.run_id == uuid.UUID(run_id)))).all() == []
