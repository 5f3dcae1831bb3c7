"""The generator of random requests reaches every kind of field, and what it makes can be sent."""

from __future__ import annotations

from hypothesis import find, given, settings

from tapedeck.v1 import engine_service_pb2, run_pb2, store_service_pb2
from tests.random_messages import messages

REPLAYS = messages(store_service_pb2.ReplayRunRequest, {"run_id": ["known"]})
BACKTESTS = messages(engine_service_pb2.RunBacktestRequest)


@given(BACKTESTS)
def test_what_is_made_can_be_sent(request: engine_service_pb2.RunBacktestRequest) -> None:
    received = engine_service_pb2.RunBacktestRequest.FromString(request.SerializeToString())
    assert received.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@settings(max_examples=20)
@given(messages(run_pb2.RunEvent))
def test_nested_messages_end(event: run_pb2.RunEvent) -> None:
    assert event.ByteSize() >= 0


def test_every_kind_of_field_is_reached() -> None:
    find(REPLAYS, lambda request: request.run_id == "known")
    find(REPLAYS, lambda request: request.data == store_service_pb2.REPLAY_DATA_LATEST)
    find(REPLAYS, lambda request: request.data not in store_service_pb2.ReplayData.values())
    find(REPLAYS, lambda request: request.overrides.HasField("capital_base"))
    find(REPLAYS, lambda request: bool(request.overrides.parameters.fields))
    find(REPLAYS, lambda request: request.overrides.slippage.WhichOneof("model") == "volume_share")
    find(REPLAYS, lambda request: len(request.overrides.symbols) > 1)
    find(BACKTESTS, lambda request: bool(request.labels))
