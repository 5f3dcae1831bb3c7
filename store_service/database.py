"""The database: connections, transactions, and what its errors mean.

Driver errors are translated here, once, by SQLSTATE and constraint name, never by their text; the one exception is a refused connection,
for which PostgreSQL's client library has nothing but text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.pq import Format
from psycopg.rows import AsyncRowFactory, TupleRow
from sqlalchemy import URL, PoolProxiedConnection, event, make_url, text
from sqlalchemy import exc as sql_errors
from sqlalchemy.ext.asyncio import AsyncConnection as Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

from store_service.arrays import register_arrays
from store_service.migrations import head_revision, is_known_revision
from store_service.settings import Settings
from tapedeck_rpc import errors

CONNECT_TIMEOUT_SECONDS = 5
"""A server that does not answer is away; readiness asks again two seconds later."""

RETRY_AFTER_SECONDS = 1.0
"""When to try again after the database was away: it takes a moment to come back, and clients spread their tries themselves."""

CLASH_RETRY_AFTER_SECONDS = 0.1
"""When to try again after a deadlock or a lock held for long: the other transaction is done by then."""

_AWAY = ("08", "53", "57P", "58", "25006", "42P01", "42703")
"""How SQLSTATEs begin that mean that the database can't be worked with now: connection lost, out of resources, shut down or starting,
system error, a standby that was not promoted yet, no such table or column (it is being migrated)."""

_CLASHES = {"40001", "40P01", "55P03"}
"""SQLSTATEs: serialization failure, deadlock, a lock held for too long."""

_CANCELLED = "57014"
"""SQLSTATE: the statement took longer than its timeout."""

_IDLE = "25P03"
"""SQLSTATE: a transaction was left waiting for longer than its idle_in_transaction_session_timeout."""

_VALUE_STATES = {"22003", "22021", "22P05"}
"""SQLSTATEs: number out of range, text with U+0000 or not in UTF-8."""

_CONSTRAINTS: dict[str, errors.CallError] = {
    "fk_runs_replay_of": errors.NotFound("the run that is replayed does not exist", reason="RUN_NOT_FOUND"),
}
"""What a violated constraint means to the caller; those not named here are checked before, so they are bugs of ours."""

_REFUSALS = {
    "password authentication failed": "the database refused the password",
    "no password supplied": "the database asks for a password and the URL has none",
    'FATAL:  role "': "the database knows no such user",
    'FATAL:  database "': "the database server has no such database",
    "no pg_hba.conf entry": "the database server does not accept this user from this host",
    "invalid connection option": "the database URL has an unknown option",
}
"""Refused connections that trying again does not help, by what the text contains."""


class Misconfigured(Exception):
    """The store can't work with this database until somebody changes something; the text is one sentence that says what."""


class _BinaryCursor(AsyncCursor[TupleRow]):
    """Asks for results in the binary format: arrays arrive as bytes, not as text."""

    def __init__(self, connection: AsyncConnection[Any], *, row_factory: AsyncRowFactory[TupleRow] | None = None) -> None:
        super().__init__(connection, row_factory=row_factory or connection.row_factory)
        self.format = Format.BINARY


class Database:
    """Owns the pool of connections; `close` it."""

    def __init__(self, url: str, settings: Settings) -> None:
        parsed = parse_url(url)
        timeouts = {"statement_timeout": settings.statement_timeout_seconds, "lock_timeout": settings.lock_timeout_seconds}
        options = " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in timeouts.items())
        self._engine = create_async_engine(
            parsed,
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            pool_recycle=settings.pool_recycle_seconds,
            pool_pre_ping=settings.pool_pre_ping,
            hide_parameters=True,
            connect_args={
                "cursor_factory": _BinaryCursor,
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": "tapedeck-store",
                "options": f"{parsed.query.get('options', '')} {options}".strip(),
            },
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self._engine.sync_engine, "connect", self._opened)
        event.listen(self._engine.sync_engine, "checkin", self._given_back)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back when anything is raised.

        Raises:
            CallError: what the database said, in words for the caller.
        """
        with translated():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def driver_transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Like `transaction`, on the driver's own connection: for the one that every run needs, without SQLAlchemy's cost.

        Raises:
            CallError: what the database said, in words for the caller.
        """
        with translated():
            pooled = await self._engine.raw_connection()
            driver = pooled.driver_connection
            assert isinstance(driver, AsyncConnection)
            try:
                yield driver
                await driver.commit()
            except BaseException as error:
                # Given back, it is rolled back; shielded, because this task may have been cancelled.
                await asyncio.shield(greenlet_spawn(pooled.invalidate if driver.closed else pooled.close))
                if driver.closed and isinstance(error, psycopg.OperationalError):
                    await self._engine.dispose()  # the server went away: the other connections that wait in the pool are dead too
                raise
            await greenlet_spawn(pooled.close)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection on which every statement stands alone: a read needs no BEGIN and no COMMIT.

        Raises:
            CallError: what the database said, in words for the caller.
        """
        with translated():
            async with self._reading.connect() as connection:
                yield connection

    def _opened(self, connection: PoolProxiedConnection, entry: ConnectionPoolEntry) -> None:
        driver = connection.driver_connection
        assert isinstance(driver, AsyncConnection)
        register_arrays(driver)
        entry.info["pool"] = self._engine.pool

    def _given_back(self, _connection: object, entry: ConnectionPoolEntry) -> None:
        """Close a connection whose pool was disposed of while it was in use: there nobody would find it again."""
        if entry.info.get("pool") is not self._engine.pool:
            entry.invalidate()

    async def verify(self) -> None:
        """Make sure that the store can work with the database.

        Raises:
            Misconfigured: it can't, and waiting does not help: credentials refused, or the schema is not this version's.
            Unavailable: the database can't be reached now.
        """
        with diagnosed():
            async with self.reading() as connection:
                has_schema = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
                revision = await connection.scalar(text("SELECT version_num FROM alembic_version")) if has_schema else None
        problem = _schema_problem(revision)
        if problem is not None:
            raise Misconfigured(problem)

    async def check(self) -> str | None:
        """Readiness: None when the store can work, else one sentence that says why it can't."""
        try:
            await self.verify()
        except Misconfigured as error:
            return str(error)
        except errors.CallError as error:
            return error.message
        return None


def parse_url(url: str) -> URL:
    """The URL with the driver that the store uses.

    Raises:
        Misconfigured: it is not the URL of a PostgreSQL database. The text does not repeat it: it may hold a password.
    """
    problem = "TAPEDECK_DATABASE_URL is not the URL of a PostgreSQL database, such as postgresql://user:password@host:5432/tapedeck"
    try:
        parsed = make_url(url)
    except (sql_errors.ArgumentError, ValueError):
        raise Misconfigured(problem) from None
    if parsed.drivername not in {"postgresql", "postgres", "postgresql+psycopg"} or not parsed.database:
        raise Misconfigured(problem)
    return parsed.set(drivername="postgresql+psycopg")


def _schema_problem(revision: str | None) -> str | None:
    head = head_revision()
    if revision is None:
        return "the database has no Tapedeck schema: run `python -m store_service migrate`"
    if not is_known_revision(revision):
        return f"the database's schema, revision {revision}, is newer than this version of the store, which knows revisions up to {head}"
    if revision != head:
        return f"the database's schema, revision {revision}, is older than {head}: run `python -m store_service migrate`"
    return None


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except sql_errors.TimeoutError as error:
        raise errors.Unavailable(
            "the store has no free connection to its database", reason="STORE_UNAVAILABLE", retry_after_seconds=RETRY_AFTER_SECONDS
        ) from error
    except (sql_errors.DBAPIError, psycopg.Error) as error:
        driver = error if isinstance(error, psycopg.Error) else error.orig
        meaning = _meaning(driver) if isinstance(driver, psycopg.Error) else None
        if meaning is None:
            raise
        raise meaning from error


@contextmanager
def diagnosed() -> Iterator[None]:
    """Turn the driver's errors into ours, and a connection that is refused for good into Misconfigured."""
    try:
        with translated():
            yield
    except errors.Unavailable as error:
        refusal = _refusal(error.__cause__)
        if refusal is not None:
            raise Misconfigured(refusal) from error
        raise


def _refusal(error: BaseException | None) -> str | None:
    """Why a connection was refused, if trying again does not help."""
    driver = error.orig if isinstance(error, sql_errors.DBAPIError) else None
    if not isinstance(driver, psycopg.OperationalError) or driver.sqlstate is not None:
        return None
    return next((sentence for said, sentence in _REFUSALS.items() if said in str(driver)), None)


def _meaning(error: psycopg.Error) -> errors.CallError | None:
    """What a driver error means to the caller; None for bugs of ours."""
    state = error.sqlstate or ""
    if state.startswith(_AWAY) or (not state and isinstance(error, psycopg.OperationalError)):
        return errors.Unavailable("the store's database is away", reason="STORE_UNAVAILABLE", retry_after_seconds=RETRY_AFTER_SECONDS)
    if state in _CLASHES:
        return errors.Aborted("it clashed with another change", reason="OVERLOADED", retry_after_seconds=CLASH_RETRY_AFTER_SECONDS)
    if state == _CANCELLED:
        return errors.DeadlineExceeded("the database took too long to answer", reason="DEADLINE_EXCEEDED")
    if state == _IDLE:
        return errors.DeadlineExceeded("the caller took too long to go on", reason="DEADLINE_EXCEEDED")
    if state in _VALUE_STATES or (not state and isinstance(error, psycopg.DataError)):
        return errors.InvalidArgument("a value is not one that the database can store or compare", reason="UNSTORABLE_VALUE")
    constraint = _CONSTRAINTS.get(error.diag.constraint_name or "")
    return constraint and type(constraint)(constraint.message, reason=constraint.reason)
