"""Servers: how a service listens, and how it stops."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
import structlog
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection

from tapedeck_rpc.channel import MAX_MESSAGE_BYTES
from tapedeck_rpc.health import Health, add_health
from tapedeck_rpc.interceptors import server_interceptors

MAX_CONCURRENT_CALLS = 1_000
"""Calls in flight per server; one more gets RESOURCE_EXHAUSTED at once instead of a place in an endless queue."""

GRACE_SECONDS = 10.0
"""How long calls in flight may go on after SIGTERM; Kubernetes' terminationGracePeriodSeconds is longer."""

OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A second process on the same port would take half of the connections without anybody noticing.
    ("grpc.so_reuseport", 0),
    # Clients look the addresses up again when a connection ends: that is how new replicas get their share.
    ("grpc.max_connection_age_ms", 15 * 60 * 1000),
    ("grpc.max_connection_age_grace_ms", 60 * 60 * 1000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
]

_log = structlog.get_logger("server")


@dataclass(frozen=True, slots=True)
class Service:
    """What one port serves."""

    address: str
    """Host and port, such as "127.0.0.1:50051"; port 0 means any."""
    add_to: Callable[[grpc.aio.Server], None]
    """Adds the servicers."""
    names: Sequence[str]
    """Full names of the services, for reflection."""


def build_server(service: Service, health: Health) -> tuple[grpc.aio.Server, int]:
    """A server for the service, with interceptors, reflection and health, not started yet.

    Returns:
        The server and the port it is bound to.

    Raises:
        OSError: the address can't be bound.
    """
    server = grpc.aio.server(interceptors=server_interceptors(), options=OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS)
    service.add_to(server)
    add_health(server, health)
    names = (*service.names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    return server, _bind(server, service.address)


def build_health_server(address: str, health: Health) -> tuple[grpc.aio.Server, int]:
    """A server with nothing but health, for probes that can't speak TLS and must not queue behind calls."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_health(server, health)
    return server, _bind(server, address)


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        return server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"can't listen on {address}: is another process using it?") from error


async def serve_until_signal(
    servers: Sequence[grpc.aio.Server], health: Health, *, grace_seconds: float = GRACE_SECONDS, cut_at_once: Sequence[grpc.aio.Server] = ()
) -> None:
    """Serve until SIGTERM or SIGINT; then be not ready, let calls in flight end within the grace, and return.

    Args:
        servers: What to start and to stop.
        health: State of the service.
        grace_seconds: How long calls in flight may go on.
        cut_at_once: Those of the servers whose calls get no grace: endless streams that their clients take up again elsewhere.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await health.start()
    watching = asyncio.create_task(health.watch())
    try:
        for server in servers:
            await server.start()
        await stopping.wait()
        _log.info("stopping", grace_seconds=grace_seconds)
    finally:
        watching.cancel()
        await health.stop()
        await asyncio.gather(*(server.stop(0.0 if server in cut_at_once else grace_seconds) for server in servers))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
