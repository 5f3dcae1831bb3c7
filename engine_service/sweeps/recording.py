"""The way of a sweep into the store, all of it or nothing, and back when its request_id made one before."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc
import structlog

from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc, sweep_pb2, sweep_service_pb2, sweep_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.status import from_rpc_error

RESULTS_PER_MESSAGE = 4_096
"""What the store takes in one message."""

RESULTS_PER_PAGE = 1_000
"""What the store gives in one page."""

ANSWER_SECONDS = 10.0
"""How long the store may take to say whether it knows a sweep."""

RECORD_SECONDS = 120.0
"""How long it may take to store a whole one: a million results, on a slow disk."""

BACKOFF_SECONDS = (0.1, 2.0)
"""First and longest wait before a store that is away is asked again."""

AWAY = (errors.Unavailable, errors.DeadlineExceeded, errors.Aborted, errors.ResourceExhausted)
"""What passes by itself."""

Request = record_service_pb2.RecordSweepRequest
Response = record_service_pb2.RecordSweepResponse

_log = structlog.get_logger("sweeps")


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to be recorded after a sweep has started."""

    parts: Callable[[], AsyncGenerator[bytes, None]]
    """Serialized SweepResults in the order of their numbers, each of at most RESULTS_PER_MESSAGE; may be gone through again."""
    finished: Awaitable[sweep_pb2.SweepFinished]
    """May be awaited again."""


class SweepRecorder:
    """Sends sweeps to the store, and asks it for those that it has."""

    def __init__(self, record_channel: grpc.aio.Channel, store_channel: grpc.aio.Channel, *, wait_seconds: float) -> None:
        """Takes two channels that somebody else closes, and for how long a store that is away is waited for."""
        self._record = record_service_pb2_grpc.RecordServiceStub(record_channel)
        self._sweeps = sweep_service_pb2_grpc.SweepServiceStub(store_channel)
        self._wait_seconds = wait_seconds

    async def existing(self, started: sweep_pb2.SweepStarted) -> str:
        """The sweep that the request_id of this one made before, or "".

        Raises:
            CallError: the store refuses the sweep, as when the request_id belongs to another request, or has been away for too long.
        """
        return await self._patiently(lambda: self._send(started, None))

    async def try_once(self, started: sweep_pb2.SweepStarted, ending: Ending) -> str:
        """Record a sweep while it is being executed; as `record`, but without a second try."""
        return await self._send(started, ending)

    async def record(self, started: sweep_pb2.SweepStarted, ending: Ending) -> str:
        """Record a sweep that has ended; when the store is lost on the way, all of it is sent again.

        Returns:
            The sweep that its request_id has made meanwhile, in another engine; "" when this one is recorded.

        Raises:
            CallError: as `existing`.
        """
        return await self._patiently(lambda: self._send(started, ending))

    async def _patiently(self, send: Callable[[], Awaitable[str]]) -> str:
        loop, backoff = asyncio.get_running_loop(), BACKOFF_SECONDS[0]
        until = loop.time() + self._wait_seconds
        while True:
            try:
                return await send()
            except AWAY as error:
                if loop.time() + backoff > until:
                    raise
                _log.warning("store away", why=error.message)
            await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311 - spreads reconnects, nothing secret
            backoff = min(2 * backoff, BACKOFF_SECONDS[1])

    async def _send(self, started: sweep_pb2.SweepStarted, ending: Ending | None) -> str:
        """One stream: ask, and when the sweep is new, tell the rest of it; returns the sweep that is there in its place, or ""."""
        stream: Any = self._record.RecordSweep(timeout=ANSWER_SECONDS if ending is None else RECORD_SECONDS)
        try:
            await _write(stream, Request(started=started))
            answer = await _read(stream)
            if ending is None or answer.existing_sweep_id:
                return answer.existing_sweep_id
            async with aclosing(ending.parts()) as parts:
                async for part in parts:
                    await _write(stream, Request(results=sweep_pb2.SweepResults.FromString(part)))
            await _write(stream, Request(finished=await ending.finished))
            await stream.done_writing()
            return (await _read(stream)).existing_sweep_id
        finally:
            stream.cancel()

    async def sweep(self, sweep_id: str) -> sweep_pb2.Sweep:
        """A recorded sweep."""
        try:
            request = sweep_service_pb2.GetSweepRequest(sweep_id=sweep_id)
            answer: sweep_service_pb2.GetSweepResponse = await self._sweeps.GetSweep(request, timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        return answer.sweep

    async def results(
        self, sweep_id: str, *, symbol: str = "", order_by: str = "", count: int
    ) -> AsyncGenerator[list[sweep_pb2.SweepResult]]:
        """Recorded results, page by page.

        Args:
            sweep_id: The sweep.
            symbol: Only of this symbol; empty means of all.
            order_by: As in ListSweepResults; empty means by number.
            count: How many at most.
        """
        request = sweep_service_pb2.ListSweepResultsRequest(sweep_id=sweep_id, order_by=order_by)
        if symbol:
            request.filter = f"symbol = {json.dumps(symbol)}"
        while count > 0:
            request.page_size = min(count, RESULTS_PER_PAGE)
            try:
                page: sweep_service_pb2.ListSweepResultsResponse = await self._sweeps.ListSweepResults(request, timeout=ANSWER_SECONDS)
            except grpc.RpcError as error:
                raise from_rpc_error(error) from None
            yield list(page.results)
            count -= len(page.results)
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return


async def _write(stream: Any, request: Request) -> None:
    """Send a part.

    Raises:
        Unavailable: the stream has ended. gRPC forgets what the other side said when a write fails, so it counts as away.
    """
    try:
        await stream.write(request)
    except (grpc.RpcError, asyncio.InvalidStateError):
        raise errors.Unavailable("the store ended the stream while the sweep was sent", reason="STORE_UNAVAILABLE") from None


async def _read(stream: Any) -> Response:
    """The next answer.

    Raises:
        CallError: the stream has ended instead.
    """
    try:
        answer = await stream.read()
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None
    if not isinstance(answer, Response):
        raise errors.Unavailable("the store ended the stream without an answer", reason="STORE_UNAVAILABLE")
    return answer
