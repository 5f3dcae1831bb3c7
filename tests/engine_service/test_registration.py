"""Registration of strategies: what the store is told, and what happens while it is away or refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from engine_service import registration
from engine_service.registration import register
from engine_service.strategies import Parameters, load_strategies
from store_service.strategies.store import StrategyStore
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_engine import ALLOWED, RecordPort
from tests.fix_replays import served


class Store(record_service_pb2_grpc.RecordServiceServicer):  # type: ignore[misc]  # generated code has no types
    """Notes what is registered, and raises what it is told to first."""

    def __init__(self) -> None:
        self.raises: list[errors.CallError] = []
        self.names: list[str] = []

    async def RegisterStrategy(self, request: Any, _context: Any) -> record_service_pb2.RegisterStrategyResponse:
        if self.raises:
            raise self.raises.pop(0)
        self.names.append(request.name)
        return record_service_pb2.RegisterStrategyResponse()


@pytest.fixture
async def store() -> Store:
    return Store()


@pytest.fixture
async def channel(store: Store) -> AsyncIterator[Any]:
    async with (
        served(record_service_pb2_grpc.add_RecordServiceServicer_to_server, store) as target,
        open_aio_channel(target) as opened,
    ):
        yield opened


@pytest.mark.usefixtures("plugin_path")
async def test_every_installed_strategy_is_a_version_with_the_digest_of_its_runs(
    record_port: RecordPort, strategy_store: StrategyStore
) -> None:
    strategies = load_strategies(ALLOWED)
    async with open_aio_channel(record_port.address) as channel:
        await register(strategies.values(), channel)
        await register(strategies.values(), channel)
    kept, _ = await strategy_store.list_versions(page_size=100)
    assert {version.name: version.source_digest for version in kept} == {
        strategy.name: strategy.source_digest for strategy in strategies.values()
    }
    assert len(kept) == len(strategies)
    (crossover,) = (version for version in kept if version.name == "sma_crossover")
    fields = strategies["sma_crossover"].parameters.model_fields
    assert MessageToDict(crossover.parameters) == {name: field.default for name, field in fields.items()}


async def test_a_store_that_is_away_is_asked_again(store: Store, channel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "BACKOFF_SECONDS", (0.001, 0.001))
    store.raises = [errors.ResourceExhausted("busy", reason="OVERLOADED"), errors.Aborted("again", reason="OVERLOADED")]
    strategies = load_strategies()
    async with asyncio.timeout(30):
        await register(strategies.values(), channel)
    assert store.names == list(strategies)


async def test_a_strategy_whose_defaults_can_not_be_told_is_left_out(store: Store, channel: Any) -> None:
    class Odd(Parameters):
        callback: Any = object()

    strategies = load_strategies()
    odd = replace(strategies["buy_and_hold"], name="odd", parameters=Odd)
    await register([odd, *strategies.values()], channel)
    assert store.names == list(strategies)


async def test_a_strategy_that_the_store_refuses_is_left_out(store: Store, channel: Any) -> None:
    store.raises = [errors.InvalidArgument("too long", reason="INVALID_REQUEST")]
    strategies = load_strategies()
    await register(strategies.values(), channel)
    assert store.names == list(strategies)[1:]
