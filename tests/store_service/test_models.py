"""What the database itself guards, and what people see in it with psql."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import exc as sql_errors
from sqlalchemy import func, text, update

from store_service.database import Database
from store_service.models import MAX_NOTE_CHARS, METRIC_COLUMNS, SORTABLE_METRICS, runs
from store_service.recording.store import RecordingStore
from store_service.strategies.suggestions import SuggestionStore
from store_service.sweeps.recording import SweepRecording
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors
from tests.fix_runs import make_events, make_finished, make_sessions, make_spec, make_started, new_run_id, session_dates, whole_run
from tests.fix_strategies import PAGE_TOKENS, make_suggestion, make_version, run_of, strategies_of
from tests.fix_sweeps import sent, whole_sweep


async def recorded(database: Database, events: list[run_pb2.RunEvent]) -> uuid.UUID:
    run_id = events[0].started.run_id
    await RecordingStore(database, lease_seconds=30).append(run_id, 1, 1, events)
    return uuid.UUID(run_id)


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("ck_runs_state_known", {"state": 6}),
        ("ck_runs_capital_base_positive", {"capital_base": 0.0}),
        ("ck_runs_dates_in_order", {"end_date": date(1999, 1, 1)}),
        ("ck_runs_next_sequence_positive", {"next_sequence": 0}),
        ("ck_runs_trades_add_up", {"trades_lost": 1_000}),
        ("ck_runs_max_drawdown_not_positive", {"max_drawdown": 0.5}),
        ("ck_runs_finish_time_when_ended", {"finish_time": None}),
        ("ck_runs_lease_until_ended", {"state": 2, "finish_time": None}),
        ("ck_runs_sweep_number_with_sweep", {"sweep_number": 1}),
        ("ck_runs_note_length", {"note": ""}),
        ("ck_runs_note_length", {"note": "n" * (MAX_NOTE_CHARS + 1)}),
        ("ck_runs_purge_time_with_delete_time", {"delete_time": func.now()}),
        ("ck_runs_purge_time_with_delete_time", {"purge_time": func.now()}),
        ("ck_runs_purge_time_with_delete_time", {"delete_time": func.now(), "purge_time": func.now() - timedelta(days=1)}),
        (
            "ck_runs_deleted_when_ended",
            {"state": 2, "finish_time": None, "lease_expire_time": func.now(), "delete_time": func.now(), "purge_time": func.now()},
        ),
    ],
)
async def test_the_database_refuses_what_can_not_be(module_database: Database, constraint: str, values: dict[str, Any]) -> None:
    run_id = await recorded(module_database, whole_run())
    with pytest.raises(sql_errors.IntegrityError, match=constraint):
        await _set(module_database, run_id, values)


async def test_the_database_refuses_a_replay_of_nothing(module_database: Database) -> None:
    run_id = await recorded(module_database, whole_run())
    with pytest.raises(errors.NotFound, match="replayed"):
        await _set(module_database, run_id, {"replay_of": uuid.uuid4()})


async def _set(database: Database, run_id: uuid.UUID, values: dict[str, Any]) -> None:
    async with database.transaction() as connection:
        await connection.execute(update(runs).where(runs.c.run_id == run_id).values(**values))


@pytest.mark.parametrize(
    ("constraint", "table", "change"),
    [
        ("ck_sweeps_state_known", "sweeps", "state = 4, result_count = 0"),
        ("ck_sweeps_source_known", "sweeps", "source = 0"),
        ("ck_sweeps_results_when_succeeded", "sweeps", "state = 3"),
        ("ck_sweep_results_number_positive", "sweep_results", "number = -number"),
        ("ck_sweep_results_trades_add_up", "sweep_results", "trades_won = trades_total + 1"),
        ("ck_sweep_results_max_drawdown_not_positive", "sweep_results", "max_drawdown = 0.5"),
        ("fk_sweep_results_sweep_id", "sweep_results", "sweep_id = gen_random_uuid()"),
    ],
)
async def test_the_database_refuses_sweeps_that_can_not_be(module_database: Database, constraint: str, table: str, change: str) -> None:
    await sent(SweepRecording(module_database), whole_sweep())
    with pytest.raises(sql_errors.IntegrityError, match=constraint):
        async with module_database.transaction() as connection:
            await connection.execute(text(f"UPDATE {table} SET {change}"))


async def test_the_results_of_a_sweep_go_with_it(module_database: Database) -> None:
    parts = whole_sweep()
    await sent(SweepRecording(module_database), parts)
    found = {"sweep_id": uuid.UUID(parts[0].started.sweep_id)}
    async with module_database.transaction() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM sweep_results WHERE sweep_id = :sweep_id"), found) == 6
        await connection.execute(text("DELETE FROM sweeps WHERE sweep_id = :sweep_id"), found)
        assert await connection.scalar(text("SELECT count(*) FROM sweep_results WHERE sweep_id = :sweep_id"), found) == 0


async def test_every_metric_has_a_column_of_its_own(module_database: Database) -> None:
    metrics = run_pb2.Metrics()
    for number, name in enumerate(METRIC_COLUMNS, 1):
        value: Any = -number if name == "max_drawdown" else 100 - number if name in SORTABLE_METRICS else f"2010-01-{number:02}"
        setattr(metrics, name, value)
    metrics.trades_total = 1_000
    run_id = await recorded(module_database, make_events(make_started(), make_finished(metrics=_fields(metrics))))
    async with module_database.reading() as connection:
        row = (await connection.execute(runs.select().where(runs.c.run_id == run_id))).one()._mapping
    for name in METRIC_COLUMNS:
        assert str(row[name]) == str(getattr(metrics, name))


def _fields(message: run_pb2.Metrics) -> dict[str, Any]:
    return {field.name: value for field, value in message.ListFields()}


async def test_a_view_has_one_row_for_each_session_with_its_return(module_database: Database) -> None:
    days = session_dates("2010-01-04", 4)
    batches = [make_sessions(days[:2], [110_000.0, 99_000.0]), make_sessions(days[2:], [99_000.0, 0.0])]
    run_id = await recorded(module_database, make_events(make_started(spec=make_spec(capital_base=100_000.0)), *batches))
    async with module_database.reading() as connection:
        query = text("SELECT session_date, portfolio_value, cash, session_return FROM run_sessions WHERE run_id = :id ORDER BY 1")
        rows = (await connection.execute(query, {"id": run_id})).all()
    assert [row.session_date for row in rows] == days
    assert [row.portfolio_value for row in rows] == [110_000.0, 99_000.0, 99_000.0, 0.0]
    assert [row.cash for row in rows] == [value for batch in batches for value in batch.cash]
    assert [row.session_return for row in rows] == [110_000.0 / 100_000.0 - 1, 99_000.0 / 110_000.0 - 1, 0.0, -1.0]


async def test_a_view_has_one_row_for_each_fill_with_its_symbol(module_database: Database) -> None:
    days = session_dates("2010-01-04", 2)
    batches = [make_sessions(days[:1], [1e5], "GOOG"), make_sessions(days[1:], [1e5], "AAPL")]
    run_id = await recorded(module_database, make_events(make_started(), *batches))
    async with module_database.reading() as connection:
        query = text("SELECT session_date, symbol, quantity, price, commission, order_number FROM run_fills WHERE run_id = :id ORDER BY 1")
        rows = (await connection.execute(query, {"id": run_id})).all()
    fills = [batch.fills[0] for batch in batches]
    assert [tuple(row) for row in rows] == [
        (day, fill.symbol, fill.quantity, fill.price, fill.commission, fill.order_number) for day, fill in zip(days, fills, strict=True)
    ]


async def test_texts_that_are_empty_are_null(module_database: Database) -> None:
    run_id = await recorded(module_database, make_events(make_started(new_run_id(), strategy_type="", request_id="")))
    async with module_database.reading() as connection:
        row = (await connection.execute(runs.select().where(runs.c.run_id == run_id))).one()
    assert (row.strategy_type, row.request_id, row.benchmark_symbol, row.result_digest) == (None, None, None, None)


@pytest.mark.parametrize(
    ("constraint", "table", "change"),
    [
        ("ck_strategy_versions_parent_is_another", "strategy_versions", "parent_version_id = version_id"),
        ("fk_strategy_versions_parent_version_id", "strategy_versions", "parent_version_id = gen_random_uuid()"),
        ("ck_run_iterations_iteration_positive", "run_iterations", "iteration = -iteration"),
        ("uq_run_iterations_strategy", "run_iterations", "iteration = 1"),
        ("ck_suggestions_priority_known", "suggestions", "priority = 4"),
        ("uq_suggestions_request_id", "suggestions", "request_id = 'same'"),
        ("fk_suggestions_run_id", "suggestions", "run_id = gen_random_uuid()"),
        ("fk_run_iterations_run_id", "run_iterations", "run_id = gen_random_uuid()"),
        ("fk_run_batches_run_id", "run_batches", "run_id = gen_random_uuid()"),
        ("fk_round_trips_run_id", "round_trips", "run_id = gen_random_uuid()"),
        ("run_id", "round_trips", "run_id = NULL"),
    ],
)
async def test_the_database_refuses_strategies_that_can_not_be(module_database: Database, constraint: str, table: str, change: str) -> None:
    await strategies_of(module_database).create_version(make_version())
    runs_of_it = [str(await recorded(module_database, run_of())) for _ in range(2)]
    for run_id in runs_of_it:
        await SuggestionStore(module_database, PAGE_TOKENS).create_suggestion(make_suggestion(run_id))
    with pytest.raises((sql_errors.IntegrityError, errors.CallError), match=constraint):
        async with module_database.transaction() as connection:
            await connection.execute(text(f"UPDATE {table} SET {change}"))
