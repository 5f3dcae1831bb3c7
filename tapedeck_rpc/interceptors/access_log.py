"""One line per call: method, code, milliseconds, peer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import structlog

from tapedeck_rpc.interceptors.wrapping import AroundInterceptor, Context

_QUIET = ("/grpc.health.v1.", "/grpc.reflection.")
_log = structlog.get_logger("access")


@asynccontextmanager
async def _logged(method: str, context: Context) -> AsyncIterator[None]:
    started = time.perf_counter()
    # Asked for now: gRPC crashes the process when it is asked after the call was freed.
    peer = context.peer()
    ended = grpc.StatusCode.OK
    try:
        yield
    except asyncio.CancelledError:
        # The caller gave up, or its deadline passed: from here the two look the same.
        ended = grpc.StatusCode.CANCELLED
        raise
    finally:
        if not method.startswith(_QUIET):
            code = context.code()
            _log.info(
                "call",
                method=method,
                code=code.name if isinstance(code, grpc.StatusCode) else ended.name,
                duration_ms=round((time.perf_counter() - started) * 1000, 3),
                peer=peer,
            )


class AccessLogInterceptor(AroundInterceptor):
    """Logs every call when it ends, streams too; health checks and reflection are not logged."""

    def __init__(self) -> None:
        super().__init__(_logged)
