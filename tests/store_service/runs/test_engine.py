"""The engine's errors, as callers of the store see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import structlog

from store_service.runs.engine import Engine
from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_replays import served


class _Failing(engine_service_pb2_grpc.EngineServiceServicer):  # type: ignore[misc] # generated without types
    """Names the request id as its strategy, and fails to run anything."""

    async def ListStrategies(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        names = [value for key, value in context.invocation_metadata() or () if key == "x-request-id"]
        return engine_service_pb2.ListStrategiesResponse(strategies=[engine_service_pb2.Strategy(name=str(name)) for name in names])

    async def RunBacktest(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        yield engine_service_pb2.RunBacktestResponse()
        raise errors.ResourceExhausted("the queue is full", reason="QUEUE_FULL", retry_after_seconds=1.5)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with (
        served(engine_service_pb2_grpc.add_EngineServiceServicer_to_server, _Failing()) as target,
        open_aio_channel(target) as channel,
    ):
        yield Engine(channel)


async def test_its_errors_are_passed_on_as_they_were_raised(engine: Engine) -> None:
    with pytest.raises(errors.ResourceExhausted, match="the queue is full") as refused:
        assert [event async for event in engine.run(engine_service_pb2.RunBacktestRequest())] == []
    assert (refused.value.reason, refused.value.retry_after_seconds) == ("QUEUE_FULL", 1.5)


async def test_a_server_that_is_no_engine_is_as_good_as_none() -> None:
    async with served(lambda _servicer, _server: None, None) as target, open_aio_channel(target) as channel:
        with pytest.raises(errors.Unavailable, match="no engine answers") as refused:
            await Engine(channel).datasets()
    assert refused.value.reason == "ENGINE_UNAVAILABLE"


async def test_the_request_id_of_the_log_goes_along(engine: Engine) -> None:
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        assert [strategy.name for strategy in await engine.strategies()] == ["abc"]
