"""What can go wrong with a call, as plain exceptions.

    CallError
    ├── InvalidArgument       the request is wrong, whatever the state: carries every violation
    ├── NotFound
    ├── AlreadyExists
    ├── FailedPrecondition    the state does not allow it
    ├── OutOfRange
    ├── Aborted
    ├── Cancelled
    ├── DeadlineExceeded
    ├── ResourceExhausted     try again after retry_after_seconds
    ├── Unavailable           try again after retry_after_seconds
    ├── DataLoss
    ├── Unimplemented
    └── Internal

Code deep down raises them; `tapedeck_rpc.status` translates them at the border, both ways. `reason` is a name that programs rely on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is wrong, and a sentence that says what would be right."""

    field: str
    description: str


class CallError(Exception):
    """A call that failed for a reason worth telling its caller: one clear sentence, no query, no path, no traceback."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        metadata: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.retry_after_seconds = retry_after_seconds


class InvalidArgument(CallError):
    """The request is wrong; `violations` holds everything that is wrong with it."""

    def __init__(
        self,
        message: str | None = None,
        *,
        violations: Sequence[Violation] = (),
        reason: str = "INVALID_REQUEST",
        metadata: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(
            message or "; ".join(f"{v.field}: {v.description}" for v in violations),
            reason=reason,
            metadata=metadata,
            retry_after_seconds=retry_after_seconds,
        )
        self.violations = tuple(violations)


class NotFound(CallError):
    """What the request names does not exist."""


class AlreadyExists(CallError):
    """What the request creates exists already."""


class FailedPrecondition(CallError):
    """The state of the system does not allow it; trying again changes nothing until something else changes."""


class OutOfRange(CallError):
    """The request goes past the end of something."""


class Aborted(CallError):
    """It clashed with something that happened at the same time."""


class Cancelled(CallError):
    """The caller gave up."""


class DeadlineExceeded(CallError):
    """The deadline passed first."""


class ResourceExhausted(CallError):
    """A limit is reached; there is room again later."""


class Unavailable(CallError):
    """A service, or something it needs, is away; it is worth trying again."""


class DataLoss(CallError):
    """What is stored contradicts what arrived."""


class Unimplemented(CallError):
    """No such method."""


class Internal(CallError):
    """Something broke that the caller can do nothing about."""
