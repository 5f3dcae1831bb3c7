"""RecordService on the wire: decode, call, encode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import grpc
import structlog

from store_service.recording.store import Ack, RecordingStore
from store_service.strategies.store import StrategyStore
from store_service.sweeps.recording import SweepRecording
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.status import to_status

MAX_CONCURRENT_MESSAGES = 16
"""Messages taken on at once, of all streams: as many as two transactions of first messages hold."""

MAX_WAITING_MESSAGES = 32
"""Messages of one stream that are read and not yet answered; then it is not read on, which makes its sender wait."""

Request = record_service_pb2.RecordRunsRequest
Response = record_service_pb2.RecordRunsResponse

_log = structlog.get_logger("recording")


class RecordServicer(record_service_pb2_grpc.RecordServiceServicer):  # type: ignore[misc]
    """Serves what records runs, what records sweeps, and what registers strategies."""

    def __init__(self, store: RecordingStore, sweeps: SweepRecording, strategies: StrategyStore) -> None:
        self._store = store
        self._sweeps = sweeps
        self._strategies = strategies
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_MESSAGES)

    async def RecordRuns(
        self, request_iterator: AsyncIterator[Request], context: grpc.aio.ServicerContext[Request, Response]
    ) -> AsyncIterator[Response]:
        """Messages of different runs are stored side by side, those of one run in turn; each is answered when it is durable."""
        stream = _Stream(self._answer, request_iterator)
        try:
            async for response in stream.responses():
                yield response
        finally:
            await stream.close()

    async def ClaimStaleRun(
        self,
        request: record_service_pb2.ClaimStaleRunRequest,
        context: grpc.aio.ServicerContext[record_service_pb2.ClaimStaleRunRequest, record_service_pb2.ClaimStaleRunResponse],
    ) -> record_service_pb2.ClaimStaleRunResponse:
        """Hand a stale run over."""
        claim = await self._store.claim_stale(request.engine_id)
        if claim is None:
            return record_service_pb2.ClaimStaleRunResponse()
        return record_service_pb2.ClaimStaleRunResponse(
            run_id=claim.run_id, writer_epoch=claim.writer_epoch, started=claim.started, next_sequence=claim.next_sequence
        )

    async def RequestCancel(
        self,
        request: record_service_pb2.RequestCancelRequest,
        context: grpc.aio.ServicerContext[record_service_pb2.RequestCancelRequest, record_service_pb2.RequestCancelResponse],
    ) -> record_service_pb2.RequestCancelResponse:
        """Have a run cancelled."""
        return record_service_pb2.RequestCancelResponse(state=await self._store.request_cancel(request.run_id))  # type: ignore[arg-type]

    async def RecordSweep(
        self,
        request_iterator: AsyncIterator[record_service_pb2.RecordSweepRequest],
        context: grpc.aio.ServicerContext[record_service_pb2.RecordSweepRequest, record_service_pb2.RecordSweepResponse],
    ) -> AsyncIterator[record_service_pb2.RecordSweepResponse]:
        """Take a sweep."""
        async with aclosing(self._sweeps.record(aiter(request_iterator))) as acks:
            async for ack in acks:
                yield record_service_pb2.RecordSweepResponse(
                    sweep_id=ack.sweep_id, existing_sweep_id=ack.existing_sweep_id, recorded=ack.recorded
                )

    async def RegisterStrategy(
        self,
        request: record_service_pb2.RegisterStrategyRequest,
        context: grpc.aio.ServicerContext[record_service_pb2.RegisterStrategyRequest, record_service_pb2.RegisterStrategyResponse],
    ) -> record_service_pb2.RegisterStrategyResponse:
        """Make a strategy's source code known."""
        return record_service_pb2.RegisterStrategyResponse(version_id=await self._strategies.register(request))

    async def _stored(self, request: Request) -> Ack:
        if request.look_only and request.events:
            return await self._store.look(request.run_id, request.events[0].started.spec_digest)
        return await self._store.append(
            *(request.run_id, request.writer_epoch, request.first_sequence, request.events), duplicate_policy=request.duplicate_policy
        )

    async def _answer(self, request: Request) -> Response:
        """Store one message.

        Raises:
            Unavailable: the database is away; the stream ends with it, and the sender sends again what was not answered.
        """
        try:
            async with self._slots:
                ack = await self._stored(request)
        except errors.Unavailable:
            raise
        except errors.CallError as error:
            return _refusal(request.run_id, error)
        except Exception:  # noqa: BLE001 - one run that meets a bug of ours must not take the others on its stream with it
            _log.exception("message broke", run_id=request.run_id)
            return _refusal(request.run_id, errors.Internal("something broke inside the store; its log has the details", reason="INTERNAL"))
        return _acknowledgement(request.run_id, ack)


def _acknowledgement(run_id: str, ack: Ack) -> Response:
    return Response(
        run_id=run_id,
        next_sequence=ack.next_sequence,
        cancel_requested=ack.cancel_requested,
        earlier_runs=ack.earlier_runs,
        existing_run_id=ack.existing_run_id,
    )


def _refusal(run_id: str, error: errors.CallError) -> Response:
    return Response(run_id=run_id, next_sequence=int(error.metadata.get("expected_sequence", 0)), error=to_status(error))


class _Stream:
    """One stream: what was read of it and is not answered yet."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]], requests: AsyncIterator[Request]) -> None:
        self._answer = answer
        self._room = asyncio.Semaphore(MAX_WAITING_MESSAGES)
        self._answered: asyncio.Queue[Response | None] = asyncio.Queue()  # never more than there is room for
        self._messages: set[asyncio.Task[None]] = set()
        self._latest: dict[str, asyncio.Task[None]] = {}
        self._away: errors.Unavailable | None = None
        self._reading = asyncio.create_task(self._read(requests))

    async def responses(self) -> AsyncIterator[Response]:
        """Answers as they become durable, until the sender is done.

        Raises:
            Unavailable: the database is away; everything that was stored nevertheless is answered before.
        """
        while (response := await self._answered.get()) is not None:
            yield response
            self._room.release()
        if self._away is None:
            await self._reading
            return
        self._reading.cancel()
        await asyncio.gather(*self._messages)
        while not self._answered.empty():
            if (response := self._answered.get_nowait()) is not None:
                yield response
        raise self._away

    async def close(self) -> None:
        """Stop reading, and give up what is under way: it was not acknowledged, so it will be sent again."""
        tasks = [self._reading, *self._messages]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, requests: AsyncIterator[Request]) -> None:
        try:
            async for request in requests:
                await self._room.acquire()
                task = asyncio.create_task(self._handle(request, self._latest.get(request.run_id)))
                self._messages.add(task)
                self._latest[request.run_id] = task
            await asyncio.gather(*self._messages)
        finally:
            self._answered.put_nowait(None)

    async def _handle(self, request: Request, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            if self._away is None:
                self._answered.put_nowait(await self._answer(request))
        except errors.Unavailable as error:
            self._away = error
            self._answered.put_nowait(None)
        finally:
            this = asyncio.current_task()
            assert this is not None
            self._messages.discard(this)
            if self._latest.get(request.run_id) is this:
                del self._latest[request.run_id]
