"""The table of an export as a Parquet file, written while the runs are read."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pyarrow as pa
from pyarrow.parquet import ParquetWriter
from sqlalchemy import ARRAY, BigInteger, Column, Date, DateTime, Double, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from store_service.models import runs
from store_service.transfer.table import TABLE_COLUMNS, Page, json_text, state_word

RUNS_PER_GROUP = 10_000
"""Runs of a row group. The writer keeps some 100 KB of each group until the end of the file, which names them all."""

GROUP_BYTES = 32 * 1024 * 1024
"""Size at which a row group takes no further runs, however few it has: it is held in memory as a whole."""

HEADER_KEY = "tapedeck.export"
"""Where a file's metadata holds what a file of JSON has in its first line."""

# The first that fits: a BigInteger is an Integer too.
_TYPES: tuple[tuple[type[Any], pa.DataType, Callable[[Any], Any] | None], ...] = (
    (Uuid, pa.string(), str),
    (DateTime, pa.timestamp("us", tz="UTC"), None),
    (Date, pa.date32(), None),
    (Double, pa.float64(), None),
    (BigInteger, pa.int64(), None),
    (Integer, pa.int32(), None),
    (Text, pa.string(), None),
    (ARRAY, pa.list_(pa.string()), None),
    (JSONB, pa.string(), json_text),
)


def _typed(column: Column[Any]) -> tuple[pa.DataType, Callable[[Any], Any] | None]:
    """Type of a column of the file, and what makes its values of those in the database, if they are not what it takes."""
    if column is runs.c.state:
        return pa.string(), state_word
    return next((kind, convert) for sql, kind, convert in _TYPES if isinstance(column.type, sql))


_FORMS = {column.name: _typed(column) for column in TABLE_COLUMNS}
_SCHEMA = pa.schema([(name, kind) for name, (kind, _) in _FORMS.items()])


async def parquet_file(pages: AsyncIterator[Page], header: bytes) -> AsyncGenerator[bytes]:
    """The table as a file, part by part: a part for each row group, then what ends it.

    Args:
        pages: The runs; without any, the file has the columns and no row.
        header: What the file's metadata says under HEADER_KEY.
    """
    written = io.BytesIO()
    # No context manager: when the reader leaves, a thread may be writing still, and the writer must not be closed under it.
    writer = ParquetWriter(written, _SCHEMA.with_metadata({HEADER_KEY: header}))
    async for group in _groups(pages):
        yield await asyncio.to_thread(_write_group, writer, group, written)
    await asyncio.to_thread(writer.close)
    yield _taken(written)


async def _groups(pages: AsyncIterator[Page]) -> AsyncIterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    run_count = size = 0
    async for page in pages:
        batch = await asyncio.to_thread(_batch, page)
        group.append(batch)
        run_count, size = run_count + len(page), size + batch.nbytes
        if run_count >= RUNS_PER_GROUP or size >= GROUP_BYTES:
            yield group
            group, run_count, size = [], 0, 0
    if group:
        yield group


def _batch(page: Page) -> pa.RecordBatch:
    columns = zip(_FORMS.values(), zip(*page, strict=True), strict=True)
    return pa.record_batch([_array(values, kind, convert) for (kind, convert), values in columns], schema=_SCHEMA)


def _array(values: tuple[Any, ...], kind: pa.DataType, convert: Callable[[Any], Any] | None) -> pa.Array:
    if convert is not None:
        values = tuple(None if value is None else convert(value) for value in values)
    return pa.array(values, kind)


def _write_group(writer: ParquetWriter, group: list[pa.RecordBatch], written: io.BytesIO) -> bytes:
    table = pa.Table.from_batches(group, _SCHEMA)
    writer.write_table(table, row_group_size=len(table))
    return _taken(written)


def _taken(written: io.BytesIO) -> bytes:
    """What was written since it was taken last. The writer counts the bytes itself, so where they are now does not matter to it."""
    part = written.getvalue()
    written.seek(0)
    written.truncate()
    return part
