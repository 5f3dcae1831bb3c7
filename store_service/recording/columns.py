"""Sessions as columns of `run_batches`, and back, bit for bit.

What is dense (dates, values, cash, prices) is one array each. What is sparse (fills, orders, positions, corporate actions) is one array per
field of its message, named after both: the prices of `fills` are `fill_price`. Which arrays there are follows from the contract:

    double, int32, enum, bool   the value
    string                      always a symbol: its place among the run's symbols, counted from 1; 0 for no symbol
    optional double             NaN when absent: NaN itself is never stored
    optional int32              0 when absent: always a date, which 0 is not

An array without values is NULL.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import attrgetter
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from numpy.typing import NDArray

from tapedeck.v1 import run_pb2

Array = NDArray[Any]
NO_SYMBOL = 0
UNKNOWN_SYMBOL = -1
"""Place of a symbol that the spec does not name; never stored."""

_DTYPES: dict[int, np.dtype[Any]] = {
    FieldDescriptor.TYPE_DOUBLE: np.dtype(np.float64),
    FieldDescriptor.TYPE_INT32: np.dtype(np.int32),
    FieldDescriptor.TYPE_ENUM: np.dtype(np.int32),
    FieldDescriptor.TYPE_BOOL: np.dtype(np.bool_),
    FieldDescriptor.TYPE_STRING: np.dtype(np.int32),
}


@dataclass(frozen=True, slots=True)
class SparseField:
    """One field of a sparse message."""

    name: str
    column: str
    dtype: np.dtype[Any]
    is_symbol: bool
    is_optional: bool
    absent: float
    """What stands for a value that is absent."""
    words: Mapping[int, str]
    """The names of an enum's numbers."""


@dataclass(frozen=True, slots=True)
class SparseGroup:
    """One kind of sparse message."""

    field: str
    """Its field in SessionBatch."""
    columns: tuple[SparseField, ...]
    get: Callable[[Any], tuple[Any, ...]]
    """All fields of a message, in the order of the columns."""


def _group(prefix: str, field: str, message: type[Message]) -> SparseGroup:
    fields: list[Any] = list(message.DESCRIPTOR.fields)
    return SparseGroup(
        field,
        tuple(
            SparseField(
                name=each.name,
                column=f"{prefix}_{each.name}",
                dtype=_DTYPES[each.type],
                is_symbol=each.type == FieldDescriptor.TYPE_STRING,
                is_optional=each.has_presence,
                absent=np.nan if each.type == FieldDescriptor.TYPE_DOUBLE else 0,
                words={} if each.enum_type is None else {value.number: value.name for value in each.enum_type.values},
            )
            for each in fields
        ),
        attrgetter(*(each.name for each in fields)),
    )


DENSE: dict[str, np.dtype[Any]] = {
    "session_dates": np.dtype(np.int32),
    "portfolio_values": np.dtype(np.float64),
    "cash": np.dtype(np.float64),
    "mark_prices": np.dtype(np.float64),
}
SPARSE: tuple[SparseGroup, ...] = (
    _group("fill", "fills", run_pb2.Fill),
    _group("order", "orders", run_pb2.Order),
    _group("position", "positions", run_pb2.Position),
    _group("action", "corporate_actions", run_pb2.CorporateAction),
)
COLUMNS: tuple[str, ...] = (*DENSE, *(field.column for group in SPARSE for field in group.columns))
"""All array columns of `run_batches`, in the order of the table."""


def symbol_places(symbols: Sequence[str]) -> dict[str, int]:
    """Place of each symbol of a spec, as stored."""
    return {"": NO_SYMBOL, **{symbol: place for place, symbol in enumerate(symbols, 1)}}


class BatchColumns:
    """The batches of a message as columns: one array per column holds the values of all batches, one after the other.

    Arrays are made and checked once per message instead of once per batch; rows are slices of them.
    """

    def __init__(self, batches: Sequence[run_pb2.SessionBatch], places: Mapping[str, int]) -> None:
        """Take the batches apart; the place of a symbol that `places` lacks is UNKNOWN_SYMBOL."""
        self.batches = batches
        self.arrays: dict[str, Array] = {}
        self.bounds: dict[str, list[int]] = {}
        """For each column where the values of each batch start, and where those of the last end."""
        self.absent_counts: dict[str, int] = {}
        """For each column of an optional field how many values are absent."""
        merged = run_pb2.SessionBatch()
        for batch in batches:
            merged.MergeFrom(batch)
        for name, dtype in DENSE.items():
            self.arrays[name] = np.array(getattr(merged, name), dtype)
            self.bounds[name] = self._bounds(name)
        for group in SPARSE:
            self._add(group, list(getattr(merged, group.field)), places)

    def _bounds(self, field: str) -> list[int]:
        return [0, *accumulate(len(getattr(batch, field)) for batch in self.batches)]

    def _add(self, group: SparseGroup, messages: Sequence[Any], places: Mapping[str, int]) -> None:
        bounds = self._bounds(group.field)
        columns = zip(*map(group.get, messages), strict=True) if messages else repeat((), len(group.columns))
        for field, column in zip(group.columns, columns, strict=True):
            values: Sequence[Any] = column
            if field.is_symbol:
                values = [places.get(symbol, UNKNOWN_SYMBOL) for symbol in column]
            elif field.is_optional:
                present = [message.HasField(field.name) for message in messages]
                values = [value if there else field.absent for value, there in zip(column, present, strict=True)]
                self.absent_counts[field.column] = present.count(False)
            self.arrays[field.column] = np.array(values, field.dtype)
            self.bounds[field.column] = bounds

    def locate(self, column: str, index: int) -> tuple[int, int]:
        """The number of the batch that a value belongs to, and its place in that batch."""
        number = bisect_right(self.bounds[column], index) - 1
        return number, index - self.bounds[column][number]


def from_columns(columns: Mapping[str, Array | None], symbols: Sequence[str]) -> run_pb2.SessionBatch:
    """The batch that the arrays were made from.

    Args:
        columns: By name.
        symbols: The run's symbols.
    """
    lists = {name: None if array is None else array.tolist() for name, array in columns.items()}
    return run_pb2.SessionBatch(**batch_fields(lists, symbols))


def batch_fields(columns: Mapping[str, list[Any] | None], symbols: Sequence[str]) -> dict[str, Any]:
    """The fields of that batch by name, as JSON has them too: lists of numbers, and of messages by their fields; no empty ones.

    Args:
        columns: By name, each as the list of its values, such as a row of `run_batches`.
        symbols: The run's symbols.
    """
    names = ["", *symbols]
    fields: dict[str, Any] = {name: columns[name] for name in DENSE if columns[name] is not None}
    for group in SPARSE:
        lists = [columns[field.column] for field in group.columns]
        if lists[0] is not None:
            fields[group.field] = _entries(group, lists, names)
    return fields


def _entries(group: SparseGroup, lists: Sequence[Any], names: list[str]) -> list[dict[str, Any]]:
    restored = [_restored(field, values, names) for field, values in zip(group.columns, lists, strict=True)]
    fields = [field.name for field in group.columns]
    entries = [dict(zip(fields, values, strict=True)) for values in zip(*restored, strict=True)]
    if any(field.is_optional for field in group.columns):
        return [{name: value for name, value in entry.items() if value is not None} for entry in entries]
    return entries


def _restored(field: SparseField, values: list[Any], names: list[str]) -> list[Any]:
    if field.is_symbol:
        return [names[place] for place in values]
    if field.is_optional and field.dtype.kind == "f":
        return [None if value != value else value for value in values]  # noqa: PLR0124 - NaN alone differs from itself
    if field.is_optional:
        return [value or None for value in values]
    return [field.words.get(value, value) for value in values] if field.words else values
