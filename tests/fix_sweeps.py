"""Sweeps for tests: parts as an engine sends them, recorded through the real recording of sweeps, and a client of SweepService."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from store_service.database import Database
from store_service.models import COUNT_METRICS, RESULT_METRICS
from store_service.page_token import PageTokens, derive_key
from store_service.runs.engine import Engine
from store_service.runs.store import RunStore
from store_service.sweeps.promotion import Promotions
from store_service.sweeps.recording import SweepAck, SweepRecording
from store_service.sweeps.servicer import SweepServicer
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import record_service_pb2, run_pb2, sweep_pb2, sweep_service_pb2_grpc
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_replays import served
from tests.fix_runs import make_provenance, make_spec, new_run_id

Part = record_service_pb2.RecordSweepRequest
RecordSweep = Callable[..., Awaitable[str]]

FASTS, SLOW = (5, 10, 15), 30
"""The parameters of a sweep: three values of one, the same value of the other."""


def make_sweep_spec(**changes: Any) -> sweep_pb2.SweepSpec:
    """A sweep as an engine executes it: three combinations, each symbol by runs of its own."""
    fields: dict[str, Any] = {
        "spec": make_spec(parameters={"slow": SLOW}),
        "grid": {"fast": FASTS},
        "symbol_grouping": sweep_pb2.SYMBOL_GROUPING_EACH,
        "rank_by": "sharpe_ratio",
        "engine": run_pb2.ENGINE_CHOICE_AUTO,
    }
    return sweep_pb2.SweepSpec(**{**fields, **changes})


def make_sweep_started(sweep_id: str | None = None, **changes: Any) -> sweep_pb2.SweepStarted:
    """The first part's content: a sweep of six results."""
    sweep = changes.pop("sweep", None) or make_sweep_spec()
    fields: dict[str, Any] = {
        "sweep_id": sweep_id or new_run_id(),
        "sweep": sweep,
        "provenance": make_provenance(engine_kind="kernel"),
        "result_count": len(FASTS) * len(sweep.spec.symbols),
        "skipped_count": 1,
        "session_count": 252,
        "labels": {"team": "alpha"},
        "create_time": datetime.now(UTC),
        "strategy_type": "trend",
    }
    return sweep_pb2.SweepStarted(**{**fields, **changes})


def metric_value(metric: str, number: int) -> float:
    """What the results of tests have, all of it different and exact."""
    value = RESULT_METRICS.index(metric) + number / 8
    if metric == "max_drawdown":
        return -value
    if metric in COUNT_METRICS:
        return {"trades_total": 1_000.0}.get(metric, float(number))
    return value


def make_results(
    numbers: Iterable[int],
    symbols: Sequence[str] = (),
    *,
    fasts: Sequence[float] = FASTS,
    metrics: Mapping[str, Sequence[float | None]] | None = None,
) -> sweep_pb2.SweepResults:
    """Results with these numbers; `metrics` are values of some metrics, None where they are undefined."""
    places = list(numbers)
    results = sweep_pb2.SweepResults(numbers=places, symbols=symbols)
    results.parameters.add(name="fast", numbers=[fasts[(number - 1) % len(fasts)] for number in places])
    for metric in RESULT_METRICS:
        values = (metrics or {}).get(metric) or [metric_value(metric, number) for number in places]
        results.metrics.add(
            metric=metric,
            values=[0.0 if value is None else value for value in values],
            undefined=[n for n, value in enumerate(values) if value is None],
        )
    return results


def result_digest(*results: sweep_pb2.SweepResults) -> str:
    """SHA-256 over the metrics, result by result, as the contract defines it."""
    digest = hashlib.sha256()
    for message in results:
        for place in range(len(message.numbers)):
            for column in message.metrics:
                value = float("nan") if place in column.undefined else column.values[place]
                digest.update(struct.pack("<d", value))
    return digest.hexdigest()


def make_sweep_finished(*results: sweep_pb2.SweepResults, **changes: Any) -> sweep_pb2.SweepFinished:
    """The last part's content."""
    count = sum(len(message.numbers) for message in results)
    fields: dict[str, Any] = {
        "state": sweep_pb2.SWEEP_STATE_SUCCEEDED,
        "result_count": count,
        "result_digest": result_digest(*results),
        "execution_seconds": 0.25,
    }
    return sweep_pb2.SweepFinished(**{**fields, **changes})


def make_parts(
    started: sweep_pb2.SweepStarted, results: Sequence[sweep_pb2.SweepResults], finished: sweep_pb2.SweepFinished | None = None
) -> list[Part]:
    """The parts of a sweep; without `finished` those of one that went well."""
    return [Part(started=started), *(Part(results=each) for each in results), Part(finished=finished or make_sweep_finished(*results))]


def whole_sweep(
    started: sweep_pb2.SweepStarted | None = None, metrics: Mapping[str, Sequence[float | None]] | None = None, **results: Any
) -> list[Part]:
    """All parts of a sweep of six results in two messages; `metrics` are values of all results."""
    opening = started or make_sweep_started()
    symbols = [symbol for symbol in opening.sweep.spec.symbols for _ in FASTS]
    halves = []
    for numbers in (range(1, 5), range(5, len(symbols) + 1)):
        chosen = {name: values[numbers[0] - 1 : numbers[-1]] for name, values in (metrics or {}).items()}
        halves.append(make_results(numbers, symbols[numbers[0] - 1 : numbers[-1]], metrics=chosen, **results))
    return make_parts(opening, halves)


def without_results(state: sweep_pb2.SweepState, started: sweep_pb2.SweepStarted | None = None, **finished: Any) -> list[Part]:
    """The parts of a sweep that was cancelled or failed."""
    return make_parts(started or make_sweep_started(), [], sweep_pb2.SweepFinished(state=state, **finished))


async def each(parts: Iterable[Part]) -> AsyncIterator[Part]:
    """The parts, as a stream has them."""
    for part in parts:
        yield part


async def sent(recording: SweepRecording, parts: Iterable[Part]) -> list[SweepAck]:
    """The answers to a sweep."""
    async with aclosing(recording.record(each(parts))) as acks:
        return [ack async for ack in acks]


@pytest.fixture
def sweep_recording(database: Database) -> SweepRecording:
    """What records sweeps, on the test's database."""
    return SweepRecording(database)


@pytest.fixture
def sweep_store(database: Database) -> SweepStore:
    """What serves sweeps, on the test's database."""
    return SweepStore(database, PageTokens(derive_key("tests")))


@pytest.fixture
def record_sweep(sweep_recording: SweepRecording) -> RecordSweep:
    """Records parts, by default those of a whole sweep, and returns the sweep's id."""

    async def do(parts: Sequence[Part] | None = None) -> str:
        every = whole_sweep() if parts is None else parts
        assert (await sent(sweep_recording, every))[-1].recorded
        return every[0].started.sweep_id

    return do


@pytest.fixture
async def promotions(sweep_store: SweepStore, run_store: RunStore, engine_target: str) -> AsyncIterator[Promotions]:
    """Promotions on the engine of the tests."""
    async with open_aio_channel(engine_target) as channel:
        yield Promotions(sweep_store, run_store, Engine(channel))


@pytest.fixture
async def sweep_stub(sweep_store: SweepStore, promotions: Promotions) -> AsyncIterator[sweep_service_pb2_grpc.SweepServiceStub]:
    """A client of the whole SweepService, with an engine behind it."""
    async with (
        served(sweep_service_pb2_grpc.add_SweepServiceServicer_to_server, SweepServicer(sweep_store, promotions)) as target,
        open_aio_channel(target) as channel,
    ):
        yield sweep_service_pb2_grpc.SweepServiceStub(channel)
