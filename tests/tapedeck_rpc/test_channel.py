"""Channels: both kinds, their limits, and what they try again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from tapedeck_rpc import errors
from tapedeck_rpc.channel import MAX_MESSAGE_BYTES, RETRYABLE_ATTEMPTS, open_aio_channel, open_channel
from tapedeck_rpc.health import Health
from tapedeck_rpc.server import Service, build_server
from tapedeck_rpc.status import from_rpc_error
from tests.tapedeck_rpc.kitchen import NAME, Guest, add_recipes


async def fine() -> None:
    return None


@asynccontextmanager
async def restaurant(**behaviour: Any) -> AsyncIterator[str]:
    """A server with the options of ours; its address."""
    server, port = build_server(Service("127.0.0.1:0", lambda server: add_recipes(server, **behaviour), [NAME]), Health(fine))
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def busy_stove(code: grpc.StatusCode) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server without interceptors of ours that refuses every call before it answers anything; its address and what it was asked."""
    asked: list[bytes] = []

    async def cook(request: bytes, context: Any) -> bytes:
        asked.append(request)
        await context.abort(code, "busy")
        return b""

    server = grpc.aio.server()
    add_recipes(server, cook=cook)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", asked
    finally:
        await server.stop(None)


async def test_a_synchronous_channel_calls_and_raises_as_the_asyncio_one_does() -> None:
    async def cook(request: bytes, _context: object) -> bytes:
        if request == b"burn":
            raise errors.NotFound("no such recipe", reason="RECIPE_NOT_FOUND")
        return request

    def call_both(address: str) -> tuple[bytes, errors.CallError]:
        with open_channel(address) as channel:
            call: Any = channel.unary_unary(f"/{NAME}/Cook")
            with pytest.raises(grpc.RpcError) as failed:
                call(b"burn")
            return call(b"soup"), from_rpc_error(failed.value)

    async with restaurant(cook=cook) as address:
        answer, error = await asyncio.to_thread(call_both, address)
    assert answer == b"soup"
    assert (type(error), error.message, error.reason) == (errors.NotFound, "no such recipe", "RECIPE_NOT_FOUND")


async def test_messages_up_to_the_limit_pass_and_larger_ones_are_refused() -> None:
    async with restaurant() as address, open_aio_channel(address) as channel:
        guest = Guest(channel)
        assert len(await guest.cook(bytes(MAX_MESSAGE_BYTES))) == MAX_MESSAGE_BYTES
        with pytest.raises(grpc.RpcError) as refused:
            await guest.cook(bytes(MAX_MESSAGE_BYTES + 1))
    assert isinstance(from_rpc_error(refused.value), errors.ResourceExhausted)


@pytest.mark.parametrize(("code", "attempts"), [(grpc.StatusCode.UNAVAILABLE, RETRYABLE_ATTEMPTS), (grpc.StatusCode.ABORTED, 1)])
async def test_a_call_that_found_nobody_is_tried_again(code: grpc.StatusCode, attempts: int) -> None:
    async with busy_stove(code) as (address, asked), open_aio_channel(address) as channel:
        with pytest.raises(grpc.RpcError):
            await Guest(channel).cook(b"soup")
    assert asked == [b"soup"] * attempts


async def test_a_call_that_a_service_of_ours_had_begun_is_not_tried_again() -> None:
    asked = []

    async def cook(request: bytes, _context: object) -> bytes:
        asked.append(request)
        raise errors.Unavailable("the gas is off", reason="GAS", retry_after_seconds=2.0)

    async with restaurant(cook=cook) as address, open_aio_channel(address) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            await Guest(channel).cook(b"soup")
    assert from_rpc_error(refused.value).retry_after_seconds == 2.0
    assert asked == [b"soup"]
