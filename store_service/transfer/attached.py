"""What is kept beside a run and goes with it into another store: suggestions about it, and the version of its strategy."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic_core import to_json
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import SUGGESTION_COLUMNS, to_suggestion, to_version
from store_service.models import runs
from store_service.recording.checks import is_instant
from store_service.recording.driver import DriverStatement
from store_service.strategies import queries
from store_service.strategies.checks import check_version
from store_service.strategies.suggestions import suggestion_values
from store_service.strategy_models import suggestions
from store_service.transfer.lines import at_line
from store_service.violations import refuse
from tapedeck.v1 import run_pb2, strategy_pb2, strategy_service_pb2

_SUGGESTIONS = (
    select(*SUGGESTION_COLUMNS)
    .join(runs)
    .where(suggestions.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(suggestions.c.create_time, suggestions.c.suggestion_id)
)
# As JSON, which a thread makes: one parameter, however many there are.
_KEEP_SUGGESTIONS = DriverStatement(
    text("""
    INSERT INTO suggestions (run_id, priority, description, specific_changes, expected_impact, rationale, "references",
                             create_time, request_digest)
    SELECT run_id, priority, description, specific_changes, expected_impact, rationale, "references", create_time, request_digest
    FROM json_populate_recordset(NULL::suggestions, :suggestions)
""")
)


class ExportedVersions:
    """Versions of strategies on their way into a file: each is written once, before the first line that needs it ends."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._sources: set[tuple[str, str]] = set()
        self._written: set[uuid.UUID] = set()

    async def needed_by(self, started: run_pb2.RunStarted) -> list[strategy_pb2.StrategyVersion]:
        """The version of a run, after those it was made from; none of those that were needed before."""
        source = (started.spec.strategy, started.provenance.strategy_source_digest)
        if source in self._sources:
            return []
        self._sources.add(source)
        named = {"name": source[0], "source_digest": source[1]}
        version_id: uuid.UUID | None = await self._connection.scalar(queries.VERSION_OF_SOURCE, named)
        found = []
        while version_id is not None and version_id not in self._written:
            row = (await self._connection.execute(queries.GET_VERSION, {"version_id": version_id})).one()
            found.append(to_version(row, row.source_code))
            self._written.add(version_id)
            version_id = row.parent_version_id
        return found[::-1]


class ImportedVersions:
    """Versions of strategies on their way out of a file: known by the ids that they have in it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._ids: dict[str, uuid.UUID] = {}

    async def keep(self, versions: Iterable[strategy_pb2.StrategyVersion], line: int) -> None:
        """Keep those that are not here.

        Raises:
            InvalidArgument: everything that is wrong with one of them.
        """
        for version in versions:
            request = strategy_service_pb2.CreateStrategyVersionRequest(
                name=version.name, source_code=version.source_code, parameters=version.parameters, notes=version.notes
            )
            with at_line(line):
                check_version(request)
                _check_time(version.create_time)
            named = {"name": version.name, "source_digest": hashlib.sha256(version.source_code.encode()).hexdigest()}
            values: dict[str, Any] = {
                "source_code": version.source_code,
                "parameters": MessageToDict(version.parameters),
                "parent_version_id": self._ids.get(version.parent_version_id),
                "notes": version.notes or None,
                "create_time": version.create_time.ToDatetime(tzinfo=UTC),
            }
            await self._connection.execute(queries.INSERT_VERSION, {**named, **values})
            here = await self._connection.execute(queries.VERSION_OF_SOURCE, named)
            self._ids[version.version_id] = here.scalar_one()


async def suggestions_of(connection: AsyncConnection, run_ids: Sequence[uuid.UUID]) -> dict[str, list[strategy_pb2.Suggestion]]:
    """What is suggested about some runs, oldest first, by the id of the run."""
    found: dict[str, list[strategy_pb2.Suggestion]] = {str(run_id): [] for run_id in run_ids}
    for row in await connection.execute(_SUGGESTIONS, {"run_ids": run_ids}):
        found[str(row.run_id)].append(to_suggestion(row))
    return found


async def keep_suggestions(connection: AsyncConnection, about: Iterable[tuple[uuid.UUID, strategy_pb2.Suggestion, datetime]]) -> None:
    """Attach suggestions that have been checked: for each the run, which is new, and when it was made."""
    if kept := await asyncio.to_thread(_as_json, about):
        await _KEEP_SUGGESTIONS.run(connection, {"suggestions": kept})


def _as_json(about: Iterable[tuple[uuid.UUID, strategy_pb2.Suggestion, datetime]]) -> str:
    """Rows of `suggestions`; "" without any."""
    values = [{**suggestion_values(suggestion, run_id), "create_time": time} for run_id, suggestion, time in about]
    for row in values:
        row["request_digest"] = f"\\x{row['request_digest'].hex()}"
    return to_json(values).decode() if values else ""


def _check_time(time: Timestamp) -> None:
    if not is_instant(time):
        raise refuse("create_time", "must be an instant between the years 1970 and 9999")
