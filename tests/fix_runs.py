"""Runs for tests: events as an engine sends them, recorded through the real recording store."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from store_service.database import Database
from store_service.page_token import PageTokens, derive_key
from store_service.recording.store import RecordingStore
from store_service.runs.organizing import RunOrganizer
from store_service.runs.records import RunRecords
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2

SYMBOLS = ("GOOG", "AAPL")
FINGERPRINT = "f" * 64

_counter = itertools.count()

Record = Callable[..., Awaitable[str]]


def new_run_id() -> str:
    """A UUID, version 7: later ones are greater."""
    milliseconds = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (next(_counter) % 4096 << 64) | (2 << 62) | (uuid.uuid4().int >> 66)))


def session_dates(start: str, count: int) -> list[date]:
    """The first weekdays from a date on."""
    days = (date.fromisoformat(start) + timedelta(days=offset) for offset in itertools.count())
    return list(itertools.islice((day for day in days if day.weekday() < 5), count))


def yyyymmdd(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def make_spec(**changes: Any) -> run_pb2.RunSpec:
    """A spec as an engine executes it, with every default filled in."""
    fields: dict[str, Any] = {
        "strategy": "sma_crossover",
        "parameters": {"fast": 10, "slow": 30},
        "dataset": "wiki",
        "dataset_fingerprint": FINGERPRINT,
        "symbols": SYMBOLS,
        "start_date": "2010-01-04",
        "end_date": "2010-12-31",
        "interval": "1d",
        "capital_base": 100_000.0,
        "seed": 0,
    }
    return run_pb2.RunSpec(**{**fields, **changes})


def make_provenance(**changes: Any) -> run_pb2.Provenance:
    """What executed the run."""
    fields: dict[str, Any] = {
        "strategy_import_path": "engine_service.strategies.sma_crossover",
        "strategy_version": "0.1.0",
        "strategy_source_digest": "a" * 64,
        "dataset_fingerprint": FINGERPRINT,
        "calendar": "XNYS",
        "calendar_start_date": "1990-01-02",
        "calendar_end_date": "2018-12-31",
        "engine_kind": "zipline",
        "engine_version": "3.1.1",
        "versions": {"python": "3.11.7", "numpy": "2.4.6"},
        "platform": "Linux x86_64",
    }
    return run_pb2.Provenance(**{**fields, **changes})


def make_started(run_id: str | None = None, *, spec: run_pb2.RunSpec | None = None, **changes: Any) -> run_pb2.RunStarted:
    """The first event's content."""
    executed = spec or make_spec()
    fields: dict[str, Any] = {
        "run_id": run_id or new_run_id(),
        "spec": executed,
        "provenance": make_provenance(dataset_fingerprint=executed.dataset_fingerprint),
        "spec_digest": "d" * 64,
        "session_count": 3,
        "labels": {"team": "alpha"},
        "create_time": datetime.now(UTC),
        "strategy_type": "trend",
    }
    return run_pb2.RunStarted(**{**fields, **changes})


def make_sessions(days: Sequence[date], values: Sequence[float], symbol: str = SYMBOLS[0]) -> run_pb2.SessionBatch:
    """A batch in which the first session buys 10 units and the last sees a dividend."""
    dates = [yyyymmdd(day) for day in days]
    return run_pb2.SessionBatch(
        session_dates=dates,
        portfolio_values=values,
        cash=[value / 3 for value in values],
        mark_prices=[value / 30 for value in values],
        fills=[run_pb2.Fill(session_date=dates[0], symbol=symbol, quantity=10, price=100.1, commission=0.01, order_number=1)],
        orders=[
            run_pb2.Order(session_date=dates[0], symbol=symbol, target_weight=0.5, quantity=10, filled=10, order_number=1),
            run_pb2.Order(session_date=dates[-1], symbol=symbol, quantity=-10, order_number=2, cancelled=True),
        ],
        positions=[run_pb2.Position(session_date=dates[0], symbol=symbol, quantity=10, cost_basis=100.101)],
        corporate_actions=[
            run_pb2.CorporateAction(
                session_date=dates[-1],
                symbol=symbol,
                kind=run_pb2.CorporateAction.KIND_DIVIDEND_EARNED,
                quantity=10,
                cash=2.5,
                dividend_per_share=0.25,
            )
        ],
    )


def make_finished(state: int = run_pb2.RUN_STATE_SUCCEEDED, **changes: Any) -> run_pb2.RunFinished:
    """The last event's content; `metrics` are changes to those of a run that went well."""
    metrics: Mapping[str, Any] = {"total_return": 0.02, "sharpe_ratio": 1.0, "max_drawdown": -0.01, "trades_total": 1, "trades_won": 0}
    metrics = {**metrics, "trades_lost": 0, "win_rate": 0.0, "final_portfolio_value": 102_000.0, **changes.pop("metrics", {})}
    fields: dict[str, Any] = {"state": state, "recorded": True, "execution_seconds": 0.5, "session_count": 3}
    if state == run_pb2.RUN_STATE_SUCCEEDED:
        trip = run_pb2.RoundTrip(symbol=SYMBOLS[0], entry_date="2010-01-04", exit_date="2010-01-06", quantity=10, pnl=12.5)
        fields |= {"metrics": {key: value for key, value in metrics.items() if value is not None}, "result_digest": "e" * 64}
        fields |= {"round_trips": [trip]}
    elif state == run_pb2.RUN_STATE_FAILED:
        fields |= {"error": run_pb2.RunError(reason="STRATEGY_FAILED", message="ValueError: no", session_date="2010-01-06")}
    return run_pb2.RunFinished(**{**fields, **changes})


def make_events(*contents: run_pb2.RunStarted | run_pb2.SessionBatch | run_pb2.RunFinished) -> list[run_pb2.RunEvent]:
    """The contents as events with their sequences."""
    names: dict[type, Any] = {run_pb2.RunStarted: "started", run_pb2.SessionBatch: "sessions", run_pb2.RunFinished: "finished"}
    events = []
    for number, content in enumerate(contents, 1):
        events.append(run_pb2.RunEvent(sequence=number))
        getattr(events[-1], names[type(content)]).CopyFrom(content)
    return events


def whole_run(
    run_id: str | None = None,
    *,
    state: int = run_pb2.RUN_STATE_SUCCEEDED,
    started: Mapping[str, Any] | None = None,
    finished: Mapping[str, Any] | None = None,
    **spec: Any,
) -> list[run_pb2.RunEvent]:
    """All events of a run of three sessions in two batches; other keywords change its spec."""
    days = session_dates(spec.get("start_date", "2010-01-04"), 3)
    symbol = spec.get("symbols", SYMBOLS)[0]
    return make_events(
        make_started(run_id, spec=make_spec(**spec), **(started or {})),
        make_sessions(days[:2], [100_000.0, 101_000.0], symbol),
        make_sessions(days[2:], [102_000.0], symbol),
        make_finished(state, **(finished or {})),
    )


@pytest.fixture
def recording_store(database: Database) -> RecordingStore:
    """The store's writing half on the test's database."""
    return RecordingStore(database, lease_seconds=30)


@pytest.fixture
def run_store(database: Database) -> RunStore:
    """The store's reading half on the test's database."""
    return RunStore(database, PageTokens(derive_key("tests")))


@pytest.fixture
def run_records(database: Database) -> RunRecords:
    """What the runs of the test's database have recorded."""
    return RunRecords(database)


@pytest.fixture
def run_organizer(database: Database, run_store: RunStore) -> RunOrganizer:
    """What changes and deletes the runs of the test's database, which can be brought back for a day."""
    return RunOrganizer(database, run_store, purge_after=timedelta(days=1))


@pytest.fixture
def record(recording_store: RecordingStore) -> Record:
    """Records events, by default those of a whole run, and returns the run's id."""
    return recorder(recording_store)


def recorder(recording_store: RecordingStore) -> Record:
    """What `record` does, on another store."""

    async def do(events: Sequence[run_pb2.RunEvent] | None = None, *, epoch: int = 1) -> str:
        sent = whole_run() if events is None else events
        await recording_store.append(sent[0].started.run_id, epoch, sent[0].sequence, sent)
        return sent[0].started.run_id

    return do
