"""Lists, page by page. Pages are cut by keyset, never by OFFSET: a deep page costs what the first one costs.

A list is ordered by a key and, where keys are equal, by columns that tell its rows apart. Rows without the key come last.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.page_token import JsonScalar
from store_service.violations import refuse
from tapedeck_rpc import errors

DEFAULT_PAGE_SIZE = 20
"""Rows on a page when the caller does not say: a screenful."""

MAX_PAGE_SIZE = 1_000
"""Most rows on a page: about 2 MB of ordinary runs."""

MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Size at which a page ends early: half of the largest message, so one more run or sweep of any size still fits."""


@dataclass(frozen=True, slots=True)
class OrderBy:
    """A sort key, what tells equal ones apart, and the direction of both; rows without the key come last."""

    name: str
    column: ColumnElement[Any]
    ties: tuple[ColumnElement[Any], ...]
    descending: bool

    @property
    def is_optional(self) -> bool:
        """Whether rows may lack the key."""
        return bool(getattr(self.column, "nullable", False))

    def __str__(self) -> str:
        return f"{self.name} {'desc' if self.descending else 'asc'}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the last row's key (None: it has none) and its ties."""

    key: Any
    ties: tuple[Any, ...]

    def to_json(self) -> list[JsonScalar]:
        """The place as JSON scalars."""
        return [
            value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, uuid.UUID) else value
            for value in (self.key, *self.ties)
        ]

    @classmethod
    def from_json(cls, place: Sequence[JsonScalar], order: OrderBy) -> Place:
        """The place that `to_json` wrote."""
        key, *ties = (_parsed(value, column) for value, column in zip(place, (order.column, *order.ties), strict=True))
        return cls(key, tuple(ties))


def _parsed(value: JsonScalar, column: ColumnElement[Any]) -> Any:
    kind = column.type.python_type
    if not isinstance(value, str):
        return value
    if issubclass(kind, date):
        return (datetime if issubclass(kind, datetime) else date).fromisoformat(value)
    return uuid.UUID(value)


def parse_order_by(
    text: str, keys: Mapping[str, ColumnElement[Any]], ties: tuple[ColumnElement[Any], ...], *, default: str = "create_time desc"
) -> OrderBy:
    """The order that a caller asks for.

    Raises:
        InvalidArgument: it is not one known field with an optional direction (INVALID_FILTER).
    """
    name, *direction = text.split() or default.split()
    if name not in keys or direction not in ([], ["asc"], ["desc"]):
        problem = f'is one field, with " desc" for falling, not "{text[:60]}"'
        raise errors.InvalidArgument(
            f"order_by: {problem}. Fields are {', '.join(sorted(keys))}",
            reason="INVALID_FILTER",
            violations=[errors.Violation("order_by", problem)],
        )
    return OrderBy(name, keys[name], ties, direction == ["desc"])


def parse_page_size(page_size: int) -> int:
    """How many rows a page has at most.

    Raises:
        InvalidArgument: it is negative.
    """
    if page_size < 0:
        raise refuse("page_size", f"is 0 or more, not {page_size}")
    return min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def with_key(rows: Select[Any], order: OrderBy, after: Place | None, limit: int) -> Select[Any]:
    """Rows that have the sort key, from a place on.

    One row comparison is what makes this an index scan from the very place; the same written with OR reads everything before it.
    """
    page = _page(rows, order, limit)
    if order.is_optional:
        page = page.where(order.column.is_not(None))
    return page if after is None else page.where(_beyond((order.column, *order.ties), (after.key, *after.ties), order))


def without_key(rows: Select[Any], order: OrderBy, after: Place | None, limit: int) -> Select[Any]:
    """Rows that don't have the sort key, from a place on: the tail of every order."""
    page = _page(rows, order, limit).where(order.column.is_(None))
    return page if after is None else page.where(_beyond(order.ties, after.ties, order))


def _beyond(columns: Sequence[ColumnElement[Any]], values: Sequence[Any], order: OrderBy) -> ColumnElement[bool]:
    here = tuple_(*columns)
    there = tuple_(*(literal(value, column.type) for value, column in zip(values, columns, strict=True)))
    return here < there if order.descending else here > there


def _page(rows: Select[Any], order: OrderBy, limit: int) -> Select[Any]:
    """NULLS LAST and NULLS FIRST are how the indexes are built, read forwards and backwards; no page holds both NULLs and values."""
    if order.descending:
        key = order.column.desc().nulls_last() if order.is_optional else order.column.desc()
    else:
        key = order.column.asc().nulls_first() if order.is_optional else order.column.asc()
    ties = [tie.desc() if order.descending else tie.asc() for tie in order.ties]
    places = [column.label(f"place_{number}") for number, column in enumerate((order.column, *order.ties))]
    return rows.add_columns(*places).order_by(key, *ties).limit(limit)


async def read_page(
    connection: AsyncConnection, rows: Select[Any], order: OrderBy, after: Place | None, limit: int
) -> list[Row[*tuple[Any, ...]]]:
    """The next rows of a list: those with the key, then those without it."""
    found: list[Row[*tuple[Any, ...]]] = []
    if after is None or after.key is not None:
        found += await connection.execute(with_key(rows, order, after, limit))
        after = None
    if len(found) < limit and order.is_optional:
        found += await connection.execute(without_key(rows, order, after, limit - len(found)))
    return found


def place_of(row: Row[*tuple[Any, ...]], order: OrderBy) -> Place:
    """The place of a row that `read_page` gave."""
    key, *ties = row[-1 - len(order.ties) :]
    return Place(key, tuple(ties))
