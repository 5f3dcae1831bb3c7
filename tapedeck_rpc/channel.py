"""Channels: how a client of a service connects to it."""

from __future__ import annotations

import json

import grpc

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Largest message either way: twice what the largest answer that is meant to be sent takes."""

RETRYABLE_ATTEMPTS = 4
"""Tries of a unary call that finds the service away: together they bridge the restart of one replica."""

_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": RETRYABLE_ATTEMPTS,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}

OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A peer that vanished without a word is noticed within 30 s, also by a stream that waits for events.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Reconnect quickly: the services are meant to be restarted at any time.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A channel that is opened when the peer is back does not wait as long as an older one that failed to reach it.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
]


def open_channel(target: str) -> grpc.Channel:
    """A synchronous channel to `target`, such as "127.0.0.1:50051" or "dns:///engine:50051"; the caller closes it."""
    return grpc.insecure_channel(target, options=OPTIONS)


def open_aio_channel(target: str) -> grpc.aio.Channel:
    """An asyncio channel to `target`; the caller closes it."""
    return grpc.aio.insecure_channel(target, options=OPTIONS)
