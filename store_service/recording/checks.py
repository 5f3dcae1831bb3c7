"""What may be stored: everything that is wrong with a message of events is found here, at once, before any of it is written."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from store_service.conversions import TERMINAL_STATES, id_violations, run_id_violations
from tapedeck.v1 import run_pb2
from tapedeck_rpc.errors import InvalidArgument, Violation

MAX_EVENTS = 256
"""Events in one message: a message is one transaction, which should take milliseconds."""

MAX_NAME_CHARS = 200
"""Length of names, keys and digests: they are indexed, and an entry of an index has at most a third of a page."""

MAX_SPEC_BYTES = 2 * 1024 * 1024
"""Size of a spec, which is read with its run, also in lists: twice what an engine takes, so that no default it fills in is one too many."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Problems:
    """What is wrong with a message, collected."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.reason = "INVALID_REQUEST"

    def add(self, field: str, description: str) -> None:
        """Something is wrong with a field."""
        self.violations.append(Violation(field, description))

    def add_unstorable(self, field: str, description: str) -> None:
        """A field has a value that no database can store or compare."""
        self.add(field, description)
        self.reason = "UNSTORABLE_VALUE"

    def raise_any(self) -> None:
        """Refuse the message if anything is wrong with it.

        Raises:
            InvalidArgument: with every violation.
        """
        if self.violations:
            raise InvalidArgument(violations=self.violations, reason=self.reason)


def check_envelope(
    run_id: str, first_sequence: int, events: Sequence[run_pb2.RunEvent], problems: Problems, *, max_events: int = MAX_EVENTS
) -> None:
    """Check the order of the events, and the first and the last of the run."""
    if len(events) > max_events:
        problems.add("events", f"has {len(events)} events, a message has at most {max_events}")
        return
    if events and first_sequence < 1:
        problems.add("first_sequence", "must be 1 or more: sequences start at 1")
    for place, event in enumerate(events):
        path, sequence = f"events[{place}]", first_sequence + place
        if event.sequence != sequence:
            problems.add(f"{path}.sequence", f"must be {sequence}: sequences follow first_sequence without a gap")
        kind = event.WhichOneof("event")
        if kind is None:
            problems.add(path, "must have started, sessions or finished")
        elif (kind == "started") != (sequence == 1):
            problems.add(path, "started must be the first event of a run, and only that")
        elif kind == "started":
            _check_started(run_id, event.started, f"{path}.started", problems)
        elif kind == "finished":
            if place != len(events) - 1:
                problems.add(f"{path}.finished", "must be the last event")
            _check_finished(event.finished, f"{path}.finished", problems)


def _check_started(run_id: str, started: run_pb2.RunStarted, path: str, problems: Problems) -> None:
    check_storable(started, path, problems)
    if started.run_id != run_id:
        problems.add(f"{path}.run_id", "must be the run_id of the message, in lower case")
    if started.session_count < 0:
        problems.add(f"{path}.session_count", "must not be negative")
    if not is_instant(started.create_time):
        problems.add(f"{path}.create_time", "must be an instant between the years 1970 and 9999")
    if started.HasField("replay"):
        problems.violations += run_id_violations(started.replay.original_run_id, f"{path}.replay.original_run_id")
    if started.HasField("sweep"):
        problems.violations += id_violations(started.sweep.sweep_id, f"{path}.sweep.sweep_id", "sweep")
        if started.sweep.number < 1:
            problems.add(f"{path}.sweep.number", "must be 1 or more: results are numbered from 1")
    check_names(started, path, ("spec_digest", "request_id", "strategy_type"), ("spec_digest",), problems)
    check_spec(started.spec, f"{path}.spec", problems)


def check_names(message: Any, path: str, fields: Sequence[str], required: Collection[str], problems: Problems) -> None:
    """Check texts that are names: none is too long, and those that are required are not empty."""
    for field in fields:
        _check_name(getattr(message, field), f"{path}.{field}", problems, is_required=field in required)


def _check_name(name: str, path: str, problems: Problems, *, is_required: bool) -> None:
    if is_required and not name:
        problems.add(path, "must not be empty")
    if len(name) > MAX_NAME_CHARS:
        problems.add(path, f"has {len(name)} characters, at most {MAX_NAME_CHARS} are stored")


def check_spec(spec: run_pb2.RunSpec, path: str, problems: Problems, *, needs_dates: bool = True) -> None:
    """Check what `runs` and `sweeps` keep of a spec; its dates may be empty unless they are needed."""
    if spec.ByteSize() > MAX_SPEC_BYTES:
        problems.add(path, f"has {spec.ByteSize():,} bytes, at most {MAX_SPEC_BYTES:,} are stored")
    required = ("strategy", "dataset", "interval")
    check_names(spec, path, (*required, "benchmark_symbol", "dataset_fingerprint"), required, problems)
    for place, symbol in enumerate(spec.symbols):
        _check_name(symbol, f"{path}.symbols[{place}]", problems, is_required=False)
    if not spec.symbols or "" in spec.symbols or len(set(spec.symbols)) < len(spec.symbols):
        problems.add(f"{path}.symbols", "must name at least one symbol, none of them empty and none twice")
    start, end = iso_date(spec.start_date), iso_date(spec.end_date)
    for field, day in (("start_date", start), ("end_date", end)):
        if day is None and (needs_dates or getattr(spec, field)):
            problems.add(f"{path}.{field}", "must be an ISO date such as 2010-01-04")
    if start and end and start > end:
        problems.add(f"{path}.end_date", "must not be before start_date")
    if not spec.capital_base > 0:
        problems.add(f"{path}.capital_base", "must be above 0")


def _check_finished(finished: run_pb2.RunFinished, path: str, problems: Problems) -> None:
    error = finished.error
    check_storable(finished.metrics, f"{path}.metrics", problems)
    check_metrics(finished.metrics, f"{path}.metrics", problems)
    check_storable(error, f"{path}.error", problems)
    check_text(finished.result_digest, f"{path}.result_digest", problems)
    check_text(finished.not_recorded_reason, f"{path}.not_recorded_reason", problems)
    check_text(finished.engine_kind, f"{path}.engine_kind", problems)
    _check_number(finished.execution_seconds, f"{path}.execution_seconds", problems)
    if finished.state not in TERMINAL_STATES:
        problems.add(f"{path}.state", "must be RUN_STATE_SUCCEEDED, RUN_STATE_FAILED or RUN_STATE_CANCELLED")
    if error.session_date and iso_date(error.session_date) is None:
        problems.add(f"{path}.error.session_date", "must be empty or an ISO date such as 2010-01-04")
    for place, trip in enumerate(finished.round_trips):
        if iso_date(trip.entry_date) is None or iso_date(trip.exit_date) is None:
            problems.add(f"{path}.round_trips[{place}]", "must have an entry_date and an exit_date, ISO dates such as 2010-01-04")
        total = trip.quantity + trip.entry_price + trip.exit_price + trip.commission + trip.pnl + trip.return_on_cost
        if not math.isfinite(total) or "\0" in trip.symbol:  # looked at closely only when it may be wrong: there are thousands of them
            check_storable(trip, f"{path}.round_trips[{place}]", problems)


def check_metrics(metrics: run_pb2.Metrics, path: str, problems: Problems) -> None:
    """Check the metrics of a run, or of a result of a sweep; that they are storable is another check."""
    for field, value in metrics.ListFields():
        # An empty peak date means that the capital before the first session was the highest.
        if isinstance(value, str) and iso_date(value) is None and not (value == "" and field.name == "max_drawdown_peak_date"):
            problems.add(f"{path}.{field.name}", "must be an ISO date such as 2010-01-04")
    if metrics.max_drawdown > 0:
        problems.add(f"{path}.max_drawdown", "must not be above 0")
    counted = all(metrics.HasField(name) for name in ("trades_won", "trades_lost", "trades_total"))
    if counted and metrics.trades_won + metrics.trades_lost > metrics.trades_total:
        problems.add(f"{path}.trades_total", "must not be less than trades_won + trades_lost")


def check_storable(message: Message, path: str, problems: Problems) -> None:
    """Check that no text has U+0000 and that every number is finite, whatever their depth."""
    for field, value in message.ListFields():
        if isinstance(value, (str, int, float, Message)):
            _check_value(value, f"{path}.{field.name}", problems)
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key in value:
                check_text(key, f"{path}.{field.name} (a key)", problems)
                _check_value(value[key], f"{path}.{field.name}[{key!r}]", problems)
        else:
            for place, element in enumerate(value):
                _check_value(element, f"{path}.{field.name}[{place}]", problems)


def _check_value(value: str | float | Message, path: str, problems: Problems) -> None:
    if isinstance(value, str):
        check_text(value, path, problems)
    elif isinstance(value, run_pb2.Provenance) and _is_storable(value.SerializeToString(deterministic=True)):
        return
    elif isinstance(value, Message):
        check_storable(value, path, problems)
    else:
        _check_number(value, path, problems)


@lru_cache(maxsize=64)  # an engine sends the same one with every run of a strategy
def _is_storable(provenance: bytes) -> bool:
    problems = Problems()
    check_storable(run_pb2.Provenance.FromString(provenance), "", problems)
    return not problems.violations


def check_text(text: str, path: str, problems: Problems) -> None:
    """Check that a text has no U+0000."""
    if "\0" in text:
        problems.add_unstorable(path, "has the character U+0000, which can't be stored")


def _check_number(number: float, path: str, problems: Problems) -> None:
    if not math.isfinite(number):
        problems.add_unstorable(path, f"is {number}; only finite numbers are stored, and what is undefined is left out")


@lru_cache(maxsize=20_000)  # the sessions of eighty years: runs name the same dates again and again
def iso_date(text: str) -> date | None:
    """The date that the text is, if it is one as YYYY-MM-DD."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None  # fromisoformat takes "20100104" and week dates too


def is_instant(timestamp: Timestamp) -> bool:
    """Whether the time is one that the database can hold."""
    try:
        return timestamp.ToDatetime(tzinfo=UTC) >= _EPOCH
    except (ValueError, OverflowError):
        return False
