"""Kinds of fields that a filter may name, and what a comparison with each of them means in SQL.

What does not have the field gives NULL or false, which WHERE takes as no match; `filtering` makes NOT the exact opposite. Values are always
bound, never part of the SQL text. A value that does not fit its field raises ValueError with a sentence that says what would.
"""

from __future__ import annotations

import math
import operator
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from sqlalchemy import ARRAY, Boolean, ColumnElement, DateTime, Double, Text, and_, cast, func, literal, not_, or_, select
from sqlalchemy.dialects.postgresql import JSONB

Condition = ColumnElement[bool]
Json = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Value:
    """The right side of a comparison: the texts between its wildcards (no wildcard: one text), and whether it was quoted."""

    pieces: tuple[str, ...]
    quoted: bool

    @property
    def text(self) -> str:
        """The value as text, wildcards as "*"."""
        return "*".join(self.pieces)

    @property
    def has_wildcard(self) -> bool:
        """Whether there is a wildcard in it."""
        return len(self.pieces) > 1

    @property
    def is_any(self) -> bool:
        """Whether it is nothing but a wildcard."""
        return self.pieces == ("", "")


Comparison = Callable[[Sequence[str], str, Value], Condition]
"""Given the path below the field (("fast",) for `parameters.fast`), the operator and the value: the condition."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a filter on one noun may name."""

    noun: str
    """The noun, with its article, such as "a run"."""
    by_name: Mapping[str, Comparison]


_ORDERINGS: Mapping[str, Callable[[Any, Any], Any]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_EQUALITIES: Mapping[str, Callable[[Any, Any], Any]] = {"=": operator.eq, ":": operator.eq, "!=": operator.ne}
_COMPARISONS = {**_ORDERINGS, **_EQUALITIES}


def _has_no_path(path: Sequence[str]) -> None:
    if path:
        raise ValueError(f'has no field "{path[0]}"')


def _needs_equality(op: str) -> None:
    if op not in _EQUALITIES:
        raise ValueError(f"takes {', '.join(_EQUALITIES)} only, not {op}")


def _compare_text(column: ColumnElement[str], op: str, value: Value) -> Condition:
    """Equality knows wildcards; order is by code point, whatever the database's collation."""
    if op in _ORDERINGS:
        ordered: Condition = _ORDERINGS[op](column.collate("C"), literal(value.text, Text))
        return ordered
    same: Condition = column.like(_pattern(value.pieces), escape="/") if value.has_wildcard else column == literal(value.text, Text)
    return not_(same) if op == "!=" else same


def _pattern(pieces: Sequence[str]) -> ColumnElement[str]:
    return literal("%".join(re.sub("([/%_])", r"/\1", piece) for piece in pieces), Text)


def text_field(column: ColumnElement[str]) -> Comparison:
    """A text: equality, wildcards, order by code point."""

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        _has_no_path(path)
        return _compare_text(column, op, value)

    return compare


def prose_field(column: ColumnElement[str]) -> Comparison:
    """A longer text: as `text_field`, but `:` asks whether it holds the words, in capitals or not."""
    as_text = text_field(column)

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        if op == ":" and not value.is_any:
            _has_no_path(path)
            return column.ilike(_pattern(("", *value.pieces, "")), escape="/")
        return as_text(path, op, value)

    return compare


def number_field(column: ColumnElement[Any]) -> Comparison:
    """A number."""
    return _ordered(column, _number)


def date_field(column: ColumnElement[date]) -> Comparison:
    """A date, written as in ISO 8601."""
    return _ordered(column, _date)


def time_field(column: ColumnElement[datetime]) -> Comparison:
    """An instant, written as in RFC 3339; a date alone means its first instant, UTC."""
    return _ordered(column, _time)


def _ordered(column: ColumnElement[Any], parse: Callable[[str], ColumnElement[Any]]) -> Comparison:
    """A field with an order: `:*` asks whether it is there, `:` with a value is `=`."""

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        _has_no_path(path)
        if op == ":" and value.is_any:
            return column.is_not(None)
        condition: Condition = _COMPARISONS[op](column, parse(value.text))
        return condition

    return compare


def _number(text: str) -> ColumnElement[float]:
    return literal(_finite(text), Double)


def _finite(text: str) -> float:
    try:
        number = float(text) if re.fullmatch("[0-9.eE+-]+", text) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f'is a finite number, not "{text}"')
    return number


def _date(text: str) -> ColumnElement[date]:
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return literal(date.fromisoformat(text))
        except ValueError:
            pass
    raise ValueError(f'is a date such as 2010-01-04, not "{text}"')


def _time(text: str) -> ColumnElement[datetime]:
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9:.]{8,15}([Zz]|[+-][0-9]{2}:[0-9]{2}))?", text):
        try:
            time = datetime.fromisoformat(text)
            return literal(time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC), DateTime(timezone=True))
        except (ValueError, OverflowError):
            pass
    raise ValueError(f'is a time such as 2026-01-31 or 2026-01-31T12:00:00Z, not "{text}"')


def uuid_field(column: ColumnElement[uuid.UUID]) -> Comparison:
    """An id, whole or a part of it, read backwards: an index finds the tails that people give as the beginning of a text."""
    whole = _ordered(column, _uuid_literal)

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        if value.has_wildcard and not value.is_any and op in _EQUALITIES:
            _has_no_path(path)
            pieces = tuple(piece.lower()[::-1] for piece in reversed(value.pieces))
            return _compare_text(func.reverse(cast(column, Text)), op, Value(pieces, value.quoted))
        return whole(path, op, value)

    return compare


def _uuid_literal(text: str) -> ColumnElement[uuid.UUID]:
    try:
        return literal(uuid.UUID(text))
    except ValueError:
        raise ValueError(f'is a UUID, or a part of one with a wildcard ("*9f3c2a10"), not "{text}"') from None


def enum_field(column: ColumnElement[int], enum: EnumTypeWrapper, prefix: str) -> Comparison:
    """The number of an enum, by its name with or without the prefix; zero has none."""
    names = [name.removeprefix(prefix) for name, number in enum.items() if number]

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        _has_no_path(path)
        _needs_equality(op)
        name = value.text.removeprefix(prefix)
        if name not in names:
            raise ValueError(f'is one of {", ".join(names)}, not "{value.text}"')
        number = enum.Value(prefix + name)
        return column != number if op == "!=" else column == number

    return compare


def symbols_field(column: ColumnElement[Any]) -> Comparison:
    """A list of symbols, or of other names: `:` asks whether it has one, `:*` whether it is there, `=` whether it has that one alone."""

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        _has_no_path(path)
        _needs_equality(op)
        if op == ":" and value.is_any:
            return column.is_not(None)
        if op == ":" and not value.has_wildcard:
            return _contains(column, literal([value.text], ARRAY(Text)))
        if op == ":":
            symbol = func.unnest(column).column_valued("symbol")
            return select(symbol).where(_compare_text(symbol, "=", value)).exists()
        alone = and_(func.cardinality(column) == 1, _compare_text(column[1], "=", value))
        return not_(alone) if op == "!=" else alone

    return compare


def labels_field(column: Json) -> Comparison:
    """`labels.team = alpha` compares, `labels:team` asks whether the label is there. A label is always text."""

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        if not path and op == ":":
            return _has_key(column, value.text)
        if len(path) != 1:
            raise ValueError("needs the name of one label, as in labels.team")
        if op == ":" and value.is_any:
            return _has_key(column, path[0])
        if op in {"=", ":"} and not value.has_wildcard:
            return _contains(column, literal({path[0]: value.text}, JSONB))  # written so that an index on labels serves it
        return _compare_text(_as_text(_member(column, path[0])), op, value)

    return compare


def parameters_field(column: Json) -> Comparison:
    """A parameter has the type it was given, and a value the type it is written in: 10 and true unquoted, "10" a text.

    Values of another type are unequal, and neither greater nor less. `:` also asks whether a list holds the value.
    """

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        if not path:
            if op == ":":
                return _has_key(column, value.text)
            raise ValueError("needs the name of a parameter, as in parameters.fast")
        held = column
        for key in path:
            held = _member(held, key)
        if op == ":" and value.is_any:
            return func.jsonb_typeof(held) != "null"
        if op == "!=":
            return and_(func.jsonb_typeof(held) != "null", not_(_compare_json(held, "=", value)))
        return _compare_json(held, op, value)

    return compare


def _compare_json(held: Json, op: str, value: Value) -> Condition:
    kind = func.jsonb_typeof(held)
    if not value.quoted and value.text in {"true", "false"}:
        _needs_equality(op)
        wanted: Any = value.text == "true"
        same: Condition = held == literal(wanted, JSONB)
    elif not value.quoted and re.fullmatch("[+-]?[.]?[0-9][0-9.eE+-]*", value.text):
        wanted = _finite(value.text)
        same = and_(kind == "number", _COMPARISONS[op](held, literal(wanted, JSONB)))
    else:
        wanted = value.text
        same = and_(kind == "string", _compare_text(_as_text(held), "=" if op == ":" else op, value))
    return or_(same, _contains(held, literal([wanted], JSONB))) if op == ":" and not value.has_wildcard else same


def _member(held: Json, key: str) -> Json:
    """The member of an object; NULL when it is not there or when this is no object, also for a list and a number."""
    return held.op("->", return_type=JSONB())(literal(key, Text))


def _as_text(held: Json) -> ColumnElement[str]:
    return held.op("#>>", return_type=Text())(literal([], ARRAY(Text)))


def _has_key(held: Json, key: str) -> Condition:
    return held.op("?", is_comparison=True, return_type=Boolean())(literal(key, Text))


def _contains(held: ColumnElement[Any], part: ColumnElement[Any]) -> Condition:
    return held.op("@>", is_comparison=True, return_type=Boolean())(part)
