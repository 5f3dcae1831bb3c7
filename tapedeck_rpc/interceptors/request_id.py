"""Gives every call an id that all its log lines carry and that the caller gets back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from tapedeck_rpc.interceptors.wrapping import AroundInterceptor, Context

METADATA_KEY = "x-request-id"
MAX_CHARS = 128
"""A caller's id goes into every log line of the call and back in a header; a longer one is cut."""


@asynccontextmanager
async def _request_id(_method: str, context: Context) -> AsyncIterator[None]:
    given = str(dict(context.invocation_metadata() or ()).get(METADATA_KEY, ""))[:MAX_CHARS]
    # What is not printable ASCII can't be sent back in a header.
    request_id = given if given.isascii() and given.isprintable() and given.strip() else uuid.uuid4().hex
    await context.send_initial_metadata(((METADATA_KEY, request_id),))
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield


class RequestIdInterceptor(AroundInterceptor):
    """Takes the caller's x-request-id or makes one, binds it to the log, sends it back."""

    def __init__(self) -> None:
        super().__init__(_request_id)
