"""Random protobuf messages: a hypothesis strategy made from a message's descriptor.

Values are half plain (any number, any text) and half the edges that code trips over: 0, the ends of the range, NaN, U+0000, dates that
do not exist. `suggestions` adds values worth trying for fields of a name, such as ids that exist.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf import struct_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

M = TypeVar("M", bound=Message)

RANDOM_REQUESTS = int(os.environ.get("TAPEDECK_RANDOM_REQUESTS", "50"))
"""Random requests sent to each rpc; `make fuzz` sends thousands."""

MAX_DEPTH = 5
"""Messages nested deeper are left out: Struct and Value contain each other."""

_ODD_TEXTS = ("", " ", "\x00", "a\x00b", "é", "💥", "*", "'; --", "NaN", "2010-02-30", "2010-01-04", "9999-12-31", "x" * 300)
_ODD_DOUBLES = (0.0, -0.0, 1.0, -1.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"))


def _integers(bits: int) -> st.SearchStrategy[int]:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return st.sampled_from([0, 1, -1, least, most]) | st.integers(least, most) | st.integers(0, 30)


def _texts() -> st.SearchStrategy[str]:
    # A message refuses lone surrogates before it is sent.
    return st.sampled_from(_ODD_TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


_SCALARS: Mapping[int, Callable[[], st.SearchStrategy[Any]]] = {
    FieldDescriptor.TYPE_DOUBLE: lambda: st.sampled_from(_ODD_DOUBLES) | st.floats(),
    FieldDescriptor.TYPE_BOOL: st.booleans,
    FieldDescriptor.TYPE_STRING: _texts,
    FieldDescriptor.TYPE_BYTES: lambda: st.binary(max_size=30),
    FieldDescriptor.TYPE_INT32: lambda: _integers(32),
    FieldDescriptor.TYPE_INT64: lambda: _integers(64),
}
"""The scalar types that the contract uses; another one is a KeyError, to be added here."""


def messages(kind: type[M], suggestions: Mapping[str, Sequence[Any]] | None = None) -> st.SearchStrategy[M]:
    """Random messages of a kind; `suggestions` are values to try for fields, by name of the field."""
    return _messages(kind, suggestions or {}, depth=0)


def _messages(kind: type[M], suggestions: Mapping[str, Sequence[Any]], depth: int) -> st.SearchStrategy[M]:
    fields: Any = kind.DESCRIPTOR.fields
    optional = {field.name: _field(field, suggestions, depth) for field in fields if depth < MAX_DEPTH or field.message_type is None}
    return st.fixed_dictionaries({}, optional=optional).map(lambda values: _built(kind, values))


def _built(kind: type[M], values: Mapping[str, Any]) -> M:
    message = kind()
    for name, value in values.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            entries = getattr(message, name)
            for key, item in value.items():
                if isinstance(item, Message):
                    entries[key].CopyFrom(item)
                else:
                    entries[key] = item
        elif field.is_repeated:
            getattr(message, name).extend(value)
        elif isinstance(value, Message):
            getattr(message, name).CopyFrom(value)
        else:
            setattr(message, name, value)
    return message


def _field(field: FieldDescriptor, suggestions: Mapping[str, Sequence[Any]], depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name
        return st.dictionaries(_one(entry["key"], {}, depth), _one(entry["value"], {}, depth + 1), max_size=3)
    one = _one(field, suggestions, depth)
    return st.lists(one, max_size=4) if field.is_repeated else one


def _one(field: FieldDescriptor, suggestions: Mapping[str, Sequence[Any]], depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        kind = GetMessageClass(field.message_type)
        return st.deferred(lambda: _messages(kind, suggestions, depth + 1))
    if field.enum_type is not None:
        known = st.sampled_from([value.number for value in field.enum_type.values])
        # proto3 enums are open: any number arrives. The one enum of Struct is closed to nothing but null.
        return known if field.enum_type.full_name == struct_pb2.NullValue.DESCRIPTOR.full_name else known | _integers(32)
    scalars = _SCALARS[field.type]()
    tried = suggestions.get(field.name)
    return scalars | st.sampled_from(list(tried)) if tried else scalars
