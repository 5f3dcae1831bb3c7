"""The stream to the store: events of all saved runs in, durable acknowledgements out.

One long-lived RecordRuns stream carries every run of this engine. It may break at any moment: each `Recording` keeps what is not
acknowledged and sends it again, which the store takes as said before.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TYPE_CHECKING

import grpc
import structlog

from engine_service.recording import Recording
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc, run_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.status import from_rpc_error, from_status

RENEW_SECONDS = 60.0
"""Age at which the stream is closed and opened again: streams stick to the replica they reached, renewing spreads them."""

ACK_SECONDS = 20.0
"""A message not answered for this long means that the stream is dead, whatever TCP says."""

CALL_SECONDS = 10.0
"""Deadline of the unary calls."""

BACKOFF_SECONDS = (0.1, 2.0)
"""First and longest wait before the stream is opened again."""

IDLE_SECONDS = 1.0
"""How often heartbeats and silence are looked for when nothing else happens."""

_log = structlog.get_logger("recorder")

if TYPE_CHECKING:  # generic for type checkers only
    _Stream = grpc.aio.StreamStreamCall[record_service_pb2.RecordRunsRequest, record_service_pb2.RecordRunsResponse]


class Recorder:
    """Owns the stream. `run` keeps it open until cancelled; `open` adds a run to it."""

    def __init__(self, channel: grpc.aio.Channel, *, heartbeat_seconds: float) -> None:
        """A run without events gives a sign of life every `heartbeat_seconds`."""
        self._heartbeat_seconds = heartbeat_seconds
        self._stub = record_service_pb2_grpc.RecordServiceStub(channel)
        self._recordings: dict[str, Recording] = {}
        self._work = asyncio.Event()
        self._away_since: float | None = None

    def open(
        self,
        run_id: str,
        writer_epoch: int,
        next_sequence: int,
        *,
        on_cancel: Callable[[], None],
        duplicate_policy: run_pb2.DuplicatePolicy = run_pb2.DUPLICATE_POLICY_RUN,
        look_only: bool = False,
    ) -> Recording:
        """Start to record a run, or only to ask for runs of the same spec; `close` it when it is over."""
        recording = Recording(
            *(run_id, writer_epoch, next_sequence),
            wake=self._work.set,
            on_cancel=on_cancel,
            duplicate_policy=duplicate_policy,
            look_only=look_only,
        )
        self._recordings[run_id] = recording
        return recording

    def close(self, recording: Recording) -> None:
        """Forget a run, whether all of it is recorded or not."""
        if self._recordings.get(recording.run_id) is recording:  # the run may have been claimed, and be recorded anew
            del self._recordings[recording.run_id]

    def away_seconds(self) -> float:
        """For how long the store has not answered; 0 while it does."""
        return 0.0 if self._away_since is None else asyncio.get_running_loop().time() - self._away_since

    async def claim(self, engine_id: str) -> record_service_pb2.ClaimStaleRunResponse | None:
        """Claim one run whose engine has vanished; None when there is none."""
        with _translated():
            answer: record_service_pb2.ClaimStaleRunResponse = await self._stub.ClaimStaleRun(
                record_service_pb2.ClaimStaleRunRequest(engine_id=engine_id), timeout=CALL_SECONDS
            )
        return answer if answer.run_id else None

    async def request_cancel(self, run_id: str) -> None:
        """Have a run of another engine cancelled."""
        with _translated():
            await self._stub.RequestCancel(record_service_pb2.RequestCancelRequest(run_id=run_id), timeout=CALL_SECONDS)

    async def run(self) -> None:
        """Keep a stream open, for ever."""
        backoff = BACKOFF_SECONDS[0]
        while True:
            try:
                with _translated():
                    await self._stream_once()
                backoff = BACKOFF_SECONDS[0]
                continue
            except errors.CallError as error:
                if self._away_since is None:
                    self._away_since = asyncio.get_running_loop().time()
                    backoff = BACKOFF_SECONDS[0]
                    _log.warning("store away", why=error.message)
            except Exception:  # noqa: BLE001 - without this task no run is ever recorded again, so it survives bugs of ours
                _log.exception("stream broke")
            await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311 - spreads reconnects, nothing secret
            backoff = min(backoff * 2, BACKOFF_SECONDS[1])

    async def _stream_once(self) -> None:
        stream: _Stream = self._stub.RecordRuns()
        for recording in self._recordings.values():
            recording.resend()
        reading = asyncio.create_task(self._read(stream))
        try:
            async with contextlib.aclosing(self._outgoing(reading)) as messages:
                async for message in messages:
                    async with asyncio.timeout(ACK_SECONDS):
                        await stream.write(message)
            if not reading.done():
                await stream.done_writing()
            async with asyncio.timeout(ACK_SECONDS):
                await reading
        except TimeoutError:
            raise errors.Unavailable("the store stopped answering", reason="STORE_UNAVAILABLE") from None
        except asyncio.InvalidStateError:  # what write() raises when the stream broke; the reading end knows why
            await reading
        finally:
            stream.cancel()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _outgoing(self, reading: asyncio.Task[None]) -> AsyncGenerator[record_service_pb2.RecordRunsRequest, None]:
        """Messages to send until the stream is old enough to be renewed, or its reading end is over."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + RENEW_SECONDS
        while not reading.done() and loop.time() < renew_at:
            self._work.clear()
            for recording in list(self._recordings.values()):
                if recording.silent_seconds() > ACK_SECONDS:
                    raise TimeoutError
                message = recording.next_message(heartbeat_seconds=self._heartbeat_seconds)
                if message is not None:
                    yield message
            waker = asyncio.create_task(self._work.wait())
            try:
                await asyncio.wait({reading, waker}, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waker.cancel()

    async def _read(self, stream: _Stream) -> None:
        async for answer in stream:
            if self._away_since is not None:
                _log.info("store answers again", away_seconds=round(self.away_seconds(), 1))
                self._away_since = None
            recording = self._recordings.get(answer.run_id)
            if recording is not None:
                recording.acknowledge(answer, from_status(answer.error) if answer.HasField("error") else None)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None
