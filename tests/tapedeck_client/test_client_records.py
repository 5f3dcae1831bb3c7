"""Reading what a run has recorded: what is asked, and streams that are cut."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapedeck.v1.store_service_pb2 import ReadRunRequest, RunPart, RunPlace
from tapedeck_client import TapedeckClient
from tapedeck_rpc import errors
from tests.tapedeck_client.fake_wire import FakeWire
from tests.tapedeck_client.records_story import DAYS, read_story
from tests.tapedeck_client.services import RUN_ID, Store, away

PARTS = [RunPart.RUN_PART_FILLS, RunPart.RUN_PART_ROUND_TRIPS]


def test_read_sends_what_is_asked_and_yields_the_messages(wire: FakeWire) -> None:
    place = RunPlace(session_date=20050103)
    expected = ReadRunRequest(run_id=RUN_ID, parts=PARTS, symbols=["GOOG"], start_date="2005-01-03", end_date="2005-01-06", after=place)
    responses = read_story(expected)
    request, yielded = wire.stream(
        lambda: wire.client.read(RUN_ID, PARTS, symbols=["GOOG"], start_date="2005-01-03", end_date="2005-01-06", after=place),
        "ReadRun",
        responses,
    )
    assert (request, yielded) == (expected, responses)


def test_a_cut_stream_is_read_on_behind_its_last_message(client: TapedeckClient, store: Store) -> None:
    store.plans = [(1, away()), (2, away())]
    assert list(client.read(RUN_ID, PARTS)) == read_story(ReadRunRequest(parts=PARTS))
    assert [(request.after.session_date, request.after.round_trip) for request in store.requests] == [(0, 0), (DAYS[1], 0), (DAYS[3], 1)]
    assert not store.requests[0].HasField("after")
    assert {tuple(request.parts) for request in store.requests} == {tuple(PARTS)}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 4), max_size=4))
def test_wherever_it_is_cut_every_message_comes_once(client: TapedeckClient, store: Store, cuts: list[int]) -> None:
    store.plans = [(after, away()) for after in cuts]
    assert list(client.read(RUN_ID)) == read_story(ReadRunRequest())


def test_a_refusal_is_not_tried_again(client: TapedeckClient, store: Store) -> None:
    store.plans = [(0, errors.NotFound("there is no run", reason="RUN_NOT_FOUND"))]
    with pytest.raises(errors.NotFound):
        list(client.read(RUN_ID))
    assert len(store.requests) == 1
