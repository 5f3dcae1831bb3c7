"""Exceptions of `errors` <-> google.rpc.Status, both ways: a NotFound raised in a service is a NotFound in its caller."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tapedeck_rpc import errors

DOMAIN = "tapedeck"
"""`ErrorInfo.domain` of every error of ours."""

MAX_MESSAGE_BYTES = 1_200
"""Room for the sentence, percent-encoded as HTTP/2 wants it. A status travels in trailers, of which gRPC's clients accept 8 KiB by default:
one that is larger turns into another error. The sentence travels twice, once more within the details (base64): 2.8 KB of the 8."""

MAX_DETAILS_BYTES = 3_500
"""Room for the details: 4.7 KB as base64. What is left over is for other trailers."""

MAX_VIOLATIONS = 20
"""What a person reads through; the message says how many more there are."""

MAX_FIELD_BYTES, MAX_DESCRIPTION_BYTES = 200, 1_000
"""Of one violation; a description may list all names that would be right."""

MAX_METADATA, MAX_METADATA_BYTES = 8, 100
"""Entries of `ErrorInfo.metadata`, and the length of their keys, of their values and of the reason."""

CODES: dict[type[errors.CallError], grpc.StatusCode] = {
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.Aborted: grpc.StatusCode.ABORTED,
    errors.Cancelled: grpc.StatusCode.CANCELLED,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.DataLoss: grpc.StatusCode.DATA_LOSS,
    errors.Unimplemented: grpc.StatusCode.UNIMPLEMENTED,
    errors.Internal: grpc.StatusCode.INTERNAL,
}
ERRORS: dict[int, type[errors.CallError]] = {code.value[0]: error for error, code in CODES.items()}


def to_status(error: errors.CallError) -> status_pb2.Status:
    """The status that says what the error says, as far as there is room for it."""
    metadata = list(error.metadata.items())[:MAX_METADATA]
    info = error_details_pb2.ErrorInfo(
        reason=_cut(error.reason, MAX_METADATA_BYTES),
        domain=DOMAIN,
        metadata={_cut(key, MAX_METADATA_BYTES): _cut(value, MAX_METADATA_BYTES) for key, value in metadata},
    )
    details = [_packed(info)]
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after_seconds * 1000))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    message = error.message
    if isinstance(error, errors.InvalidArgument) and error.violations:
        request = _bad_request(error.violations, MAX_DETAILS_BYTES - sum(detail.ByteSize() for detail in details))
        details.append(_packed(request))
        if len(request.field_violations) < len(error.violations):
            message = f"{len(error.violations)} fields are wrong, the first {len(request.field_violations)} are listed"
    return status_pb2.Status(code=_code(error).value[0], message=_cut(message, MAX_MESSAGE_BYTES, _header_bytes), details=details)


def _code(error: errors.CallError) -> grpc.StatusCode:
    return next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), grpc.StatusCode.INTERNAL)


def _bad_request(violations: Sequence[errors.Violation], room_bytes: int) -> error_details_pb2.BadRequest:
    """As many of the violations as there is room for."""
    request = error_details_pb2.BadRequest()
    for violation in violations[:MAX_VIOLATIONS]:
        field, description = _cut(violation.field, MAX_FIELD_BYTES), _cut(violation.description, MAX_DESCRIPTION_BYTES)
        request.field_violations.add(field=field, description=description)
        if _packed(request).ByteSize() > room_bytes:
            del request.field_violations[-1]
            break
    return request


def _cut(text: str, limit_bytes: int, size: Callable[[str], int] = lambda char: len(char.encode())) -> str:
    """The text, or as much of it as its limit allows and an ellipsis."""
    # A character takes a byte or more, so no more of them are looked at. Lone surrogates have no place in a message.
    text = text[: limit_bytes + 1].encode(errors="replace").decode()
    sizes = list(accumulate(map(size, text)))
    if not sizes or sizes[-1] <= limit_bytes:
        return text
    return text[: bisect_right(sizes, limit_bytes - size("…"))] + "…"


def _header_bytes(char: str) -> int:
    """Room that a character takes in the header grpc-message ("gRPC over HTTP2", Percent-Encoded)."""
    return 1 if " " <= char <= "~" and char != "%" else 3 * len(char.encode())


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def from_status(status: status_pb2.Status) -> errors.CallError:
    """The exception that `to_status` made the status from; a status without our details gets reason UNKNOWN."""
    info, request, retry = error_details_pb2.ErrorInfo(reason="UNKNOWN"), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for known in (info, request, retry):
            if detail.Is(known.DESCRIPTOR):
                known.Clear()
                detail.Unpack(known)
    after = retry.retry_delay.ToMilliseconds() / 1000 if retry.HasField("retry_delay") else None
    metadata = dict(info.metadata)
    error = ERRORS.get(status.code, errors.Internal)
    if error is errors.InvalidArgument:
        violations = [errors.Violation(v.field, v.description) for v in request.field_violations]
        return errors.InvalidArgument(
            status.message, violations=violations, reason=info.reason, metadata=metadata, retry_after_seconds=after
        )
    return error(status.message, reason=info.reason, metadata=metadata, retry_after_seconds=after)


def from_rpc_error(error: grpc.RpcError) -> errors.CallError:
    """The exception behind a failed call of a stub, synchronous or asyncio."""
    trailers: Any = error.trailing_metadata()
    for key, value in trailers or ():
        if key == rpc_status.GRPC_DETAILS_METADATA_KEY:
            return from_status(status_pb2.Status.FromString(value))
    code: grpc.StatusCode = error.code()
    return from_status(status_pb2.Status(code=code.value[0], message=error.details() or code.name))
