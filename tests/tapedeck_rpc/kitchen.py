"""A service about recipes, to try the plumbing on: real calls of every kind, bytes in and out, behaviour given by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc

from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.interceptors import server_interceptors

NAME = "recipes.v1.Recipes"

Context = Any
Cook = Callable[[bytes, Context], Awaitable[bytes]]
Steps = Callable[[bytes, Context], AsyncIterator[bytes]]
Taste = Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]
Talk = Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]


async def echo(request: bytes, _context: Context) -> bytes:
    return request


async def three(request: bytes, _context: Context) -> AsyncIterator[bytes]:
    for step in (b"1", b"2", b"3"):
        yield request + step


async def together(requests: AsyncIterator[bytes], _context: Context) -> bytes:
    return b"".join([request async for request in requests])


async def one_by_one(requests: AsyncIterator[bytes], _context: Context) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


def add_recipes(server: grpc.aio.Server, cook: Cook = echo, steps: Steps = three, taste: Taste = together, talk: Talk = one_by_one) -> None:
    """Serve Cook (unary), Steps (server stream), Taste (client stream) and Talk (both)."""
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Cook": grpc.unary_unary_rpc_method_handler(cook),
        "Steps": grpc.unary_stream_rpc_method_handler(steps),
        "Taste": grpc.stream_unary_rpc_method_handler(taste),
        "Talk": grpc.stream_stream_rpc_method_handler(talk),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(NAME, handlers)])


class Guest:
    """Calls the recipes."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.cook: Any = channel.unary_unary(f"/{NAME}/Cook")
        self.steps: Any = channel.unary_stream(f"/{NAME}/Steps")
        self.taste: Any = channel.stream_unary(f"/{NAME}/Taste")
        self.talk: Any = channel.stream_stream(f"/{NAME}/Talk")
        self.burn: Any = channel.unary_unary(f"/{NAME}/Burn")


@asynccontextmanager
async def kitchen(*, interceptors: Sequence[grpc.aio.ServerInterceptor] | None = None, **behaviour: Any) -> AsyncIterator[Guest]:
    """A guest of a server that serves the recipes; behaviour as in `add_recipes`."""
    server = grpc.aio.server(interceptors=server_interceptors() if interceptors is None else interceptors)
    add_recipes(server, **behaviour)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with open_aio_channel(f"127.0.0.1:{port}") as channel:
            yield Guest(channel)
    finally:
        await server.stop(0)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds that happens on its own."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what happens is inside gRPC or a log, which set no event
            await asyncio.sleep(0.001)
