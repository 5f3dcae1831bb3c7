"""Health: liveness says that the process answers, readiness that it can work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from tapedeck_rpc import health as health_module
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.health import Health
from tapedeck_rpc.server import build_health_server
from tests.tapedeck_rpc.kitchen import until

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING

Probe = Callable[[str], Awaitable[int]]


@asynccontextmanager
async def probed(health: Health) -> AsyncIterator[Probe]:
    """Asks the state as Kubernetes does, over gRPC."""
    server, port = build_health_server("127.0.0.1:0", health)
    await health.start()
    await server.start()
    try:
        async with open_aio_channel(f"127.0.0.1:{port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)

            async def probe(name: str) -> int:
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
                return int(answer.status)

            yield probe
    finally:
        await server.stop(None)


class Stove:
    """What a service depends on: works, or says why not, or breaks."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.error: Exception | None = None
        self.asked = 0
        self.slow = False

    async def check(self) -> str | None:
        self.asked += 1
        if self.slow:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return self.problem


async def test_a_service_is_alive_at_once_and_ready_after_its_first_check() -> None:
    health = Health(Stove().check)
    async with probed(health) as probe:
        assert [await probe(name) for name in ("liveness", "readiness", "")] == [SERVING, NOT_SERVING, NOT_SERVING]
        await health.refresh()
        assert [await probe(name) for name in ("liveness", "readiness", "")] == [SERVING, SERVING, SERVING]


async def test_readiness_follows_what_the_service_depends_on_and_liveness_does_not() -> None:
    stove = Stove()
    health = Health(stove.check)
    async with probed(health) as probe:
        for problem, expected in ((None, SERVING), ("the gas is off", NOT_SERVING), (None, SERVING)):
            stove.problem = problem
            await health.refresh()
            assert [await probe(name) for name in ("readiness", "", "liveness")] == [expected, expected, SERVING]


async def test_only_changes_are_logged() -> None:
    stove = Stove()
    health = Health(stove.check)
    await health.start()
    with capture_logs() as lines:
        for problem in (None, None, "the gas is off", "the gas is off", None):
            stove.problem = problem
            await health.refresh()
    assert [(line["event"], line["problem"]) for line in lines] == [("ready", None), ("not ready", "the gas is off"), ("ready", None)]


async def test_a_check_that_takes_too_long_counts_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "CHECK_TIMEOUT_SECONDS", 0.01)
    stove = Stove()
    health = Health(stove.check)
    async with probed(health) as probe:
        await health.refresh()
        stove.slow = True
        with capture_logs() as lines:
            await health.refresh()
        assert await probe("readiness") == NOT_SERVING
    assert [line["problem"] for line in lines] == ["the readiness check took longer than 0.01 s"]


async def test_watching_goes_on_after_a_check_that_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "CHECK_SECONDS", 0.001)
    stove = Stove()
    broken = stove.error = RuntimeError("secret")
    health = Health(stove.check)
    async with probed(health) as probe:
        with capture_logs() as lines:
            watching = asyncio.create_task(health.watch())
            await until(lambda: stove.asked > 2)
            assert await probe("readiness") == NOT_SERVING
            stove.error = None
            asked = stove.asked
            await until(lambda: stove.asked > asked + 2)
            assert await probe("readiness") == SERVING
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    assert [(line["event"], line["problem"]) for line in lines] == [("not ready", "the readiness check broke"), ("ready", None)]
    assert lines[0]["exc_info"] is broken


async def test_a_cancel_that_arrives_with_the_end_of_a_check_ends_the_watching() -> None:
    async def check() -> str | None:
        watching.cancel()
        return None

    watching = asyncio.create_task(Health(check).watch())
    done, _ = await asyncio.wait([watching], timeout=health_module.CHECK_SECONDS / 2)
    assert watching in done
    assert watching.cancelled()


async def test_a_stopped_service_is_not_ready_whatever_a_late_check_finds() -> None:
    health = Health(Stove().check)
    async with probed(health) as probe:
        await health.refresh()
        await health.stop()
        await health.refresh()
        assert [await probe(name) for name in ("readiness", "", "liveness")] == [NOT_SERVING, NOT_SERVING, SERVING]


async def test_a_name_that_nobody_knows_is_not_found() -> None:
    async with probed(Health(Stove().check)) as probe:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await probe("dessert")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
