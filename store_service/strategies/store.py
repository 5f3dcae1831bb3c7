"""Versions of strategies, one method per verb. Knows the database and the nouns of the contract, not gRPC."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Any

from google.protobuf.json_format import MessageToDict
from sqlalchemy import Row

from store_service.conversions import id_violations, to_run, to_version
from store_service.database import Database
from store_service.filtering import condition
from store_service.page_token import PageTokens
from store_service.pages import Pages
from store_service.paging import parse_page_size
from store_service.strategies import queries, rollups
from store_service.strategies.checks import VersionRequest, check_name, check_version
from store_service.strategies.filter_fields import VERSION_FIELDS
from store_service.violations import Checks
from tapedeck.v1 import record_service_pb2, run_pb2, strategy_pb2, strategy_service_pb2
from tapedeck_rpc import errors


class StrategyStore:
    """Keeps versions, and finds them and their runs."""

    def __init__(self, database: Database, page_tokens: PageTokens) -> None:
        self._database = database
        self._pages = Pages(database, page_tokens)

    async def create_version(self, request: strategy_service_pb2.CreateStrategyVersionRequest) -> tuple[strategy_pb2.StrategyVersion, bool]:
        """Keep a version: the version, and whether it is new. A name and source code that are known give the one that is there.

        Raises:
            InvalidArgument: everything that is wrong with the request (INVALID_REQUEST, UNSTORABLE_VALUE).
            NotFound: there is no such parent (STRATEGY_VERSION_NOT_FOUND).
        """
        await asyncio.to_thread(check_version, request)
        parent = uuid.UUID(request.parent_version_id) if request.parent_version_id else None
        if parent is not None:
            await self._row(parent)
        version_id, is_new = await self._keep(request, parent, request.notes or None)
        return await self.get_version(str(version_id)), is_new

    async def register(self, request: record_service_pb2.RegisterStrategyRequest) -> str:
        """Keep the source code of an installed strategy: the id of its version. The parent of a new one is the newest of its name.

        Raises:
            InvalidArgument: everything that is wrong with the request (INVALID_REQUEST, UNSTORABLE_VALUE).
        """
        await asyncio.to_thread(check_version, request)
        async with self._database.reading() as connection:
            newest = await connection.scalar(queries.NEWEST_VERSION, {"name": request.name})
        return str((await self._keep(request, newest, None))[0])

    async def get_version(self, version_id: str) -> strategy_pb2.StrategyVersion:
        """One version, with its source code.

        Raises:
            InvalidArgument: the id is no UUID.
            NotFound: there is no such version (STRATEGY_VERSION_NOT_FOUND).
        """
        row = await self._row(_parse_version_id(version_id))
        return to_version(row, row.source_code)

    async def list_versions(
        self, *, filter_text: str = "", page_size: int = 0, page_token: str = ""
    ) -> tuple[list[strategy_pb2.StrategyVersion], str]:
        """A page of versions without their source code, newest first, and the token of the next one, empty at the end.

        Raises:
            InvalidArgument: the filter, the page size or the token is wrong; all of it at once.
        """
        checks = Checks()
        with checks:
            matching = condition(filter_text, VERSION_FIELDS)
        with checks:
            limit = parse_page_size(page_size)
        checks.done()
        rows, bound_to = queries.list_versions(matching), ("strategy_versions", filter_text)
        return await self._pages.read(rows, queries.NEWEST_FIRST, limit, page_token, bound_to, to_version)

    async def get_lineage(self, version_id: str) -> tuple[list[strategy_pb2.StrategyVersion], bool]:
        """The tree of a version, the root first and each after its parent, and whether there is more of it.

        Raises:
            InvalidArgument: the id is no UUID.
            NotFound: there is no such version (STRATEGY_VERSION_NOT_FOUND).
        """
        wanted = _parse_version_id(version_id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(queries.lineage(wanted, queries.MAX_LINEAGE + 1))).all()
        if not rows:
            raise _no_such_version(wanted)
        return [to_version(row) for row in rows[: queries.MAX_LINEAGE]], len(rows) > queries.MAX_LINEAGE

    async def list_runs(self, version_id: str, *, page_size: int = 0, page_token: str = "") -> tuple[list[run_pb2.Run], str]:
        """A page of a version's runs by iteration, in the BASIC view, and the token of the next one, empty at the end.

        Raises:
            InvalidArgument: the id, the page size or the token is wrong; all of it at once.
            NotFound: there is no such version (STRATEGY_VERSION_NOT_FOUND).
        """
        checks = Checks()
        with checks:
            wanted = _parse_version_id(version_id)
        with checks:
            limit = parse_page_size(page_size)
        checks.done()
        rows, bound_to = queries.list_runs(wanted), ("strategy_version_runs", str(wanted))
        page = await self._pages.read(rows, queries.BY_ITERATION, limit, page_token, bound_to, _to_basic_run)
        if not page[0]:
            await self._row(wanted)
        return page

    async def get_statistics(self, strategy: str) -> strategy_pb2.StrategyStatistics:
        """How the metrics of a strategy's runs are distributed; those of an unknown one are no runs.

        Raises:
            InvalidArgument: this can be the name of no strategy.
            DeadlineExceeded: computing it again after deletions takes too long; the next call goes on from there.
        """
        check_name(strategy, "strategy")
        async with self._database.reading() as connection:
            row = (await connection.execute(rollups.GET_STATISTICS, {"asked_strategy": strategy})).one()
        for slot in sorted(row.stale_slots or ()):
            async with self._database.transaction() as connection:
                await rollups.compute(connection, strategy, slot)
        if row.stale_slots:
            async with self._database.reading() as connection:
                row = (await connection.execute(rollups.GET_STATISTICS, {"asked_strategy": strategy})).one()
        return rollups.described(strategy, row)

    async def _keep(self, request: VersionRequest, parent: uuid.UUID | None, notes: str | None) -> tuple[uuid.UUID, bool]:
        """The id of the version, and whether it is new."""
        named = {"name": request.name, "source_digest": hashlib.sha256(request.source_code.encode()).hexdigest()}
        contents = {"source_code": request.source_code, "parameters": MessageToDict(request.parameters)}
        async with self._database.transaction() as connection:
            values = {**named, **contents, "parent_version_id": parent, "notes": notes}
            made: uuid.UUID | None = await connection.scalar(queries.INSERT_VERSION, values)
            if made is not None:
                return made, True
            known: uuid.UUID = (await connection.execute(queries.VERSION_OF_SOURCE, named)).scalar_one()
        return known, False

    async def _row(self, version_id: uuid.UUID) -> Row[*tuple[Any, ...]]:
        async with self._database.reading() as connection:
            row = (await connection.execute(queries.GET_VERSION, {"version_id": version_id})).one_or_none()
        if row is None:
            raise _no_such_version(version_id)
        return row


def _to_basic_run(row: Row[*tuple[Any, ...]]) -> run_pb2.Run:
    return to_run(row, full=False)


def _parse_version_id(text: str) -> uuid.UUID:
    violations = id_violations(text, "version_id", "strategy version")
    if violations:
        raise errors.InvalidArgument(violations=violations)
    return uuid.UUID(text)


def _no_such_version(version_id: uuid.UUID) -> errors.NotFound:
    message = f"there is no strategy version {version_id}"
    return errors.NotFound(message, reason="STRATEGY_VERSION_NOT_FOUND", metadata={"version_id": str(version_id)})
