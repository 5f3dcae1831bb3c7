"""Lines of an export in JSON: messages as text and back, and lines out of the parts of a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from pydantic_core import from_json, to_json

from store_service.recording.columns import batch_fields
from store_service.recording.rows import Row, trip_fields
from tapedeck.v1 import run_pb2, transfer_service_pb2
from tapedeck_rpc import errors

FORMAT_VERSION = 1
"""Version of what the lines hold."""

MAX_LINE_BYTES = 128 * 1024 * 1024
"""Longest line: the record of a run of some hundred symbols over fifty years. A line is held in memory as a whole."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as the tables have it."""

    exported: transfer_service_pb2.ExportedRun
    """With its first and its last event, that one without round trips."""
    batches: Sequence[Row]
    trips: Sequence[Row]


def write_line(message: Message) -> bytes:
    """A message as a line; numbers keep all of their bits."""
    return to_json(json_format.MessageToDict(message, preserving_proto_field_name=True)) + b"\n"


def write_run(run: StoredRun) -> bytes:
    """A run as a line, as `write_line` writes it. Rows go into it as they are: they are most of a run."""
    fields = json_format.MessageToDict(run.exported, preserving_proto_field_name=True)
    started, finished = fields["events"]
    symbols = list(run.exported.events[0].started.spec.symbols)
    batches = [{"sequence": str(row["sequence"]), "sessions": batch_fields(row, symbols)} for row in run.batches]
    fields["events"] = [started, *batches, finished]
    if run.trips:
        finished["finished"]["round_trips"] = list(map(trip_fields, run.trips))
    return to_json(fields) + b"\n"


def parse_run(line: bytes, number: int) -> transfer_service_pb2.ExportedRun:
    """The run of a line, numbered from 1.

    Raises:
        InvalidArgument: the line is not one of a run.
    """
    exported = transfer_service_pb2.ExportedRun()
    try:
        fields = from_json(line)
        events = fields.pop("events", ())
        json_format.ParseDict(fields, exported)
        for event in events:
            _add_event(exported, event)
    except (json_format.ParseError, ValueError, TypeError, OverflowError, AttributeError, RecursionError) as error:
        raise malformed(number, f"can't be read: {str(error)[:300]}") from None
    return exported


def _add_event(exported: transfer_service_pb2.ExportedRun, event: dict[str, Any]) -> None:
    """Add an event by its fields. Lists are most of a line: they are taken as a whole, if they are written as the store writes them."""
    if event.keys() == {"sequence", "sessions"}:
        place = len(exported.events)
        try:
            exported.events.add(sequence=int(str(event["sequence"])), sessions=event["sessions"])
        except (TypeError, ValueError, OverflowError):  # numbers as texts, other names of fields, or wrong
            del exported.events[place:]
        else:
            return
    trips = event["finished"].pop("round_trips", []) if "finished" in event else []
    added = exported.events.add()
    json_format.ParseDict(event, added)
    if trips:
        try:
            added.finished.MergeFrom(run_pb2.RunFinished(round_trips=trips))
        except (TypeError, ValueError, OverflowError):
            json_format.ParseDict({"round_trips": trips}, added.finished)


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
    except (json_format.ParseError, UnicodeDecodeError, OverflowError, RecursionError):
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
