"""Connections of the backup commands: synchronous, to any database of the server, and what their errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from store_service.database import CONNECT_TIMEOUT_SECONDS

LONG_WORK = """
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
"""Lifts the limits that a server may set on its users: reading everything takes as long as it takes."""


class BackupFailed(RuntimeError):
    """A backup can't be taken, verified or restored; the text is one sentence for the operator that says why."""


def conninfo(url: URL) -> str:
    """The connection as PostgreSQL's client library takes it, password included."""
    options = {word: value if isinstance(value, str) else ",".join(value) for word, value in url.query.items()}
    return make_conninfo(**url.translate_connect_args(username="user", database="dbname"), **options)


@contextmanager
def connected(url: URL) -> Iterator[psycopg.Connection]:
    """A connection without limits on time, on which every statement stands alone.

    Raises:
        BackupFailed: what PostgreSQL said, in one line; there is never a password in it.
    """
    try:
        with psycopg.connect(
            conninfo(url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS, application_name="tapedeck-backup"
        ) as connection:
            connection.execute(LONG_WORK)
            yield connection
    except psycopg.Error as error:
        said = error.diag.message_primary or " ".join(str(error).split()) or type(error).__name__
        raise BackupFailed(f"PostgreSQL says: {said}") from error


def server_major(connection: psycopg.Connection) -> int:
    """The server's version, such as 18."""
    return connection.info.server_version // 10_000


def schema_revision(connection: psycopg.Connection) -> str | None:
    """The revision of the database's schema; None when it has none."""
    (has_schema,) = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone() or (False,)
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_schema else None
    return str(row[0]) if row else None
