"""An export as a Parquet file: the columns and their types, the row groups, and that it is written while runs are read."""

from __future__ import annotations

import asyncio
import io
import json
import queue
import threading
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from store_service.database import Database
from store_service.models import METRIC_COLUMNS
from store_service.runs.store import RunStore
from store_service.transfer import exporting, parquet
from store_service.transfer.table import TABLE_COLUMNS
from tapedeck.v1 import run_pb2, transfer_service_pb2
from tests.fix_runs import Record, whole_run

PARQUET = transfer_service_pb2.EXPORT_FORMAT_PARQUET
TEXTS = ("run_id", "state", "strategy", "interval", "parameters", "labels", "replay_of", "sweep_id", "note")


async def export(database: Database, filter_text: str = "") -> bytes:
    return b"".join([chunk async for chunk in exporting.RunExports(database).export_runs(filter_text, PARQUET)])


async def test_a_run_is_a_row_with_what_list_runs_says_of_it(database: Database, run_store: RunStore, record: Record) -> None:
    tenth = 0.1 + 0.2  # no decimal number of few digits: every bit has to come through
    metrics = {"sharpe_ratio": tenth, "max_drawdown": -0.0, "win_rate": None, "max_drawdown_peak_date": "2010-01-05", "annual_return": 99}
    original = await record(whole_run(finished={"metrics": metrics}))
    await record(whole_run(state=run_pb2.RUN_STATE_FAILED, started={"labels": {"a": 'say "é", twice'}}))
    sweep = run_pb2.SweepLink(sweep_id=original, number=3)
    await record(whole_run(started={"replay": run_pb2.ReplayLink(original_run_id=original), "sweep": sweep}))
    listed, _ = await run_store.list_runs(order_by="create_time")
    rows = pl.read_parquet(io.BytesIO(await export(database))).to_dicts()
    for row, run in zip(rows, listed, strict=True):
        shown = {field.name: getattr(run.metrics, field.name) if run.metrics.HasField(field.name) else None for field in _metric_fields()}
        assert {name: row[name] for name in METRIC_COLUMNS} == {
            name: date.fromisoformat(value) if name.endswith("_date") and value else value for name, value in shown.items()
        }
        assert (row["run_id"], row["state"]) == (run.run_id, run_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_").lower())
        assert (row["create_time"], row["finish_time"]) == (_instant(run.create_time), _instant(run.finish_time))
        assert (row["symbols"], row["start_date"], row["end_date"]) == (list(run.spec.symbols), date(2010, 1, 4), date(2010, 12, 31))
        assert (json.loads(row["parameters"]), json.loads(row["labels"])) == (dict(run.spec.parameters), dict(run.labels))
        assert (row["error_reason"] or "", row["session_count"], row["capital_base"]) == (run.error.reason, run.session_count, 100_000.0)
        assert (row["flags"] or []) == list(run.flags)
        assert (row["replay_of"] or "", row["sweep_id"] or "") == (run.replay.original_run_id, run.sweep.sweep_id)
    first, failed, replay = rows
    assert (first["flags"], failed["flags"]) == (["annual_return"], None)
    assert (first["sharpe_ratio"], str(first["max_drawdown"]), first["win_rate"]) == (tenth, "-0.0", None)
    assert (failed["sharpe_ratio"], failed["result_digest"], replay["sweep_number"]) == (None, None, 3)


async def test_every_column_has_the_type_of_its_values(module_database: Database) -> None:
    file = pq.ParquetFile(io.BytesIO(await export(module_database)))
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert list(types) == [column.name for column in TABLE_COLUMNS]
    assert {types[name] for name in TEXTS} == {"string"}
    assert (types["create_time"], types["finish_time"]) == ("timestamp[us, tz=UTC]", "timestamp[us, tz=UTC]")
    assert (types["start_date"], types["max_drawdown_peak_date"]) == ("date32[day]", "date32[day]")
    assert types["symbols"] == types["flags"] == "list<element: string>"
    assert (types["capital_base"], types["sharpe_ratio"], types["execution_seconds"]) == ("double", "double", "double")
    assert (types["session_count"], types["trades_total"], types["sweep_number"]) == ("int32", "int32", "int32")


async def test_no_runs_are_a_file_with_the_columns_and_its_header(module_database: Database) -> None:
    file = pq.ParquetFile(io.BytesIO(await export(module_database, 'strategy = "none"')))
    assert (file.metadata.num_rows, file.num_row_groups, file.read().num_columns) == (0, 0, len(TABLE_COLUMNS))
    header = json.loads(file.schema_arrow.metadata[b"tapedeck.export"])
    assert (header["format_version"], header["filter"], header.get("run_count", 0)) == (1, 'strategy = "none"', 0)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(header["export_time"])) < timedelta(minutes=1)


@pytest.mark.parametrize(("limit", "value", "sizes"), [("RUNS_PER_GROUP", 4, [4, 4, 1]), ("GROUP_BYTES", 1, [2, 2, 2, 2, 1])])
async def test_a_row_group_is_sent_before_the_runs_of_the_next_are_read(
    database: Database, record: Record, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(exporting, "RUNS_PER_READ", 2)
    monkeypatch.setattr(exporting, "CHUNK_BYTES", 100)
    monkeypatch.setattr(parquet, limit, value)
    ids = [await record() for _ in range(9)]
    read: list[int] = []
    monkeypatch.setattr(parquet, "_batch", _counting(parquet._batch, read))
    parts: AsyncGenerator[bytes] = exporting.RunExports(database).export_runs("", PARQUET)
    chunks = [await anext(parts)]
    assert sum(read) == sizes[0]
    chunks += [chunk async for chunk in parts]
    assert read == [2, 2, 2, 2, 1]
    file = pq.ParquetFile(io.BytesIO(b"".join(chunks)))
    assert [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)] == sizes
    assert file.read(["run_id"])["run_id"].to_pylist() == sorted(ids)


async def test_a_reader_that_leaves_while_a_row_group_is_written_breaks_nothing(
    database: Database, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record()
    begun, may_go_on, written = threading.Event(), threading.Event(), queue.SimpleQueue[bytes | Exception]()
    write = parquet._write_group

    def slowly(*arguments: Any) -> bytes:
        begun.set()
        may_go_on.wait()
        try:
            written.put(write(*arguments))
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            written.put(error)
        return b""

    monkeypatch.setattr(parquet, "_write_group", slowly)
    reading = asyncio.create_task(export(database))
    await asyncio.to_thread(begun.wait)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    may_go_on.set()
    assert isinstance(await asyncio.to_thread(written.get), bytes)


def _counting(encode: Any, read: list[int]) -> Any:
    def counted(page: Sequence[Any]) -> Any:
        read.append(len(page))
        return encode(page)

    return counted


def _metric_fields() -> Any:
    return run_pb2.Metrics.DESCRIPTOR.fields


def _instant(time: Any) -> datetime:
    return time.ToDatetime(tzinfo=UTC)  # type: ignore[no-any-return] # of a protobuf Timestamp
