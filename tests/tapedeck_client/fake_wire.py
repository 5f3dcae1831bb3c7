"""A client on fake channels: what it sends, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
import grpc_testing

from tapedeck.v1 import engine_service_pb2, store_service_pb2, strategy_service_pb2, sweep_service_pb2, transfer_service_pb2
from tapedeck_client import TapedeckClient

SERVICES = (
    engine_service_pb2.DESCRIPTOR.services_by_name["EngineService"],
    store_service_pb2.DESCRIPTOR.services_by_name["StoreService"],
    strategy_service_pb2.DESCRIPTOR.services_by_name["StrategyService"],
    sweep_service_pb2.DESCRIPTOR.services_by_name["SweepService"],
    transfer_service_pb2.DESCRIPTOR.services_by_name["TransferService"],
)


class FakeWire:
    """A client, with the test at the other end."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._channel = grpc_testing.channel(SERVICES, grpc_testing.strict_real_time())
        self._pool = pool
        self.client = TapedeckClient(engine_channel=self._channel, store_channel=self._channel)

    def unary(self, call: Callable[[], Any], method: str, response: object) -> tuple[Any, Any]:
        """The request that a call sends, and what it returns when the service answers so."""
        future: Future[Any] = self._pool.submit(call)
        _, request, rpc = self._channel.take_unary_unary(_method(method))
        rpc.terminate(response, (), grpc.StatusCode.OK, "")
        return request, future.result(timeout=30)

    def stream(self, call: Callable[[], Iterator[Any]], method: str, responses: list[Any]) -> tuple[Any, list[Any]]:
        """The request that a streaming call sends, and what it yields when the service streams so.

        The call is over after as many messages: queued ones are lost when the fake service ends it.
        """
        future = self._pool.submit(lambda: _take(call(), len(responses)))
        _, request, rpc = self._channel.take_unary_stream(_method(method))
        for response in responses:
            rpc.send_response(response)
        return request, future.result(timeout=30)


def _take(messages: Iterator[Any], count: int) -> list[Any]:
    return [next(messages) for _ in range(count)]


def _method(name: str) -> Any:
    return next(service.methods_by_name[name] for service in SERVICES if name in service.methods_by_name)
