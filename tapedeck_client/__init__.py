"""Run backtests and read what is recorded of them: what people and other services import.

    with TapedeckClient() as client:
        for message in client.run(RunSpec(strategy="buy_and_hold", dataset="wiki", symbols=["GOOG"])):
            ...

Plain `pip install tapedeck` is enough: nothing here needs the engine's or the store's libraries.
"""

from tapedeck_client.client import TapedeckClient
from tapedeck_client.resume import Backoff
from tapedeck_rpc.errors import (
    Aborted,
    AlreadyExists,
    CallError,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
    Violation,
)

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Backoff",
    "CallError",
    "Cancelled",
    "DataLoss",
    "DeadlineExceeded",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "OutOfRange",
    "ResourceExhausted",
    "TapedeckClient",
    "Unavailable",
    "Unimplemented",
    "Violation",
]
