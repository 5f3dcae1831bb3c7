"""Lines of an export in JSON: messages as text and back, and lines out of the parts of a file."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from store_service.recording.columns import DENSE
from tapedeck.v1 import transfer_service_pb2
from tapedeck_rpc import errors

FORMAT_VERSION = 1
"""Version of what the lines hold."""

MAX_LINE_BYTES = 128 * 1024 * 1024
"""Longest line: the record of a run of some hundred symbols over fifty years. A line is held in memory as a whole."""


def write_line(message: Message) -> bytes:
    """A message as a line; numbers keep all of their bits."""
    return _written(json_format.MessageToDict(message, preserving_proto_field_name=True))


def write_run(exported: transfer_service_pb2.ExportedRun) -> bytes:
    """A run as a line, as `write_line` writes it; the message is used up. Columns are taken as a whole: they are most of a run."""
    columns = []
    for event in exported.events:
        columns.append({name: list(getattr(event.sessions, name)) for name in DENSE})
        if event.HasField("sessions"):
            for name in DENSE:
                event.sessions.ClearField(name)
    fields = json_format.MessageToDict(exported, preserving_proto_field_name=True)
    for event, values in zip(fields["events"], columns, strict=True):
        if "sessions" in event:
            event["sessions"] |= {name: column for name, column in values.items() if column}
    return _written(fields)


def parse_run(line: bytes, number: int) -> transfer_service_pb2.ExportedRun:
    """The run of a line, numbered from 1.

    Raises:
        InvalidArgument: the line is not one of a run.
    """
    exported = transfer_service_pb2.ExportedRun()
    try:
        fields = json.loads(line)
        columns = [_taken_columns(event) for event in fields.get("events", ())]
        json_format.ParseDict(fields, exported)
        for event, values in zip(exported.events, columns, strict=True):
            for name, column in values.items():
                getattr(event.sessions, name).extend(column)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise malformed(number, f"can't be read: {str(error)[:300]}") from None
    return exported


def _taken_columns(event: Any) -> dict[str, Any]:
    sessions = event.get("sessions", {})
    return {name: sessions.pop(name) for name in DENSE if name in sessions}


def _written(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parse_header(line: bytes) -> transfer_service_pb2.ExportHeader:
    """The first line.

    Raises:
        InvalidArgument: the line is not one of an export, or of another version.
    """
    problem = f"is not the header of an export in JSON of format_version {FORMAT_VERSION}"
    header = transfer_service_pb2.ExportHeader()
    try:
        # What a later version adds to it must not keep its version from being read.
        json_format.Parse(line, header, ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError):
        raise malformed(1, problem) from None
    if header.format_version != FORMAT_VERSION:
        raise malformed(1, f"{problem}: its format_version is {header.format_version}")
    return header


def malformed(number: int, problem: str) -> errors.InvalidArgument:
    """The error for a line, which are numbered from 1."""
    return errors.InvalidArgument(
        f"line {number} {problem}",
        reason="INVALID_REQUEST",
        violations=[errors.Violation(f"line {number}", problem)],
        metadata={"line": str(number)},
    )


@contextmanager
def at_line(number: int) -> Iterator[None]:
    """Say of what is refused in here in which line it stands."""
    try:
        yield
    except errors.InvalidArgument as error:
        violations = [errors.Violation(f"line {number}: {each.field}", each.description) for each in error.violations]
        raise errors.InvalidArgument(violations=violations, reason=error.reason, metadata={"line": str(number)}) from None


async def split_lines(parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The lines of a file that comes in parts; the last one may lack its end.

    Raises:
        InvalidArgument: a line is too long.
    """
    begun: list[bytes] = []
    number, size = 1, 0
    async for part in parts:
        *ended, rest = part.split(b"\n")
        for piece in ended:
            begun.append(piece)
            yield b"".join(begun)
            begun, size, number = [], 0, number + 1
        begun.append(rest)
        size += len(rest)
        if size > MAX_LINE_BYTES:
            raise malformed(number, f"is longer than {MAX_LINE_BYTES:,} bytes")
    if size:
        yield b"".join(begun)
