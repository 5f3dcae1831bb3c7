"""The connection to both services: whom the client calls, over which channels, and who closes them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import grpc

from tapedeck.v1.engine_service_pb2_grpc import EngineServiceStub
from tapedeck.v1.store_service_pb2_grpc import StoreServiceStub
from tapedeck.v1.strategy_service_pb2_grpc import StrategyServiceStub
from tapedeck.v1.sweep_service_pb2_grpc import SweepServiceStub
from tapedeck.v1.transfer_service_pb2_grpc import TransferServiceStub
from tapedeck_client.peer import Peer
from tapedeck_client.resume import Backoff
from tapedeck_rpc.channel import open_channel

ENGINE_TARGET_VARIABLE = "TAPEDECK_ENGINE_TARGET"
STORE_TARGET_VARIABLE = "TAPEDECK_STORE_TARGET"
DEFAULT_ENGINE_TARGET = "127.0.0.1:50051"
DEFAULT_STORE_TARGET = "127.0.0.1:50052"

UNARY_TIMEOUT_SECONDS = 10.0
"""Deadline of a unary call, its retries included: answers take milliseconds, the rest is room for the restart of a replica."""


class Connection:
    """An engine and a store, each behind a channel. A context manager that closes the channels it opened."""

    def __init__(
        self,
        engine_target: str | None = None,
        store_target: str | None = None,
        *,
        engine_channel: grpc.Channel | None = None,
        store_channel: grpc.Channel | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Connect to both services; nothing is sent before the first call.

        Args:
            engine_target: Address of the engine; None takes TAPEDECK_ENGINE_TARGET, else 127.0.0.1:50051.
            store_target: Address of the store; None takes TAPEDECK_STORE_TARGET, else 127.0.0.1:50052.
            engine_channel: A channel to use instead of a new one; its owner closes it.
            store_channel: Likewise for the store.
            backoff: How patiently cut streams are taken up again; None takes the defaults.
        """
        self._engine_peer = Peer("engine", engine_target or os.environ.get(ENGINE_TARGET_VARIABLE) or DEFAULT_ENGINE_TARGET)
        self._store_peer = Peer("store", store_target or os.environ.get(STORE_TARGET_VARIABLE) or DEFAULT_STORE_TARGET)
        self._resources = contextlib.ExitStack()
        to_engine = engine_channel or self._own_channel(self._engine_peer)
        to_store = store_channel or self._own_channel(self._store_peer)
        self._engine: Any = EngineServiceStub(to_engine)
        self._store: Any = StoreServiceStub(to_store)
        self._sweeps: Any = SweepServiceStub(to_store)
        self._versions: Any = StrategyServiceStub(to_store)
        self._transfers: Any = TransferServiceStub(to_store)
        self._backoff = backoff or Backoff()

    def _own_channel(self, peer: Peer) -> grpc.Channel:
        channel = open_channel(peer.target)
        self._resources.callback(channel.close)
        return channel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the channels that were opened here; calls in flight are cancelled."""
        self._resources.close()


class Page(Protocol):
    """One page of a list."""

    @property
    def next_page_token(self) -> str:
        """Where the next page starts; empty on the last page."""


P = TypeVar("P", bound=Page)


def every_page(fetch: Callable[[str], P]) -> Generator[P, None, None]:
    """All pages of a list, fetched by their token as they are asked for."""
    page_token = ""
    while True:
        page = fetch(page_token)
        yield page
        page_token = page.next_page_token
        if not page_token:
            return
