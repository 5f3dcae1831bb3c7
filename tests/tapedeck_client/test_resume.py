"""Streams that are cut, on a real server."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapedeck.v1.run_pb2 import DUPLICATE_POLICY_REUSE, EarlierRun, ReplayVerdict, RunEvent
from tapedeck.v1.store_service_pb2 import WatchRunResponse
from tapedeck_client import Backoff, TapedeckClient
from tapedeck_client.resume import CarriesEvent, Place
from tapedeck_rpc import errors
from tapedeck_rpc.channel import RETRYABLE_ATTEMPTS
from tests.tapedeck_client.conftest import IMPATIENT
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, Engine, Store, away, serve, spec, story, verdict


def sequences(messages: Iterable[CarriesEvent]) -> list[int]:
    return [message.event.sequence for message in messages]


def test_a_run_that_is_cut_goes_on_with_the_next_event_from_the_store(client: TapedeckClient, engine: Engine, store: Store) -> None:
    engine.plans = [(2, away())]
    assert sequences(client.run(spec())) == [1, 2, 3, 4, 5]
    assert [(request.run_id, request.from_sequence) for request in store.requests] == [(RUN_ID, 3)]


def test_a_cut_before_the_first_event_sends_the_same_request_id_again(client: TapedeckClient, engine: Engine) -> None:
    engine.plans = [(0, away())] * RETRYABLE_ATTEMPTS
    assert sequences(client.run(spec())) == [1, 2, 3, 4, 5]
    assert len(engine.requests) == RETRYABLE_ATTEMPTS + 1
    assert len({request.request_id for request in engine.requests}) == 1
    assert engine.requests[0].request_id


def test_earlier_runs_come_with_the_first_event_only(client: TapedeckClient, engine: Engine) -> None:
    engine.earlier_runs = [EarlierRun(run_id=OTHER_ID, create_time=Timestamp(seconds=1))]
    engine.plans = [(2, away())]
    assert [len(message.earlier_runs) for message in client.run(spec())] == [1, 0, 0, 0, 0]


def test_a_run_stream_that_ends_without_its_last_event_counts_as_cut(client: TapedeckClient, engine: Engine) -> None:
    engine.events = story()[:3]
    assert sequences(client.run(spec())) == [1, 2, 3, 4, 5]


def test_an_unsaved_run_that_is_cut_is_lost_and_the_error_says_so(client: TapedeckClient, engine: Engine) -> None:
    engine.plans = [(2, away())]
    with pytest.raises(errors.Unavailable, match="it was not saved") as raised:
        list(client.run(spec(), save=False))
    assert raised.value.reason == "ENGINE_UNAVAILABLE"


def test_a_recorded_run_in_place_of_an_unsaved_one_is_watched_after_a_cut(client: TapedeckClient, engine: Engine) -> None:
    engine.earlier_runs = [EarlierRun(run_id=RUN_ID, create_time=Timestamp(seconds=1))]
    engine.plans = [(2, away())]
    assert sequences(client.run(spec(), save=False, duplicate_policy=DUPLICATE_POLICY_REUSE)) == [1, 2, 3, 4, 5]


def test_a_refusal_is_not_tried_again(client: TapedeckClient, engine: Engine) -> None:
    engine.plans = [(0, errors.ResourceExhausted("the queue is full", reason="QUEUE_FULL", retry_after_seconds=2))]
    with pytest.raises(errors.ResourceExhausted) as raised:
        next(client.run(spec()))
    assert (raised.value.reason, raised.value.retry_after_seconds, len(engine.requests)) == ("QUEUE_FULL", 2.0, 1)


def test_a_watch_that_is_cut_twice_yields_every_event_once(client: TapedeckClient, store: Store) -> None:
    store.plans = [(1, away()), (3, away())]
    assert sequences(client.watch(RUN_ID)) == [1, 2, 3, 4, 5]
    assert [request.from_sequence for request in store.requests] == [1, 2, 5]


def test_a_watch_from_past_the_end_is_empty(client: TapedeckClient) -> None:
    assert sequences(client.watch(RUN_ID, from_sequence=6)) == []


def test_a_replay_that_is_cut_is_asked_for_again_and_ends_with_one_verdict(client: TapedeckClient, store: Store) -> None:
    store.plans = [(3, away()), (5, away())]
    messages = list(client.replay(RUN_ID))
    assert sequences(messages) == [1, 2, 3, 4, 5, 0]
    assert messages[-1].verdict == verdict(ReplayVerdict.OUTCOME_IDENTICAL)
    assert len(store.requests) == 3
    assert len({request.request_id for request in store.requests}) == 1


def test_a_store_that_stays_away_ends_the_stream_after_the_last_attempt(client: TapedeckClient, store: Store) -> None:
    store.plans = [(2, away()), *[(0, away())] * 50]
    messages = client.watch(RUN_ID)
    assert [next(messages).event.sequence, next(messages).event.sequence] == [1, 2]
    with pytest.raises(errors.Unavailable):
        next(messages)
    assert len(store.requests) == 1 + (IMPATIENT.attempts - 1) * RETRYABLE_ATTEMPTS


def test_a_service_that_is_restarted_in_the_middle_is_found_again() -> None:
    engine, store = Engine(), Store()
    engine.hold_after = 2
    server, address = serve(engine, store)
    with TapedeckClient(address, address, backoff=Backoff(first_seconds=0.05)) as client:
        messages = client.run(spec())
        seen = [next(messages).event.sequence, next(messages).event.sequence]
        server.stop(0).wait()
        engine.hold.set()
        server, _ = serve(engine, store, address)
        seen += sequences(messages)
    server.stop(0).wait()
    assert seen == [1, 2, 3, 4, 5]


def test_closing_a_stream_cancels_its_call(client: TapedeckClient, engine: Engine) -> None:
    engine.hold_after = 1
    messages = client.run(spec())
    next(messages)
    assert not engine.cancelled.is_set()
    messages.close()
    assert engine.cancelled.wait(timeout=30)


def test_a_missing_event_is_never_passed_over(client: TapedeckClient, store: Store) -> None:
    del store.events[2]
    with pytest.raises(errors.DataLoss, match="event 3 of the run is missing"):
        list(client.watch(RUN_ID))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 5), max_size=4), start=st.integers(1, 5))
def test_wherever_a_stream_is_cut_every_event_comes_once(client: TapedeckClient, store: Store, cuts: list[int], start: int) -> None:
    store.plans = [(after, away()) for after in cuts]
    assert sequences(client.watch(RUN_ID, start)) == list(range(start, 6))


@given(sent=st.lists(st.integers(1, 8), max_size=20))
def test_a_place_takes_each_event_once_and_in_order(sent: list[int]) -> None:
    place, taken = Place(), []
    for sequence in sent:
        if sequence > place.next_sequence:
            with pytest.raises(errors.DataLoss):
                place.is_new(WatchRunResponse(event=RunEvent(sequence=sequence)))
        elif place.is_new(WatchRunResponse(event=RunEvent(sequence=sequence))):
            taken.append(sequence)
    assert taken == list(range(1, place.next_sequence))


def test_the_wait_between_tries_doubles_up_to_a_limit_and_heeds_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    backoff = Backoff(first_seconds=1, longest_seconds=5)
    for failure_count in (1, 2, 3, 4):
        backoff.wait(failure_count, away())
    backoff.wait(1, errors.Unavailable("busy", reason="OVERLOADED", retry_after_seconds=3))
    backoff.wait(1, errors.Unavailable("busy", reason="OVERLOADED", retry_after_seconds=60))
    assert waits == [1, 2, 4, 5, 3, 5]
