"""The table of an export: one row for each run, without sessions and trades."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Column, Row

from store_service.models import METRIC_COLUMNS, runs
from tapedeck.v1 import run_pb2

Page = Sequence[Row[*tuple[Any, ...]]]
"""Some runs; their columns are TABLE_COLUMNS."""

TABLE_COLUMNS: tuple[Column[Any], ...] = tuple(
    runs.c[name]
    for name in (
        *("run_id", "create_time", "finish_time", "state", "strategy", "strategy_type", "dataset", "dataset_fingerprint", "interval"),
        *("symbols", "start_date", "end_date", "capital_base", "benchmark_symbol", "parameters", "engine_kind", "spec_digest"),
        *("result_digest", "session_count", "execution_seconds", "error_reason", "error_message", "replay_of", "sweep_id"),
        *("sweep_number", "labels", "note", "flags", *METRIC_COLUMNS),
    )
)
"""Columns of a table, in its order."""

_STATES = {int(state): name.removeprefix("RUN_STATE_").lower() for name, state in run_pb2.RunState.items()}


def state_word(state: int) -> str:
    """A run's state in one word, such as "succeeded"."""
    return _STATES[state]


def json_text(value: Any) -> str:
    """What has no form of its own in a table."""
    return json.dumps(value, ensure_ascii=False)


async def csv_table(pages: AsyncIterator[Page]) -> AsyncGenerator[bytes]:
    """The table as lines of CSV."""
    yield _csv_lines([[column.name for column in TABLE_COLUMNS]])
    async for page in pages:
        yield await asyncio.to_thread(_page_lines, page)


def _page_lines(page: Page) -> bytes:
    return _csv_lines([[_cell(name, value) for name, value in row._mapping.items()] for row in page])


def _csv_lines(cells: Sequence[Sequence[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(cells)
    return written.getvalue().encode()


def _cell(name: str, value: Any) -> Any:
    """A value as a line holds it; what is undefined is empty."""
    if name == "state":
        return state_word(value)
    if isinstance(value, date):
        return value.isoformat()
    return json_text(value) if isinstance(value, list | dict) else value
