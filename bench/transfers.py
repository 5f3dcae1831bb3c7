"""What moving whole runs costs, against the same SQL without the services: exports and imports in JSON, comparisons with curves."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from bench.arrivals import arriving
from bench.outcome import Outcome, milliseconds
from bench.recording import record
from bench.sample import as_new_run, execute_for_events, sample_plan, warm
from bench.stage import Stage, target
from bench.timing import in_turn
from bench.writers import Writers, open_writers
from engine_service.run_ids import new_run_id
from store_service.recording.queries import LOAD_BATCHES, LOAD_TRIPS
from tapedeck.v1 import run_pb2, store_service_pb2, store_service_pb2_grpc, transfer_service_pb2, transfer_service_pb2_grpc
from tapedeck_rpc.channel import open_channel

LEAST_EXPORT = 0.25
"""Runs a second that a client reads of an export / by psycopg from the same tables. Each number is written as text on the way."""

LEAST_IMPORT = 0.5
"""Runs a second of an import / of one writer with the same SQL in one transaction. Each number is read from text and checked on the way."""

MAX_COMPARE = 3.0
"""CompareRuns of ten runs with their curves / ten reads of a run's row and curve by psycopg."""

RUNS, ROUNDS = 200, 9
SHORT_RUNS, SHORT_ROUNDS = 40, 9

COMPARED, COMPARE_ROUNDS, SHORT_COMPARE_ROUNDS = 10, 400, 60

CHUNK_BYTES = 256 * 1024
"""Size of the parts that a file is sent in: as the command line does."""

PAGE_RUNS = 100
"""Rows of `runs` read at once: as an export does."""

_PAGE = (
    b"SELECT run_id, finish_time, labels, note, verdict, next_sequence, started, finished FROM runs "
    b"WHERE create_time <= %s AND run_id > %s ORDER BY run_id LIMIT %s"
)
_ROW = b"SELECT run_id, state, started, finished, labels, note FROM runs WHERE run_id = %s"
_CURVE = b"SELECT session_dates, portfolio_values FROM run_batches WHERE run_id = %s ORDER BY sequence"

Connection = psycopg.Connection[Any]


def measure_transfers(stage: Stage, *, short: bool) -> list[Outcome]:
    """Record runs, then compare them, export them, and import the file, while other runs arrive."""
    ready = sample_plan(stage.data_dir)
    warm(ready)
    events = execute_for_events(ready)
    url = stage.new_database("bench_transfers")
    runs, rounds = (SHORT_RUNS, SHORT_ROUNDS) if short else (RUNS, ROUNDS)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(stage.store(url))
        channel = stack.enter_context(open_channel(target(store, "store_port")))
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        stored = [as_new_run(events) for _ in range(runs)]
        for fast, run in enumerate(stored, 2):
            run[0].started.spec.parameters["fast"] = fast
        asyncio.run(record(target(store, "record_port"), stored))
        arrivals = stack.enter_context(arriving([target(store, "record_port")], [url], events))
        transfers = transfer_service_pb2_grpc.TransferServiceStub(channel)
        newest = stored[-1][0].started.create_time
        compared = [run[0].started.run_id for run in stored[:COMPARED]]
        outcomes = [
            _measure_compare(
                store_service_pb2_grpc.StoreServiceStub(channel), connection, compared, SHORT_COMPARE_ROUNDS if short else COMPARE_ROUNDS
            ),
            _measure_export(transfers, connection, newest.ToJsonString(), runs, rounds),
            asyncio.run(_measure_import(transfers, url, events, _export(transfers, newest.ToJsonString()), rounds)),
            arrivals.outcome("transfers"),
        ]
    stage.drop_database("bench_transfers")
    return outcomes


def _measure_compare(stub: store_service_pb2_grpc.StoreServiceStub, connection: Connection, run_ids: Sequence[str], rounds: int) -> Outcome:
    request = store_service_pb2.CompareRunsRequest(run_ids=run_ids, include_curves=True)

    def read() -> None:
        for run_id in run_ids:
            connection.execute(_ROW, (run_id,), prepare=True, binary=True).fetchone()
            connection.execute(_CURVE, (run_id,), prepare=True, binary=True).fetchall()

    through, without = in_turn(rounds, lambda: stub.CompareRuns(request), read)
    name = f"CompareRuns of {len(run_ids)} with curves / {len(run_ids)} raw reads"
    return Outcome(name, milliseconds(through), milliseconds(without), "ms", MAX_COMPARE)


def _measure_export(
    stub: transfer_service_pb2_grpc.TransferServiceStub, connection: Connection, newest: str, runs: int, rounds: int
) -> Outcome:
    through, without = in_turn(rounds, lambda: _export(stub, newest), lambda: _read_all(connection, newest, runs), warm_up_rounds=1)
    exported, read = (runs / statistics.median(seconds) for seconds in (through, without))
    return Outcome("export in JSON / the same SQL without gRPC", exported, read, "runs/s", LEAST_EXPORT, is_least=True)


def _export(stub: transfer_service_pb2_grpc.TransferServiceStub, newest: str) -> bytes:
    """The file of the runs that were there before others arrived."""
    return b"".join(answer.chunk for answer in stub.ExportRuns(transfer_service_pb2.ExportRunsRequest(filter=f"create_time <= {newest}")))


def _read_all(connection: Connection, newest: str, runs: int) -> None:
    """Read those runs as they are stored, in one snapshot."""
    with connection.transaction():
        connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor, read = psycopg.RawCursor(connection), 0
        page = connection.execute(_PAGE, (newest, uuid.UUID(int=0), PAGE_RUNS), prepare=True, binary=True).fetchall()
        while page:
            for run_id, *_, next_sequence, _started, _finished in page:
                batches = {"id": run_id, "first": 2, "last": next_sequence - 1}
                cursor.execute(LOAD_BATCHES.sql, LOAD_BATCHES.arguments(batches), prepare=True, binary=True).fetchall()
                cursor.execute(LOAD_TRIPS.sql, LOAD_TRIPS.arguments({"id": run_id}), prepare=True, binary=True).fetchall()
            read += len(page)
            page = connection.execute(_PAGE, (newest, page[-1][0], PAGE_RUNS), prepare=True, binary=True).fetchall()
    if read != runs:
        raise RuntimeError(f"{read} runs are stored instead of {runs}")


async def _measure_import(
    stub: transfer_service_pb2_grpc.TransferServiceStub, url: str, events: Sequence[run_pb2.RunEvent], file: bytes, rounds: int
) -> Outcome:
    """Import the file again and again, each time as one of runs that nobody has seen, and write as many runs without the service."""
    header, *lines = file.splitlines(keepends=True)
    through, without = [], []
    async with open_writers(url, events) as writers:
        for number in range(-1, rounds):
            renamed = header + b"".join(map(_renamed, lines))
            before = time.perf_counter()
            _import(stub, renamed, len(lines))
            between = time.perf_counter()
            await _write(writers, len(lines))
            if number >= 0:
                through.append(len(lines) / (between - before))
                without.append(len(lines) / (time.perf_counter() - between))
    return Outcome(
        "import of JSON / the same SQL without gRPC",
        statistics.median(through),
        statistics.median(without),
        "runs/s",
        LEAST_IMPORT,
        is_least=True,
    )


def _renamed(line: bytes) -> bytes:
    """The line of a run as that of another one."""
    marker = b'"run_id":"'
    start = line.index(marker) + len(marker)
    return line[:start] + new_run_id().encode() + line[start + 36 :]


def _import(stub: transfer_service_pb2_grpc.TransferServiceStub, file: bytes, runs: int) -> None:
    parts: Iterator[transfer_service_pb2.ImportRunsRequest] = (
        transfer_service_pb2.ImportRunsRequest(chunk=file[start : start + CHUNK_BYTES]) for start in range(0, len(file), CHUNK_BYTES)
    )
    added = sum(run.added for answer in stub.ImportRuns(parts) for run in answer.runs)
    if added != runs:
        raise RuntimeError(f"{added} runs were imported instead of {runs}")


async def _write(writers: Writers, runs: int) -> None:
    await writers.write_at_once([(uuid.UUID(new_run_id()), uuid.uuid4().hex * 2) for _ in range(runs)])
