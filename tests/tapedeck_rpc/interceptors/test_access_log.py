"""The access log: one line for every call, when it ends, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.health import Health, add_health
from tapedeck_rpc.interceptors import server_interceptors
from tests.tapedeck_rpc.kitchen import NAME, kitchen, until

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs() as captured:
        yield captured


def logged(lines: Lines) -> list[tuple[str, str]]:
    return [(line["method"].removeprefix(f"/{NAME}/"), line["code"]) for line in lines if line["event"] == "call"]


async def test_a_line_has_method_code_milliseconds_and_peer(lines: Lines) -> None:
    async with kitchen() as guest:
        await guest.cook(b"soup")
        await until(lambda: lines)
    (line,) = lines
    assert (line["method"], line["code"]) == (f"/{NAME}/Cook", "OK")
    assert line["duration_ms"] >= 0
    assert line["peer"].startswith("ipv4:127.0.0.1:")


async def test_a_stream_is_one_line_when_it_ends(lines: Lines) -> None:
    async with kitchen() as guest:
        assert len([step async for step in guest.steps(b"soup")]) == 3
        await until(lambda: lines)
    assert logged(lines) == [("Steps", "OK")]


async def test_a_failed_call_is_logged_with_its_code(lines: Lines) -> None:
    async def cook(_request: bytes, _context: object) -> bytes:
        raise errors.NotFound("no such recipe", reason="RECIPE_NOT_FOUND")

    async with kitchen(cook=cook) as guest:
        with pytest.raises(grpc.RpcError):
            await guest.cook(b"soup")
        await until(lambda: lines)
    assert logged(lines) == [("Cook", "NOT_FOUND")]


async def test_cancelled_calls_are_logged_as_cancelled(lines: Lines) -> None:
    begun = asyncio.Event()

    async def cook(_request: bytes, _context: object) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    async def steps(_request: bytes, _context: object) -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 20)

    async with kitchen(cook=cook, steps=steps) as guest:
        cooking = asyncio.ensure_future(guest.cook(b""))
        await begun.wait()
        cooking.cancel()
        await until(lambda: lines)
        streaming = guest.steps(b"")
        await streaming.read()
        streaming.cancel()
        await until(lambda: len(lines) == 2)
    assert logged(lines) == [("Cook", "CANCELLED"), ("Steps", "CANCELLED")]


async def test_health_checks_are_not_logged(lines: Lines) -> None:
    async def fine() -> None:
        return None

    server = grpc.aio.server(interceptors=server_interceptors())
    health = Health(fine)
    add_health(server, health)
    port = server.add_insecure_port("127.0.0.1:0")
    await health.start()
    await server.start()
    async with open_aio_channel(f"127.0.0.1:{port}") as channel:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="liveness"))
    await server.stop(None)
    assert logged(lines) == []
