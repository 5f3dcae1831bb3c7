"""Run ids: UUIDs, version 7 (RFC 9562, section 5.7), so that new runs lie side by side in the store's indexes."""

from __future__ import annotations

import os
import time
import uuid

from tapedeck_rpc import errors


def new_run_id() -> str:
    """A fresh id: 48 bits of milliseconds since 1970, the rest random but for version and variant."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    return str(uuid.UUID(int=value))


def run_id_of(text: str) -> str:
    """The canonical form of an id from a request.

    Raises:
        InvalidArgument: it is no UUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise errors.InvalidArgument(violations=[errors.Violation("run_id", f"must be a UUID, not {text[:60]!r}")]) from None
