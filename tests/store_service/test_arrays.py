"""Arrays go to PostgreSQL and come back to the bit."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st
from numpy.typing import NDArray

from store_service.arrays import copy_fields, register_arrays

TYPES = {"int32": "int4[]", "float64": "float8[]", "bool": "bool[]"}


@pytest.fixture(scope="module")
async def connection(module_database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(module_database_url, autocommit=True) as opened:
        register_arrays(opened)
        yield opened


async def fetched(connection: psycopg.AsyncConnection[Any], query: str, *values: Any) -> Any:
    cursor = await connection.execute(query.encode(), values, binary=True)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


def any_array() -> st.SearchStrategy[NDArray[Any]]:
    return st.sampled_from(list(TYPES)).flatmap(lambda name: np_st.arrays(name, st.integers(0, 40)))


@given(any_array())
async def test_an_array_comes_back_to_the_bit(connection: psycopg.AsyncConnection[Any], array: NDArray[Any]) -> None:
    sql_type = TYPES[array.dtype.name]
    back = await fetched(connection, f"SELECT %s::{sql_type}", array)
    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()


async def test_sql_sees_the_elements(connection: psycopg.AsyncConnection[Any]) -> None:
    assert await fetched(connection, "SELECT (%s::int4[])[2]", np.array([7, -8], np.int32)) == -8
    assert await fetched(connection, "SELECT sum(v) FROM unnest(%s::float8[]) v", np.array([0.5, 0.25])) == 0.75
    assert await fetched(connection, "SELECT cardinality(%s::bool[])", np.array([], bool)) == 0


async def test_slices_are_fields_of_copy_and_empty_ones_are_null(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.execute("CREATE TEMPORARY TABLE copied (id int4, a float8[], b int4[])")
    fields = copy_fields(np.array([1.5, -0.0, 3.0]), [0, 1, 1, 3]), copy_fields(np.array([1, 2], np.int32), [0, 0, 2, 2])
    async with connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN (FORMAT BINARY)") as copy:
        await copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for number, (a, b) in enumerate(zip(*fields, strict=True)):
            await copy.write(struct.pack("!hii", 3, 4, number) + a + b)
        await copy.write(struct.pack("!h", -1))
    assert (await fetched(connection, "SELECT a FROM copied WHERE id = 0")).tolist() == [1.5]
    assert (await fetched(connection, "SELECT a FROM copied WHERE id = 2")).tobytes() == np.array([-0.0, 3.0]).tobytes()
    assert (await fetched(connection, "SELECT b FROM copied WHERE id = 1")).tolist() == [1, 2]
    assert await fetched(connection, "SELECT count(*) FROM copied WHERE a IS NULL OR b IS NULL") == 3


async def test_elements_of_another_type_are_refused(connection: psycopg.AsyncConnection[Any]) -> None:
    with pytest.raises(psycopg.DataError, match="complex"):
        await fetched(connection, "SELECT %s", np.array([1j]))


@pytest.mark.parametrize("array", ["ARRAY[1, NULL]", "ARRAY[[1], [2]]"])
async def test_nulls_and_tables_are_refused(connection: psycopg.AsyncConnection[Any], array: str) -> None:
    with pytest.raises(psycopg.DataError, match="one dimension and no NULLs"):
        await fetched(connection, f"SELECT {array}")
