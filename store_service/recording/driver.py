"""Statements that SQLAlchemy builds, once, and the driver runs, on its own connection or on the one under SQLAlchemy's.

For the few statements that every message needs: executing them through SQLAlchemy costs as much again as all else that is done for a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import psycopg
from sqlalchemy import Executable, Table
from sqlalchemy.dialects.postgresql import psycopg as dialects
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.arrays import read_lists

AnyConnection = AsyncConnection | psycopg.AsyncConnection[Any]

_dialect = dialects.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class DriverStatement:
    """A statement as the driver takes it: the text, and the names of its parameters in their order."""

    def __init__(self, statement: Executable, columns: Sequence[str] = (), *, reads_lists: bool = False) -> None:
        """Build it.

        Args:
            statement: What SQLAlchemy has of it.
            columns: Those that an INSERT or UPDATE sets besides the ones it names.
            reads_lists: Whether arrays are read as lists, not as arrays of numpy.
        """
        compiled = statement.compile(dialect=_dialect, column_keys=columns or None)  # type: ignore[attr-defined]
        self.sql = str(compiled).encode()
        self._names: list[str] = compiled.positiontup
        self._reads_lists = reads_lists
        self._constants = {name: value for name, value in compiled.params.items() if name not in columns}

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Its parameters in their order; one that `values` lacks and that is no constant of the statement is NULL."""
        given = {**self._constants, **values}
        return [given.get(name) for name in self._names]

    async def run(self, connection: AnyConnection, values: Mapping[str, Any]) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        """Execute it with these parameters."""
        cursor = psycopg.AsyncRawCursor(_driver(connection))
        if self._reads_lists:
            read_lists(cursor)
        await cursor.execute(self.sql, self.arguments(values), prepare=True, binary=True)
        return cursor


def pipelined(connection: AnyConnection) -> AbstractAsyncContextManager[object]:
    """Statements run in here are sent without waiting for each other's answers, which their cursors have at its end."""
    return _driver(connection).pipeline()


class DriverCopy:
    """COPY into a table in the binary format: one round trip for any number of rows, and the least work per value."""

    def __init__(self, table: Table) -> None:
        self.sql = f"COPY {table.name} ({', '.join(table.c.keys())}) FROM STDIN (FORMAT BINARY)".encode()
        self.types = [str(column.type.compile(_dialect)).lower() for column in table.columns]

    async def write(self, connection: AnyConnection, data: bytes) -> None:
        """Insert rows that are in COPY's binary format already."""
        async with psycopg.AsyncCursor(_driver(connection)) as cursor, cursor.copy(self.sql) as copy:
            await copy.write(data)

    async def write_rows(self, connection: AnyConnection, records: Sequence[Sequence[Any]]) -> None:
        """Insert rows: all values of each, in the order of the table's columns."""
        async with psycopg.AsyncCursor(_driver(connection)) as cursor, cursor.copy(self.sql) as copy:
            copy.set_types(self.types)
            for record in records:
                await copy.write_row(record)


def _driver(connection: AnyConnection) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    if isinstance(connection, psycopg.AsyncConnection):
        return connection
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver
