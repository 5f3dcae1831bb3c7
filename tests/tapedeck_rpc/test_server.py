"""Servers: how they listen, what they refuse, and how they stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tapedeck_rpc import errors
from tapedeck_rpc import server as server_module
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.health import Health
from tapedeck_rpc.server import Service, build_health_server, build_server, serve_until_signal
from tapedeck_rpc.status import from_rpc_error
from tests.tapedeck_rpc.kitchen import NAME, Guest, add_recipes, until

SERVING = health_pb2.HealthCheckResponse.SERVING

OVER = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
"""What gRPC itself ends a call with when a server stops: the first when it never saw the call, the second when it had just come in."""


async def fine() -> None:
    return None


def recipes(address: str = "127.0.0.1:0", **behaviour: Any) -> Service:
    return Service(address, lambda server: add_recipes(server, **behaviour), [NAME])


class Pot:
    """A call that stays until it is let go."""

    def __init__(self) -> None:
        self.cooking = 0
        self.done = asyncio.Event()

    async def cook(self, request: bytes, _context: object) -> bytes:
        self.cooking += 1
        await self.done.wait()
        return request


class Restaurant:
    """A service as its main program runs it, in a task of its own."""

    def __init__(self, health: Health, port: int, channel: grpc.aio.Channel, serving: asyncio.Task[None]) -> None:
        self.health, self.port, self.channel, self.serving = health, port, channel, serving
        self.guest = Guest(channel)

    async def state(self) -> int:
        answer = await health_pb2_grpc.HealthStub(self.channel).Check(health_pb2.HealthCheckRequest())
        return int(answer.status)


@asynccontextmanager
async def open_restaurant(grace_seconds: float = 10.0, **behaviour: Any) -> AsyncIterator[Restaurant]:
    health = Health(fine)
    server, port = build_server(recipes(**behaviour), health)
    health_server, _ = build_health_server("127.0.0.1:0", health)
    serving = asyncio.create_task(serve_until_signal([server, health_server], health, grace_seconds=grace_seconds))
    async with open_aio_channel(f"127.0.0.1:{port}") as channel:
        restaurant = Restaurant(health, port, channel, serving)
        assert await restaurant.guest.cook(b"", wait_for_ready=True) == b"" if not behaviour else True
        try:
            yield restaurant
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def test_a_server_serves_its_service_health_and_reflection() -> None:
    async with open_restaurant() as restaurant:
        assert await restaurant.guest.cook(b"soup") == b"soup"
        assert await restaurant.state() == SERVING
        stub: Any = reflection_pb2_grpc
        reflection = stub.ServerReflectionStub(restaurant.channel).ServerReflectionInfo
        question: Any = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = [each async for each in reflection(iter([question]))]
    listed = {service.name for service in answer.list_services_response.service}
    assert listed == {NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


@pytest.mark.parametrize("address", ["in use", "no.such.host.invalid:1", "nonsense"])
async def test_an_address_that_cannot_be_bound_is_an_os_error_with_a_sentence(address: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = f"127.0.0.1:{taken.getsockname()[1]}" if address == "in use" else address
        sentence = f"^can't listen on {wanted}: is another process using it[?]$"
        with pytest.raises(OSError, match=sentence):
            build_server(recipes(wanted), Health(fine))
        with pytest.raises(OSError, match=sentence):
            build_health_server(wanted, Health(fine))


async def test_a_second_server_cannot_share_the_port_of_the_first() -> None:
    first, port = build_server(recipes(), Health(fine))
    with pytest.raises(OSError, match="can't listen"):
        build_server(recipes(f"127.0.0.1:{port}"), Health(fine))
    await first.stop(None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_calls_in_flight_end_and_takes_no_new_ones(number: signal.Signals) -> None:
    pot = Pot()
    async with open_restaurant(cook=pot.cook) as restaurant:
        call = restaurant.guest.cook(b"soup", wait_for_ready=True)
        await until(lambda: pot.cooking == 1)
        os.kill(os.getpid(), number)
        async with open_aio_channel(f"127.0.0.1:{restaurant.port}") as late:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await keep_calling(Guest(late))
        assert refused.value.code() in OVER
        assert not restaurant.serving.done()
        pot.done.set()
        assert await call == b"soup"
        await restaurant.serving
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def keep_calling(guest: Guest) -> None:
    async with asyncio.timeout(10):
        while True:
            await guest.taste(iter([b"soup"]))


async def test_calls_that_outlive_the_grace_are_ended() -> None:
    pot = Pot()
    async with open_restaurant(grace_seconds=0.01, cook=pot.cook) as restaurant:
        call = restaurant.guest.cook(b"soup", wait_for_ready=True)
        await until(lambda: pot.cooking == 1)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await call
        await restaurant.serving
    assert ended.value.code() in OVER


async def test_one_call_more_than_a_server_takes_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_CONCURRENT_CALLS", 2)
    pot = Pot()
    async with open_restaurant(cook=pot.cook) as restaurant:
        calls = [restaurant.guest.cook(b"soup", wait_for_ready=True) for _ in range(2)]
        await until(lambda: pot.cooking == 2)
        with pytest.raises(grpc.RpcError) as refused:
            await restaurant.guest.taste(iter([b"soup"]))
        assert isinstance(from_rpc_error(refused.value), errors.ResourceExhausted)
        pot.done.set()
        assert await asyncio.gather(*calls) == [b"soup", b"soup"]
        assert await restaurant.guest.taste(iter([b"soup"])) == b"soup"
