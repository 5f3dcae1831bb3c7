"""Turns exceptions into statuses: ours into what they say, all others into INTERNAL without a word about the inside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import structlog
from grpc_status import rpc_status

from tapedeck_rpc import errors
from tapedeck_rpc.interceptors.wrapping import AroundInterceptor, Context
from tapedeck_rpc.status import to_status

_log = structlog.get_logger("errors")


async def _abort(context: Context, error: errors.CallError) -> None:
    status = rpc_status.to_status(to_status(error))
    await context.abort(status.code, status.details, status.trailing_metadata)


@asynccontextmanager
async def _translated(method: str, context: Context) -> AsyncIterator[None]:
    try:
        yield
    except errors.CallError as error:
        await _abort(context, error)
    except grpc.aio.AbortError:
        raise
    except Exception:  # noqa: BLE001 - the border: whatever is left is a bug of ours, and the caller gets no traceback
        _log.exception("call broke", method=method)
        internal = errors.Internal("something broke inside the service; its log has the details under this request id", reason="INTERNAL")
        await _abort(context, internal)


class ErrorInterceptor(AroundInterceptor):
    """The border: what servicers and everything below them raise becomes a status here, and only here."""

    def __init__(self) -> None:
        super().__init__(_translated)
