"""What a caller asks for of a run's records, and the messages that answer: pure, columns in, messages out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from store_service.conversions import parse_run_id
from store_service.recording.checks import iso_date
from store_service.recording.columns import COLUMNS, SPARSE, Array, SparseGroup, from_columns, symbol_places
from store_service.violations import Checks, refuse
from tapedeck.v1 import store_service_pb2

MAX_READ_BYTES = 2 * 1024 * 1024
"""Size of a message with several sessions: half of what gRPC clients take unless they are told to take more."""

MAX_SYMBOLS = 1_000
"""Symbols to choose by: more are hardly looked at one by one, and a statement takes some ten thousand."""

_PARTS = store_service_pb2.RunPart.values()[1:]

_CURVE = ("portfolio_values", "cash")
_GROUPS: Mapping[int, SparseGroup] = dict(
    zip(
        (
            store_service_pb2.RUN_PART_FILLS,
            store_service_pb2.RUN_PART_ORDERS,
            store_service_pb2.RUN_PART_POSITIONS,
            store_service_pb2.RUN_PART_CORPORATE_ACTIONS,
        ),
        SPARSE,
        strict=True,
    )
)

Columns = Mapping[str, Array | None]
"""Arrays by the name of their column, such as a row of `run_batches`; None is an empty one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, checked."""

    run_id: uuid.UUID
    curve: bool
    groups: tuple[SparseGroup, ...]
    """What is sparse of the parts asked for."""
    trips: bool
    symbols: tuple[str, ...]
    """Empty: all."""
    start: date
    end: date
    after_session: int
    """The last session that the caller has, as yyyymmdd; 0 for none."""
    after_trip: int
    """The number of the last round trip that the caller has."""

    @property
    def first_session(self) -> int:
        """The least date of a session to send, as yyyymmdd."""
        return max(_yyyymmdd(self.start), self.after_session + 1)

    @property
    def last_session(self) -> int:
        """The greatest date of a session to send, as yyyymmdd."""
        return _yyyymmdd(self.end)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of `run_batches` to read besides session_dates; none when no part comes from sessions."""
        return (*(_CURVE if self.curve else ()), *(field.column for group in self.groups for field in group.columns))


def parse(request: store_service_pb2.ReadRunRequest) -> Asked:
    """The request, checked.

    Raises:
        InvalidArgument: everything that is wrong with it.
    """
    checks = Checks()
    with checks:
        run_id = parse_run_id(request.run_id)
    for field, limit in (("parts", len(_PARTS)), ("symbols", MAX_SYMBOLS)):
        with checks:
            if (count := len(getattr(request, field))) > limit:
                raise refuse(field, f"are {count:,}, a request has at most {limit:,}")
    for place, part in enumerate(request.parts[: len(_PARTS)]):
        with checks:
            if part not in _PARTS:
                raise refuse(f"parts[{place}]", f"is no part of a run: {part}")
    for place, symbol in enumerate(request.symbols[:MAX_SYMBOLS]):
        with checks:
            if not symbol or "\0" in symbol:
                raise refuse(f"symbols[{place}]", "is no symbol")
    with checks:
        start = _date(request.start_date, "start_date", date.min)
    with checks:
        end = _date(request.end_date, "end_date", date.max)
    for field in ("session_date", "round_trip"):
        with checks:
            if getattr(request.after, field) < 0:
                raise refuse(f"after.{field}", f"is 0 or more, not {getattr(request.after, field)}")
    checks.done()
    if start > end:
        raise refuse("end_date", "must not be before start_date")
    parts = set[int](request.parts or _PARTS)
    return Asked(
        run_id=run_id,
        curve=store_service_pb2.RUN_PART_EQUITY_CURVE in parts,
        groups=tuple(group for part, group in _GROUPS.items() if part in parts),
        trips=store_service_pb2.RUN_PART_ROUND_TRIPS in parts,
        symbols=tuple(request.symbols),
        start=start,
        end=end,
        after_session=request.after.session_date,
        after_trip=request.after.round_trip,
    )


def _date(text: str, field: str, when_empty: date) -> date:
    day = iso_date(text) if text else when_empty
    if day is None:
        raise refuse(field, f'is a date such as 2010-01-04, not "{text[:40]}"')
    return day


def _yyyymmdd(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def drawdowns(values: Array, peak: float) -> Array:
    """Falls below the highest value so far: (value - highest) / highest, at most 0; the engine's max_drawdown is the deepest, bit for bit.

    Args:
        values: Portfolio values of sessions that follow each other, in account currency [T].
        peak: The highest value before them, above 0.

    Returns:
        Fractions [T].
    """
    highest = np.maximum(np.maximum.accumulate(values), peak)
    with np.errstate(over="ignore"):
        falls: Array = (values - highest) / highest
    return falls


def messages(columns: Columns, asked: Asked, symbols: Sequence[str], peak: float) -> Iterator[store_service_pb2.ReadRunResponse]:
    """What is asked for of a batch of sessions, in messages of their size; none when there is nothing of it.

    Args:
        columns: session_dates and the columns asked for.
        asked: The request.
        symbols: Those of the run.
        peak: The highest portfolio value before the batch.
    """
    kept = dict(columns)
    values = columns.get("portfolio_values")
    if values is not None:
        kept["drawdowns"] = drawdowns(values, peak)
    if asked.symbols:
        places = symbol_places(symbols)
        wanted = [places[symbol] for symbol in asked.symbols if symbol in places]
        for group in asked.groups:
            kept |= _of_symbols(columns, group, wanted)
    dates = columns["session_dates"]
    assert dates is not None
    inside = dates[(dates >= asked.first_session) & (dates <= asked.last_session)]
    yield from _messages(kept, asked, symbols, inside)


def _of_symbols(columns: Columns, group: SparseGroup, places: Sequence[int]) -> dict[str, Array | None]:
    (symbol,) = (columns[field.column] for field in group.columns if field.is_symbol)
    if symbol is None:
        return {}
    is_wanted = np.isin(symbol, places)
    arrays = {field.column: columns[field.column] for field in group.columns}
    return {name: None if array is None else array[is_wanted] for name, array in arrays.items()}


def _messages(columns: Columns, asked: Asked, symbols: Sequence[str], dates: Array) -> Iterator[store_service_pb2.ReadRunResponse]:
    """The messages of some sessions: one, or those of either half where one would be too large."""
    if not len(dates):
        return
    message = _message(columns, asked, symbols, int(dates[0]), int(dates[-1]))
    if message.ByteSize() > MAX_READ_BYTES and len(dates) > 1:
        middle = len(dates) // 2
        yield from _messages(columns, asked, symbols, dates[:middle])
        yield from _messages(columns, asked, symbols, dates[middle:])
    elif message.ByteSize():
        message.place.session_date = int(dates[-1])
        yield message


def _message(columns: Columns, asked: Asked, symbols: Sequence[str], first: int, last: int) -> store_service_pb2.ReadRunResponse:
    """What is there of the sessions between two, both included; nothing of them leaves it empty."""
    cut: dict[str, Array | None] = dict.fromkeys((*COLUMNS, "drawdowns"))
    if asked.curve:
        cut |= _between(columns, "session_dates", ("session_dates", *_CURVE, "drawdowns"), first, last)
    for group in asked.groups:
        cut |= _between(columns, group.columns[0].column, [field.column for field in group.columns], first, last)
    message = store_service_pb2.ReadRunResponse()
    if cut["drawdowns"] is not None:
        message.drawdowns.extend(cut["drawdowns"].tolist())
    batch = from_columns(cut, symbols)
    if batch.ByteSize():
        message.sessions.CopyFrom(batch)
    return message


def _between(columns: Columns, by: str, names: Sequence[str], first: int, last: int) -> dict[str, Array | None]:
    """Columns cut to the sessions between two, by the one that holds their dates, in order."""
    dates = columns[by]
    if dates is None:
        return {}
    inside = slice(*np.searchsorted(dates, (first, last + 1)).tolist())
    arrays = {name: columns[name] for name in names}
    return {name: None if array is None else array[inside] for name, array in arrays.items()}
