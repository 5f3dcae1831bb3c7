"""Telling the store the source code of the installed strategies, beside everything else: no run waits for it, and none fails by it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

import grpc
import structlog

from engine_service.strategies import Strategy
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.status import from_rpc_error

CALL_SECONDS = 10.0
"""Deadline of a call: the store inserts one row."""

BACKOFF_SECONDS = (0.5, 60.0)
"""First and longest wait before a store that is away is asked again; nobody waits for the answer."""

AWAY = (errors.Unavailable, errors.DeadlineExceeded, errors.Aborted, errors.ResourceExhausted)
"""What passes by itself."""

_log = structlog.get_logger("registration")


async def register(strategies: Iterable[Strategy], record_channel: grpc.aio.Channel) -> None:
    """Make each strategy known to the store, however long that is away. One that can't be told, or that it refuses, is left out."""
    stub = record_service_pb2_grpc.RecordServiceStub(record_channel)
    for strategy in strategies:
        try:
            request = await asyncio.to_thread(_request, strategy)  # it reads files
            await _register(request, stub)
        except Exception as error:  # noqa: BLE001 - a plug-in's source and defaults may be anything, and the others are registered still
            _log.warning("strategy not registered", strategy=strategy.name, why=str(error))


async def _register(request: record_service_pb2.RegisterStrategyRequest, stub: record_service_pb2_grpc.RecordServiceStub) -> None:
    backoff = BACKOFF_SECONDS[0]
    while True:
        try:
            await stub.RegisterStrategy(request, timeout=CALL_SECONDS)
        except grpc.RpcError as refused:
            error = from_rpc_error(refused)
            if not isinstance(error, AWAY):
                raise error from None
        else:
            return
        await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311 - spreads engines, nothing secret
        backoff = min(2 * backoff, BACKOFF_SECONDS[1])


def _request(strategy: Strategy) -> record_service_pb2.RegisterStrategyRequest:
    fields = strategy.parameters.model_fields
    defaults = {name: field.get_default(call_default_factory=True) for name, field in fields.items() if not field.is_required()}
    jsonable = strategy.parameters.model_construct(**defaults).model_dump(mode="json", include=set(defaults))
    return record_service_pb2.RegisterStrategyRequest(name=strategy.name, source_code=strategy.source_code, parameters=jsonable)
