"""Health: a server of its own for the probes, plain text, nothing else on it.

`liveness` says that the process answers; it never looks at what the service depends on. `readiness`, and the empty name, say whether the
service can do its work: `check` is asked every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

CHECK_SECONDS = 2.0
"""How often readiness is asked for: a probe every 5 s sees a change at its next look."""

CHECK_TIMEOUT_SECONDS = 5.0
"""A check that takes longer counts as failed."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_log = structlog.get_logger("health")

Check = Callable[[], Awaitable[str | None]]
"""Returns None when the service can work, else one sentence that says why it can't."""


class Health:
    """State of one service; `watch` keeps it up to date, `servicer` serves it."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._problem: str | None = "starting"
        self._stopped = False
        self.servicer = health.aio.HealthServicer()

    async def start(self) -> None:
        """Be alive, and not ready until the first check."""
        await self.servicer.set("liveness", _SERVING)
        await self._set_ready(ready=False)

    async def watch(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(CHECK_SECONDS)

    async def refresh(self) -> None:
        """Ask once."""
        error: Exception | None = None
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                problem = await self._check()
        except TimeoutError:
            problem = f"the readiness check took longer than {CHECK_TIMEOUT_SECONDS:g} s"
        except Exception as broken:  # noqa: BLE001 - a check that breaks must not end the watching: the state would stay what it was
            problem, error = "the readiness check broke", broken
        if problem != self._problem:
            _log.info("ready" if problem is None else "not ready", problem=problem, exc_info=error)
        self._problem = problem
        await self._set_ready(ready=problem is None)

    async def stop(self) -> None:
        """Be not ready for good, so that no new call is sent here: a check that is under way changes nothing any more."""
        self._stopped = True
        await self._set_ready(ready=False)

    async def _set_ready(self, *, ready: bool) -> None:
        for name in ("readiness", ""):
            await self.servicer.set(name, _SERVING if ready and not self._stopped else _NOT_SERVING)


def add_health(server: grpc.aio.Server, state: Health) -> None:
    """Serve the state on a server."""
    health_pb2_grpc.add_HealthServicer_to_server(state.servicer, server)
