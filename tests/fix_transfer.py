"""Transfers for tests: entries and ranked results as a notebook sends them, the verbs on the test's database and on the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from store_service.database import Database
from store_service.sweeps.recording import SweepRecording
from store_service.transfer.creating import RunCreation
from store_service.transfer.creating_sweeps import SweepCreation
from store_service.transfer.exporting import RunExports
from store_service.transfer.importing import RunImports
from store_service.transfer.servicer import TransferServicer
from tapedeck.v1 import run_pb2, transfer_service_pb2, transfer_service_pb2_grpc
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_replays import as_raised, served
from tests.fix_runs import SYMBOLS, make_sessions, session_dates

PART_BYTES = 1_000
"""Parts that lines are cut by at any place."""


def make_entry(**changes: Any) -> transfer_service_pb2.RunEntry:
    """A result of another engine, with all that an entry may have."""
    days = session_dates("2010-01-04", 3)
    named: dict[str, Any] = {"strategy": "my_notebook", "parameters": {"fast": 5}, "dataset": "mine", "symbols": SYMBOLS}
    fields: dict[str, Any] = {
        "create_time": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "spec": run_pb2.RunSpec(**named, start_date="2010-01-04", end_date="2010-12-31"),
        "provenance": run_pb2.Provenance(engine_kind="vectorbt", engine_version="0.27"),
        "strategy_type": "trend",
        "metrics": run_pb2.Metrics(total_return=0.02, sharpe_ratio=1.5, max_drawdown=-0.1, trades_total=1, trades_won=1, trades_lost=0),
        "sessions": [make_sessions(days[:2], [100_000.0, 101_000.0]), make_sessions(days[2:], [102_000.0])],
        "round_trips": [run_pb2.RoundTrip(symbol=SYMBOLS[0], entry_date="2010-01-04", exit_date="2010-01-06", quantity=10, pnl=12.5)],
        "labels": {"from": "notebook"},
        "note": "made by hand",
        "execution_seconds": 1.5,
    }
    return transfer_service_pb2.RunEntry(**{**fields, **changes})


def make_ranked(**changes: Any) -> transfer_service_pb2.CreateSweepRequest:
    """Ranked results of another engine: two stacks of rules on two symbols, the best first."""
    stack = {"entry": ["sma_above(10,30)", "rsi_below(14,70)"], "exit": []}
    metrics: dict[str, Any] = {"win_rate": 0.6, "sharpe_ratio": 1.25, "trades_total": 25, "trades_won": 15, "trades_lost": 10}
    best = {**metrics, "average_trade_return": 0.02, "max_drawdown": -0.2}
    results: list[dict[str, Any]] = [
        {
            "symbol": "GOOG",
            "parameters": stack,
            "metrics": best,
            "edge_score": 0.7,
        },
        {"symbol": "AAPL", "parameters": {"entry": ["momentum_above(90,0)"], "size": 0.5}, "metrics": metrics, "edge_score": 0.6},
        {"symbol": "GOOG", "parameters": {}, "metrics": {"sharpe_ratio": -0.5}},
    ]
    fields: dict[str, Any] = {
        "create_time": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "spec": run_pb2.RunSpec(strategy="rule_stack", dataset="wiki", start_date="2010-01-04", end_date="2010-12-31"),
        "results": [transfer_service_pb2.SweepResultEntry(**{**each, "metrics": run_pb2.Metrics(**each["metrics"])}) for each in results],
        "rank_by": "edge_score",
        "provenance": run_pb2.Provenance(engine_kind="vectorbt", engine_version="0.27"),
        "strategy_type": "rules",
        "labels": {"from": "notebook"},
        "execution_seconds": 12.5,
    }
    return transfer_service_pb2.CreateSweepRequest(**{**fields, **changes})


class Transfers:
    """The verbs on a database, asked directly."""

    def __init__(self, database: Database) -> None:
        self._creation, self._exports, self._imports = RunCreation(database), RunExports(database), RunImports(database)
        self._sweep_creation = SweepCreation(SweepRecording(database))
        self.servicer = TransferServicer(self._creation, self._sweep_creation, self._exports, self._imports)

    async def create(self, entries: Sequence[transfer_service_pb2.RunEntry]) -> list[transfer_service_pb2.CreatedRun]:
        return await self._creation.batch_create_runs(entries)

    async def create_sweep(self, request: transfer_service_pb2.CreateSweepRequest) -> tuple[str, bool]:
        return await self._sweep_creation.create_sweep(request)

    async def export(self, filter_text: str = "", form: int = transfer_service_pb2.EXPORT_FORMAT_JSON) -> bytes:
        return b"".join([chunk async for chunk in self._exports.export_runs(filter_text, form)])

    async def take(self, file: bytes) -> list[transfer_service_pb2.ImportRunsResponse]:
        return [answer async for answer in self._imports.import_runs(parts_of(file))]


class ThroughGrpc(Transfers):
    """The same on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def create(self, entries: Sequence[transfer_service_pb2.RunEntry]) -> list[transfer_service_pb2.CreatedRun]:
        with as_raised():
            return list((await self._stub.BatchCreateRuns(transfer_service_pb2.BatchCreateRunsRequest(runs=entries))).runs)

    async def create_sweep(self, request: transfer_service_pb2.CreateSweepRequest) -> tuple[str, bool]:
        with as_raised():
            answer = await self._stub.CreateSweep(request)
        return answer.sweep_id, answer.created

    async def export(self, filter_text: str = "", form: int = transfer_service_pb2.EXPORT_FORMAT_JSON) -> bytes:
        request = transfer_service_pb2.ExportRunsRequest(filter=filter_text, format=form)  # type: ignore[arg-type] # any number, as on the wire
        with as_raised():
            return b"".join([answer.chunk async for answer in self._stub.ExportRuns(request)])

    async def take(self, file: bytes) -> list[transfer_service_pb2.ImportRunsResponse]:
        requests = (transfer_service_pb2.ImportRunsRequest(chunk=part) async for part in parts_of(file))
        with as_raised():
            return [answer async for answer in self._stub.ImportRuns(requests)]


async def parts_of(file: bytes) -> AsyncIterator[bytes]:
    """A file as it is sent."""
    for start in range(0, len(file), PART_BYTES):
        yield file[start : start + PART_BYTES]


def lines_of(file: bytes) -> list[Any]:
    """The lines of an export in JSON."""
    return [json.loads(line) for line in file.splitlines()]


def file_of(lines: Sequence[Any]) -> bytes:
    """Lines as a file."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.fixture
async def transfer_stub(database: Database) -> AsyncIterator[Any]:
    """A client of TransferService on the test's database."""
    add = transfer_service_pb2_grpc.add_TransferServiceServicer_to_server
    async with served(add, Transfers(database).servicer) as target, open_aio_channel(target) as channel:
        yield transfer_service_pb2_grpc.TransferServiceStub(channel)


@pytest.fixture(params=["store", "grpc"])
def transfers(request: pytest.FixtureRequest, database: Database) -> Transfers:
    """The verbs, asked directly and through gRPC."""
    return Transfers(database) if request.param == "store" else ThroughGrpc(request.getfixturevalue("transfer_stub"))
