"""Arrays between numpy and PostgreSQL in the binary format: no element is looked at by Python code.

The binary form of an array is a header (dimensions, whether it holds NULLs, type of the elements; then size and lower bound) and, for each
element, its length in bytes and its value, all big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from psycopg import AsyncConnection, AsyncCursor, DataError
from psycopg import adapters as global_adapters
from psycopg.abc import Buffer, DumperKey
from psycopg.adapt import Dumper, Loader, PyFormat
from psycopg.pq import Format
from sqlalchemy import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_HEADER = struct.Struct("!iiiii")
_EMPTY = struct.Struct("!iii")
_FIELD = struct.Struct("!iiiiii")
_NULL_FIELD = struct.pack("!i", -1)


class NumpyArray(TypeDecorator[NDArray[Any]]):
    """An array column whose values are one-dimensional numpy arrays both ways; the driver does the work, SQLAlchemy passes them on."""

    impl = ARRAY
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """None: the driver's dumper takes the array as it is."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """None: the driver's loader has made the array."""


class _ArrayDumper(Dumper):
    """Dumps an array; which kind of array, `upgrade` decides by the type of its elements."""

    format = Format.BINARY
    element_oid: ClassVar[int] = 0
    element: ClassVar[np.dtype[Any]] = np.dtype([])

    def get_key(self, obj: NDArray[Any], format: PyFormat) -> DumperKey:  # noqa: A002 - the driver's name
        if obj.dtype.char not in _DUMPERS:
            raise DataError(f"no array column holds elements of type {obj.dtype}")
        return self.cls, _DUMPERS[obj.dtype.char]

    def upgrade(self, obj: NDArray[Any], format: PyFormat) -> Dumper:  # noqa: A002 - the driver's name
        return _DUMPERS[obj.dtype.char](self.cls)

    def dump(self, obj: NDArray[Any]) -> Buffer:
        if len(obj) == 0:
            return _EMPTY.pack(0, 0, self.element_oid)
        return _HEADER.pack(1, 0, self.element_oid, len(obj), 1) + _to_wire(obj, self.element).tobytes()


class _ArrayLoader(Loader):
    """Loads an array without NULLs."""

    format = Format.BINARY
    element: ClassVar[np.dtype[Any]] = np.dtype([])
    native: ClassVar[np.dtype[Any]] = np.dtype([])

    def load(self, data: Buffer) -> NDArray[Any]:
        dimensions, has_nulls, _oid = _EMPTY.unpack_from(data)
        if dimensions == 0:
            return np.empty(0, self.native)
        if dimensions != 1 or has_nulls:
            raise DataError("an array column has one dimension and no NULLs")
        return np.frombuffer(data, self.element, offset=_HEADER.size)["value"].astype(self.native)


def _element(value: DTypeLike) -> np.dtype[Any]:
    return np.dtype([("length", ">i4"), ("value", value)])


# numpy's name of the element type in memory, its form on the wire, the oid of an element, the oid of the array.
_KINDS: list[tuple[str, str, int, int]] = [("int32", ">i4", 23, 1007), ("float64", ">f8", 701, 1022), ("bool", "?", 16, 1000)]

_DUMPERS: dict[str, type[_ArrayDumper]] = {
    np.dtype(native).char: type(f"_{native}Dumper", (_ArrayDumper,), {"oid": array, "element_oid": oid, "element": _element(wire)})
    for native, wire, oid, array in _KINDS
}
_LOADERS: dict[int, type[_ArrayLoader]] = {
    array: type(f"_{native}Loader", (_ArrayLoader,), {"element": _element(wire), "native": np.dtype(native)})
    for native, wire, _oid, array in _KINDS
}


def copy_fields(array: NDArray[Any], bounds: Sequence[int]) -> list[bytes]:
    """Slices of an array as fields of COPY's binary format, each with its length before it; NULL instead of an empty one.

    Args:
        array: The whole array.
        bounds: Where each slice starts, and where the last one ends.
    """
    dumper = _DUMPERS[array.dtype.char]
    oid, size = dumper.element_oid, dumper.element.itemsize
    wire = _to_wire(array, dumper.element).tobytes()
    return [
        _FIELD.pack(_HEADER.size + (end - start) * size, 1, 0, oid, end - start, 1) + wire[start * size : end * size]
        if start < end
        else _NULL_FIELD
        for start, end in pairwise(bounds)
    ]


def _to_wire(array: NDArray[Any], element: np.dtype[Any]) -> NDArray[Any]:
    """The elements as they stand on the wire."""
    wire = np.empty(len(array), element)
    wire["length"] = element["value"].itemsize
    wire["value"] = array
    return wire


def register_arrays(connection: AsyncConnection[Any]) -> None:
    """Make a connection read and write int4[], float8[] and bool[] as numpy arrays of int32, float64 and bool."""
    # By the type of its elements where the type of the column is unknown, by the column's where COPY names it.
    dumpers: list[type[_ArrayDumper]] = [*_DUMPERS.values(), _ArrayDumper]
    for dumper in dumpers:
        connection.adapters.register_dumper(np.ndarray, dumper)
    for oid, loader in _LOADERS.items():
        connection.adapters.register_loader(oid, loader)


def read_lists(cursor: AsyncCursor[Any]) -> None:
    """Make a cursor read arrays as lists of Python's numbers: sooner made than arrays for what needs each number as an object anyway."""
    for oid in _LOADERS:
        loader = global_adapters.get_loader(oid, Format.BINARY)
        assert loader is not None
        cursor.adapters.register_loader(oid, loader)
