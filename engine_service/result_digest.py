"""The result digest: SHA-256 over the ledger of a run, equal when and only when two runs gave the same result to the last bit.

Every column of the ledger is hashed on its own, in the order of its rows, so the digest depends neither on where batches end nor on how a
message is serialized; whoever has the events of a run can compute it again. Integers and doubles are little endian.

    digest = SHA-256(HEADER, then for each column, in the order of COLUMNS:
                     text(name) + u64(number of rows) + SHA-256(its rows, one after the other))
    row of session_dates = i32
    row of portfolio_values, cash, mark_prices = f64, its eight bytes as they are: -0.0 differs from 0.0
    row of fills, orders, positions, corporate_actions = value(each field of the message), in the order of their numbers
    value = u8(number of the field), then u8(0) when it is absent, else u8(1) and
            f64 (double) | i64 (int32, enum, bool) | text (string)
    text = u32(length in bytes) + UTF-8
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2

HEADER = b"tapedeck ledger 1\n"
"""The number changes when the layout does: digests of two layouts are never equal."""

FIELDS: dict[str, tuple[str, ...]] = {
    "fills": ("session_date", "symbol", "quantity", "price", "commission", "order_number"),
    "orders": ("session_date", "symbol", "target_weight", "quantity", "filled", "order_number", "cancelled"),
    "positions": ("session_date", "symbol", "quantity", "cost_basis"),
    "corporate_actions": (
        "session_date",
        "symbol",
        "kind",
        "quantity",
        "cash",
        "split_ratio",
        "dividend_per_share",
        "pay_date",
        "price",
    ),
}
"""The named fields of each kind of row. A field added to the contract changes no digest until it is added here."""

NUMBERS = {"session_dates": "i", "portfolio_values": "d", "cash": "d", "mark_prices": "d"}
"""The columns whose rows are numbers, and their layout as `struct` writes it."""

COLUMNS = (*NUMBERS, *FIELDS)

HASHED_AT_ONCE = 256
"""Numbers of a column that wait to be hashed together: one by one, hashing would take longer than a run of the kernel."""


TEXT = "text"


def _layout(column: str) -> list[tuple[str, int, str, bool]]:
    """Name, number, layout and whether it may be absent, of each field of a row."""
    row = run_pb2.SessionBatch.DESCRIPTOR.fields_by_name[column].message_type
    assert row is not None
    known = row.fields_by_name
    layouts = {FieldDescriptor.TYPE_STRING: TEXT, FieldDescriptor.TYPE_DOUBLE: "<BBd"}
    return [(name, known[name].number, layouts.get(known[name].type, "<BBq"), known[name].has_presence) for name in FIELDS[column]]


_LAYOUT = {column: _layout(column) for column in FIELDS}


class ResultDigest:
    """The digest of a run, fed session by session or with its recorded batches."""

    def __init__(self) -> None:
        self._columns = {name: hashlib.sha256() for name in COLUMNS}
        self._rows = dict.fromkeys(COLUMNS, 0)
        self._waiting: dict[str, list[float]] = {name: [] for name in NUMBERS}

    def add(self, session: SessionFacts) -> None:
        """Take the facts of the next session."""
        waiting = self._waiting
        waiting["session_dates"].append(session.session_date)
        waiting["portfolio_values"].append(session.portfolio_value)
        waiting["cash"].append(session.cash)
        waiting["mark_prices"] += session.mark_prices
        if len(waiting["session_dates"]) >= HASHED_AT_ONCE or len(waiting["mark_prices"]) >= HASHED_AT_ONCE:
            self._hash_numbers()
        if session.orders or session.fills or session.positions or session.corporate_actions:  # on most sessions there are none
            self._messages("fills", session.fills)
            self._messages("orders", session.orders)
            self._messages("positions", session.positions)
            self._messages("corporate_actions", session.corporate_actions)

    def add_batch(self, batch: run_pb2.SessionBatch) -> None:
        """Take the next sessions as they were recorded."""
        for name in NUMBERS:
            self._waiting[name] += getattr(batch, name)
        self._hash_numbers()
        for name in FIELDS:
            self._messages(name, getattr(batch, name))

    def hexdigest(self) -> str:
        """The digest of what was added so far, as 64 hexadecimal digits."""
        self._hash_numbers()
        digest = hashlib.sha256(HEADER)
        for name in COLUMNS:
            digest.update(_text(name) + struct.pack("<Q", self._rows[name]) + self._columns[name].digest())
        return digest.hexdigest()

    def _hash_numbers(self) -> None:
        for column, values in self._waiting.items():
            self._columns[column].update(struct.pack(f"<{len(values)}{NUMBERS[column]}", *values))
            self._rows[column] += len(values)
            values.clear()

    def _messages(self, column: str, rows: Sequence[Message]) -> None:
        for row in rows:
            self._columns[column].update(b"".join([_value(row, *field) for field in _LAYOUT[column]]))
        self._rows[column] += len(rows)


def _value(row: Message, name: str, number: int, layout: str, may_be_absent: bool) -> bytes:
    if may_be_absent and not row.HasField(name):
        return struct.pack("<BB", number, 0)
    value = getattr(row, name)
    return struct.pack("<BB", number, 1) + _text(value) if layout == TEXT else struct.pack(layout, number, 1, value)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<I", len(encoded)) + encoded
