"""Many runs out of one: by SQL, because recording 100,000 of them takes minutes."""

from __future__ import annotations

import psycopg
from google.protobuf.descriptor import FieldDescriptor

from store_service.models import runs
from tapedeck.v1 import run_pb2

_CHANGED = {
    "run_id": "new_id",
    "create_time": "create_time - n * interval '1 minute'",
    "spec_digest": "encode(sha256(convert_to(new_id::text, 'UTF8')), 'hex')",
    # The id is the first field of RunStarted, after its tag and its length.
    "started": "overlay(started placing convert_to(new_id::text, 'UTF8') from 3)",
}
"""What is a run's own. Metrics that are doubles vary too."""

_DOUBLES = [field.name for field in run_pb2.Metrics.DESCRIPTOR.fields if field.type == FieldDescriptor.TYPE_DOUBLE]


def fill(database_url: str, count: int) -> None:
    """Copy the only run of a store until there are `count` of them, with other ids, times and metrics."""
    expressions = {name: f"{name} * (0.5 + random())" for name in _DOUBLES} | _CHANGED
    names = [column.name for column in runs.columns]
    statement = (
        f"INSERT INTO runs ({', '.join(names)}) SELECT {', '.join(expressions.get(name, name) for name in names)} "
        f"FROM runs, generate_series(1, {count - 1}) AS n, LATERAL (SELECT gen_random_uuid() AS new_id WHERE n > 0) AS ids"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE runs")
