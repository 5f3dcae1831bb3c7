"""The engine that executes runs again, as the store sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

import grpc
import structlog

from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc, run_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.interceptors.request_id import METADATA_KEY
from tapedeck_rpc.status import from_rpc_error

QUESTION_TIMEOUT_SECONDS = 10.0
"""How long the engine may take to name its strategies or datasets; it answers from memory."""

RETRY_AFTER_SECONDS = 1.0
"""When to try again while the engine is away: a restart takes a few seconds."""


class Engine:
    """Asks the engine, and executes runs on it. The channel's owner closes the channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = engine_service_pb2_grpc.EngineServiceStub(channel)

    async def strategies(self) -> Sequence[engine_service_pb2.Strategy]:
        """What can be executed.

        Raises:
            Unavailable: the engine is away (ENGINE_UNAVAILABLE).
        """
        with _translated():
            request = engine_service_pb2.ListStrategiesRequest()
            answer = await self._stub.ListStrategies(request, timeout=QUESTION_TIMEOUT_SECONDS, metadata=_metadata())
        strategies: Sequence[engine_service_pb2.Strategy] = answer.strategies
        return strategies

    async def datasets(self) -> Sequence[engine_service_pb2.Dataset]:
        """What it can be executed on.

        Raises:
            Unavailable: the engine is away (ENGINE_UNAVAILABLE).
        """
        with _translated():
            request = engine_service_pb2.ListDatasetsRequest()
            answer = await self._stub.ListDatasets(request, timeout=QUESTION_TIMEOUT_SECONDS, metadata=_metadata())
        datasets: Sequence[engine_service_pb2.Dataset] = answer.datasets
        return datasets

    async def run(self, request: engine_service_pb2.RunBacktestRequest) -> AsyncGenerator[run_pb2.RunEvent]:
        """Execute a run and give its events. A run takes as long as it takes, so there is no deadline.

        Raises:
            CallError: what the engine refused the run for, or that it is away (ENGINE_UNAVAILABLE).
        """
        call = self._stub.RunBacktest(request, metadata=_metadata())
        try:
            with _translated():
                async for answer in call:
                    yield answer.event
        finally:
            call.cancel()


def _metadata() -> tuple[tuple[str, str], ...]:
    """The id of the call that is being answered: one id finds the lines of both services in the log."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return ((METADATA_KEY, str(request_id)),) if request_id else ()


@contextmanager
def _translated() -> Iterator[None]:
    """The engine's errors as it raised them. Errors that it did not make itself say that it is not there."""
    try:
        yield
    except grpc.RpcError as error:
        meaning = from_rpc_error(error)
        if meaning.reason != "UNKNOWN":
            raise meaning from error
        raise errors.Unavailable(
            "no engine answers, and executing a run needs one", reason="ENGINE_UNAVAILABLE", retry_after_seconds=RETRY_AFTER_SECONDS
        ) from error
