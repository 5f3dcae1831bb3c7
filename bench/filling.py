"""Many runs out of one: by SQL, because recording 100,000 of them takes minutes."""

from __future__ import annotations

from typing import Any

import psycopg
from google.protobuf.descriptor import FieldDescriptor

from store_service.models import runs
from store_service.recording.queries import NUMBER_RUNS
from store_service.strategies.rollups import ADD_RUNS
from tapedeck.v1 import run_pb2

STRATEGIES, SYMBOLS = 20, 500
"""Strategies and symbols among varied runs, all of them as often: a twentieth of the runs has each strategy."""

OFTEN_EVERY, SELDOM_COUNT = 20, 40
"""The word "often" is in every 20th note of varied runs. "seldom" is in 40 notes, and 40 runs have one spec, however many there are."""

_CHANGED = {
    "run_id": "new_id",
    "create_time": "create_time - n * interval '1 minute'",
    "spec_digest": "encode(sha256(convert_to(new_id::text, 'UTF8')), 'hex')",
    # The id is the first field of RunStarted, after its tag and its length.
    "started": "overlay(started placing convert_to(new_id::text, 'UTF8') from 3)",
}
"""What is a run's own. Metrics that are doubles vary too."""

_DOUBLES = [field.name for field in run_pb2.Metrics.DESCRIPTOR.fields if field.type == FieldDescriptor.TYPE_DOUBLE]

_INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'runs' "
    "AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = 'runs'::regclass)"
)


def fill(database_url: str, count: int, *, varied: bool = False) -> None:
    """Copy the only run of a store until there are `count` of them, with other ids, times and metrics.

    Args:
        database_url: The store's database.
        count: Runs in the end.
        varied: Whether strategies, symbols, labels and notes differ too, and runs have iterations and count in statistics.
    """
    expressions = {name: f"{name} * (0.5 + random())" for name in _DOUBLES} | _CHANGED | (_varied(count) if varied else {})
    names = [column.name for column in runs.columns]
    statement = (
        f"INSERT INTO runs ({', '.join(names)}) SELECT {', '.join(expressions.get(name, name) for name in names)} "
        f"FROM runs, generate_series(1, {count - 1}) AS n, LATERAL (SELECT gen_random_uuid() AS new_id WHERE n > 0) AS ids"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        indexes = _drop_indexes(connection)
        connection.execute(statement.encode())
        # One after the other is several times faster than all of them with every row.
        for index in indexes:
            connection.execute(index.encode())
        if varied:
            _count(connection)
        connection.execute("VACUUM ANALYZE runs, run_iterations")
        connection.execute("CHECKPOINT")  # what is written later is not the fill's


def _varied(count: int) -> dict[str, str]:
    """What differs among varied runs besides."""
    seldom_every = max(count // SELDOM_COUNT, 1)
    often, seldom = f"CASE WHEN n % {OFTEN_EVERY} = 7 THEN 'often' END", f"CASE WHEN n % {seldom_every} = 3 THEN 'seldom' END"
    return {
        "spec_digest": f"CASE WHEN n % {seldom_every} = 5 THEN spec_digest ELSE {_CHANGED['spec_digest']} END",
        "strategy": f"'strategy_' || n % {STRATEGIES}",
        "symbols": f"ARRAY['S' || n % {SYMBOLS}]",
        "labels": "jsonb_build_object('team', 'team_' || n % 50)",
        "note": f"concat_ws(' ', 'idea', 'a' || n % 997, 'b' || n % 1009, {often}, {seldom})",
    }


def _drop_indexes(connection: psycopg.Connection[Any]) -> list[str]:
    """Drop the indexes of `runs` that are not constraints; returns how to make them again."""
    made = connection.execute(_INDEXES.encode()).fetchall()
    for name, _ in made:
        connection.execute(f"DROP INDEX {name}".encode())
    return [definition for _, definition in made]


def _count(connection: psycopg.Connection[Any]) -> None:
    """Give runs their iterations, and their strategies statistics, by the store's own statements."""
    found = connection.execute("SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM run_iterations)")
    cursor, run_ids = psycopg.RawCursor(connection), [row[0] for row in found]
    for statement in (NUMBER_RUNS, ADD_RUNS):
        cursor.execute(statement.sql, statement.arguments({"run_ids": run_ids}))
