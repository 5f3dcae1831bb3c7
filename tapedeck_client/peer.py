"""The service at the other end: which one it is, where it is, and what its failures mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from tapedeck_rpc import errors
from tapedeck_rpc.status import from_rpc_error

_NOT_SAID = "UNKNOWN"
"""Reason of a failure that gRPC itself made: the services always say theirs."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of the two services as the client sees it."""

    name: str
    """"engine" or "store"."""
    target: str
    """Address, such as "127.0.0.1:50051"; errors name it."""

    def call(self, method: Callable[..., Any], request: object, timeout_seconds: float) -> Any:
        """The response of a unary method.

        Raises:
            tapedeck_rpc.errors.CallError: the call failed.
        """
        try:
            return method(request, timeout=timeout_seconds)
        except grpc.RpcError as error:
            raise self.translate(error) from None

    def translate(self, rpc_error: grpc.RpcError) -> errors.CallError:
        """What went wrong: in the service's own words, or, when it could say nothing, in ours."""
        error = from_rpc_error(rpc_error)
        if error.reason != _NOT_SAID:
            return error
        if isinstance(error, errors.Unavailable):
            return self.away()
        if isinstance(error, errors.DeadlineExceeded):
            return errors.DeadlineExceeded(f"the {self.name} at {self.target} did not answer in time", reason="DEADLINE_EXCEEDED")
        if isinstance(error, errors.Unimplemented):
            return errors.Unimplemented(f"what listens at {self.target} is not the {self.name}, or an older one", reason=_NOT_SAID)
        return error

    def away(self) -> errors.Unavailable:
        """Nobody is there."""
        return errors.Unavailable(f"the {self.name} at {self.target} can't be reached", reason=f"{self.name.upper()}_UNAVAILABLE")
