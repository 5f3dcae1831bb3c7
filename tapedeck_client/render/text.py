"""Single values as text: one way to write money, percentages, dates and ids everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.text import Text

from tapedeck.v1.run_pb2 import RunSpec, RunState

UNDEFINED = "–"
"""Stands for a value that is absent."""

TAIL_DIGITS = 8
"""Shown of a run's id: the head of a version 7 UUID is the same for all runs of a minute, the tail is random."""

SHOWN_SYMBOLS = 1
"""Symbols named in a cell or a line; the others are counted."""

_STATE_STYLES = {
    RunState.RUN_STATE_QUEUED: "cyan",
    RunState.RUN_STATE_RUNNING: "cyan",
    RunState.RUN_STATE_SUCCEEDED: "green",
    RunState.RUN_STATE_FAILED: "red",
    RunState.RUN_STATE_CANCELLED: "yellow",
    RunState.RUN_STATE_STALE: "magenta",
}


def plain(text: str) -> str:
    """The text without characters that would steer a terminal: names, labels and messages come from other people."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def number(value: float | None, pattern: str) -> Text:
    """A number by a format such as ",.2f", right-aligned, red when negative; a value that rounds to zero has no sign."""
    if value is None:
        return Text(UNDEFINED, style="dim", justify="right")
    written = format(value, pattern)
    if math.isfinite(value) and not any(digit in written for digit in "123456789"):
        written = format(0.0, pattern)
    return Text(written, style="red" if written.startswith("-") else "", justify="right")


def money(value: float | None) -> Text:
    """An amount in account currency: 112,345.67."""
    return number(value, ",.2f")


def percent(value: float | None) -> Text:
    """A fraction as a percentage: 12.35%."""
    return number(value, ",.2%")


def ratio(value: float | None) -> Text:
    """A ratio: 1.234."""
    return number(value, ",.3f")


def count(value: float | None) -> Text:
    """A count: 2,014."""
    return number(value, ",.0f")


def optional(message: Message, field: str) -> float | None:
    """A numeric field with presence; None when it is absent."""
    return getattr(message, field) if message.HasField(field) else None


def tail(run_id: str) -> str:
    """The part of an id that tells runs apart, and that commands accept."""
    return plain(run_id)[-TAIL_DIGITS:]


def state_name(state: int) -> str:
    """The state without its prefix; a state of a newer contract keeps its number."""
    try:
        return RunState.Name(state).removeprefix("RUN_STATE_")
    except ValueError:
        return f"STATE {state}"


def state_text(state: RunState) -> Text:
    """The state in its colour."""
    return Text(state_name(state), style=_STATE_STYLES.get(state, ""))


def instant(timestamp: Timestamp) -> str:
    """A UTC instant to the minute: 2026-11-21 12:03."""
    return timestamp.ToDatetime().strftime("%Y-%m-%d %H:%M") if timestamp.seconds else UNDEFINED


def session(yyyymmdd: int) -> str:
    """A session of a column as an ISO date."""
    return f"{yyyymmdd // 10_000:04d}-{yyyymmdd // 100 % 100:02d}-{yyyymmdd % 100:02d}"


def seconds(value: float) -> str:
    """A duration: 0.42 s, 12.3 s, 3 min 5 s."""
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def symbols(spec: RunSpec) -> str:
    """The first symbols and how many more."""
    shown = ", ".join(spec.symbols[:SHOWN_SYMBOLS])
    more = len(spec.symbols) - SHOWN_SYMBOLS
    return plain(f"{shown} +{more}" if more > 0 else shown) or UNDEFINED


def labels(pairs: Mapping[str, str]) -> str:
    """Labels by their keys: desk=fx, team=alpha."""
    return plain(", ".join(f"{key}={value}" for key, value in sorted(pairs.items())))


def scalar(value: object) -> str:
    """A JSON value as people write it: whole numbers without a point, texts without quotes."""
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list):
        return ", ".join(map(scalar, value))
    if isinstance(value, dict):
        return ", ".join(f"{plain(str(key))}={scalar(inner)}" for key, inner in value.items())
    return plain(str(value))


def as_json(message: Message) -> dict[str, object]:
    """The message as JSON values, with the contract's field names."""
    written: dict[str, object] = MessageToDict(message, preserving_proto_field_name=True)
    return written
