"""Recording: what of a run is durable, what is under way, what waits."""

from __future__ import annotations

import asyncio

from engine_service.recording import BUFFERED_EVENTS, MAX_BYTES, MAX_EVENTS, TRY_AGAIN_SECONDS, Recording
from tapedeck.v1 import record_service_pb2, run_pb2
from tapedeck_rpc import errors


def recording(next_sequence: int = 1) -> Recording:
    return Recording("run", 1, next_sequence, wake=lambda: None, on_cancel=lambda: None)


def event(sequence: int, size: int = 0) -> run_pb2.RunEvent:
    return run_pb2.RunEvent(sequence=sequence, sessions=run_pb2.SessionBatch(cash=[0.5] * (size // 8)))


def answer(next_sequence: int, *, cancel_requested: bool = False) -> record_service_pb2.RecordRunsResponse:
    return record_service_pb2.RecordRunsResponse(run_id="run", next_sequence=next_sequence, cancel_requested=cancel_requested)


def sequences(subject: Recording) -> list[int] | None:
    message = subject.next_message(heartbeat_seconds=60)
    return None if message is None else [item.sequence for item in message.events]


async def test_one_message_is_under_way_at_a_time_and_takes_all_that_waits() -> None:
    subject = recording()
    subject.put(event(1))
    assert sequences(subject) == [1]
    subject.put(event(2))
    subject.put(event(3))
    assert sequences(subject) is None
    subject.acknowledge(answer(2), None)
    assert sequences(subject) == [2, 3]
    assert not subject.all_recorded
    subject.acknowledge(answer(4), None)
    assert subject.all_recorded


async def test_what_was_under_way_when_the_stream_broke_is_sent_again() -> None:
    subject = recording()
    for sequence in (1, 2):
        subject.put(event(sequence))
    assert sequences(subject) == [1, 2]
    subject.resend()
    assert sequences(subject) == [1, 2]


async def test_a_message_is_bounded_in_events_and_in_bytes() -> None:
    many, large = recording(), recording()
    for sequence in range(1, MAX_EVENTS + 10):
        many.put(event(sequence))
    assert sequences(many) == list(range(1, MAX_EVENTS + 1))
    for sequence in range(1, 4):
        large.put(event(sequence, MAX_BYTES // 2))
    assert sequences(large) == [1]


async def test_the_run_pauses_while_too_much_waits() -> None:
    subject = recording()
    for sequence in range(1, BUFFERED_EVENTS + 1):
        assert subject.has_room
        subject.put(event(sequence))
    assert not subject.has_room


async def test_a_store_that_is_ahead_compares_every_event_before_it_is_forgotten() -> None:
    """A claimed run is executed again: the store acknowledges a sequence past what it was shown so far."""
    subject = recording(next_sequence=9)
    for sequence in range(2, 2 + MAX_EVENTS + 1):
        subject.put(event(sequence))
    assert sequences(subject) == list(range(2, 2 + MAX_EVENTS))
    subject.acknowledge(answer(100), None)
    assert sequences(subject) == [2 + MAX_EVENTS]


async def test_a_quiet_run_sends_a_sign_of_life_once_the_store_knows_it() -> None:
    subject = recording()
    assert subject.next_message(heartbeat_seconds=0) is None
    subject.put(event(1))
    assert sequences(subject) == [1]
    subject.acknowledge(answer(2), None)
    assert subject.next_message(heartbeat_seconds=60) is None
    subject.resend()
    heartbeat = subject.next_message(heartbeat_seconds=60)
    assert heartbeat is not None
    assert (heartbeat.run_id, list(heartbeat.events)) == ("run", [])


async def test_what_becomes_of_a_duplicate_goes_with_the_first_event_and_an_answer_that_nothing_is_recorded_ends_it() -> None:
    reuse = run_pb2.DUPLICATE_POLICY_REUSE
    subject = Recording("run", 1, 1, wake=lambda: None, on_cancel=lambda: None, duplicate_policy=reuse, look_only=True)
    subject.put(event(1))
    first = subject.next_message(heartbeat_seconds=0)
    assert first is not None
    assert (first.duplicate_policy, first.look_only) == (reuse, True)
    subject.resend()
    assert subject.next_message(heartbeat_seconds=0) == first
    subject.acknowledge(answer(1), None)
    assert subject.next_message(heartbeat_seconds=0) is None
    assert subject.first_answer == answer(1)


async def test_later_messages_say_nothing_of_duplicates() -> None:
    subject = Recording(
        "run", 1, 1, wake=lambda: None, on_cancel=lambda: None, duplicate_policy=run_pb2.DUPLICATE_POLICY_REFUSE, look_only=False
    )
    subject.put(event(1))
    assert sequences(subject) == [1]
    subject.put(event(2))
    subject.acknowledge(answer(2), None)
    later = subject.next_message(heartbeat_seconds=60)
    assert later is not None
    assert later.duplicate_policy == run_pb2.DUPLICATE_POLICY_UNSPECIFIED


async def test_a_passing_refusal_is_tried_again_and_a_final_one_is_kept() -> None:
    subject = recording()
    subject.put(event(1))
    sequences(subject)
    subject.acknowledge(answer(1), errors.Aborted("a deadlock", reason="STORE_UNAVAILABLE"))
    assert not subject.refused
    assert sequences(subject) is None
    await asyncio.sleep(TRY_AGAIN_SECONDS * 1.1)
    assert sequences(subject) == [1]
    refusal = errors.DataLoss("it differs", reason="NONDETERMINISTIC_RESULT")
    subject.acknowledge(answer(1), refusal)
    assert subject.refused is refusal
    assert sequences(subject) is None


async def test_after_a_refusal_the_run_ends_where_the_store_stands() -> None:
    subject = recording()
    for sequence in (5, 6):
        subject.put(event(sequence))
    sequences(subject)
    subject.acknowledge(answer(5), errors.DataLoss("it differs", reason="NONDETERMINISTIC_RESULT"))
    subject.end_with(run_pb2.RunEvent(sequence=7, finished=run_pb2.RunFinished()))
    assert sequences(subject) == [5]


async def test_a_cancel_comes_with_an_acknowledgement() -> None:
    calls: list[str] = []
    subject = Recording("run", 1, 1, wake=lambda: None, on_cancel=lambda: calls.append("cancel"))
    subject.put(event(1))
    sequences(subject)
    subject.acknowledge(answer(2, cancel_requested=True), None)
    assert calls == ["cancel"]


async def test_an_adopted_run_goes_on_under_its_new_epoch_although_the_message_under_way_is_fenced() -> None:
    """Its own engine claimed it: what was sent under the old epoch is sent again, and a later refusal counts."""
    subject = recording()
    subject.put(event(1))
    sequences(subject)
    subject.adopt(2)
    fenced = errors.FailedPrecondition("the run is written under epoch 2, not 1", reason="WRITER_FENCED")
    subject.acknowledge(answer(1), fenced)
    await asyncio.sleep(TRY_AGAIN_SECONDS * 1.1)
    message = subject.next_message(heartbeat_seconds=60)
    assert message is not None
    assert (message.writer_epoch, message.first_sequence) == (2, 1)
    subject.acknowledge(answer(1), fenced)
    assert subject.refused is fenced
    subject.adopt(3)
    assert sequences(subject) == [1]


async def test_a_store_that_has_lost_events_is_ended_where_it_stands_now() -> None:
    subject = recording()
    for sequence in (1, 2):
        subject.put(event(sequence))
    sequences(subject)
    subject.acknowledge(answer(3), None)
    subject.put(event(3))
    sequences(subject)
    subject.acknowledge(answer(2), errors.OutOfRange("events are missing", reason="SEQUENCE_GAP"))
    subject.end_with(run_pb2.RunEvent(finished=run_pb2.RunFinished()))
    assert sequences(subject) == [2]
