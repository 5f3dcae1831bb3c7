"""From a backup to a database: to verify it, or to work with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from psycopg import sql
from sqlalchemy import URL

from store_service.backup.connection import BackupFailed, connected, server_major
from store_service.backup.contents import differences, is_empty, read_contents
from store_service.backup.files import Backup, Manifest
from store_service.backup.programs import find_programs
from store_service.database import diagnosed
from store_service.migrations import head_revision, is_known_revision, migrate

_COPY_BYTES = 1 << 20
"""How much of a dump is in memory at a time."""

_SETTING_OF_17 = b"SET transaction_timeout"
"""A line that pg_restore writes from version 17 on whatever it restores into, and that older servers refuse."""

_OTHERS = "SELECT FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"
"""Who works with a database. Autovacuum has no user, and PostgreSQL ends it itself when a database is renamed. That it has none is for
everybody to see, the backend_type of others only for some."""


def verify_backup(url: URL, backup: Backup, program_folder: Path | None = None) -> Manifest:
    """Restore a backup into a database of its own on the server, and compare every table with what was noted when it was taken.

    Raises:
        BackupFailed: the file is damaged, can't be restored, or what it restores is not what was backed up.
    """
    manifest = backup.checked()
    with _new_database(url) as scratch:
        _fill(scratch, backup, manifest, program_folder)
    return manifest


def restore_backup(
    url: URL, backup: Backup, now: datetime, *, into: str | None = None, replace: bool = False, program_folder: Path | None = None
) -> str | None:
    """Restore a backup, compare it with what was noted, and bring its schema to this version's.

    An empty database is filled in one transaction. Anything else is made beside it, and takes the name when it is whole: a database that is
    replaced is kept under another name.

    Args:
        url: A database of the server; without `into` the one to restore.
        backup: What to restore.
        now: Names a database that is replaced.
        into: Another database of the same server, made when it is missing.
        replace: Whether the database may hold something.
        program_folder: Where pg_restore and psql are.

    Returns:
        The name that a replaced database has now.

    Raises:
        BackupFailed: the database is not empty or in use, the backup is of a newer version, or it can't be verified.
    """
    manifest = backup.checked()
    if not is_known_revision(manifest.revision):
        raise BackupFailed(
            f"{backup.name} has schema revision {manifest.revision}, newer than this version of the store, "
            f"which knows revisions up to {head_revision()}"
        )
    target = url.set(database=into) if into else url
    assert target.database is not None
    exists = _exists(url, target.database)
    if exists and _is_empty(target):
        _fill(target, backup, manifest, program_folder)
        _bring_up_to_date(target)
        return None
    if exists:
        _refuse_unless_replaceable(url, target.database, replace)
    with _new_database(url) as scratch:
        _fill(scratch, backup, manifest, program_folder)
        _bring_up_to_date(scratch)
        return _rename(scratch, target.database, now, exists=exists)


def _bring_up_to_date(url: URL) -> None:
    with diagnosed():
        migrate(url)


def _exists(url: URL, database: str) -> bool:
    with connected(url) as connection:
        return connection.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone() is not None


def _is_empty(url: URL) -> bool:
    with connected(url) as connection:
        return is_empty(connection)


def _refuse_unless_replaceable(url: URL, database: str, replace: bool) -> None:
    if not replace:
        raise BackupFailed(f"the database {database} is not empty: restore into another one (--into), or replace it (--replace)")
    with connected(url) as connection:
        others = connection.execute(_OTHERS, [database]).fetchone()
    if others is not None:
        raise BackupFailed(f"the database {database} is in use: stop the store first")


@contextmanager
def _new_database(url: URL) -> Iterator[URL]:
    """An empty database with the locale of another one; dropped at the end, unless it has another name by then."""
    name = f"tapedeck_scratch_{os.getpid()}_{os.urandom(4).hex()}"
    with connected(url) as connection:
        row = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert row is not None
        encoding, collate, ctype = (sql.Literal(value) for value in row)
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}")
        connection.execute(create.format(sql.Identifier(name), encoding, collate, ctype))
    try:
        yield url.set(database=name)
    finally:
        with connected(url) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _beside(url: URL) -> URL:
    """A database of the same server that every server has, and that is not this one: what is renamed must not be connected to."""
    return url.set(database="template1" if url.database == "postgres" else "postgres")


def _fill(url: URL, backup: Backup, manifest: Manifest, program_folder: Path | None) -> None:
    """Restore into an empty database, all or nothing, and compare."""
    with connected(url) as connection:
        server = server_major(connection)
        _load(url, backup.path, server, max(server, manifest.dump_major), program_folder)
        found = differences(manifest.tables, read_contents(connection))
    if found:
        raise BackupFailed(f"what {backup.name} restores is not what was backed up: {'; '.join(found)}")


def _load(url: URL, dump: Path, server: int, at_least: int, program_folder: Path | None) -> None:
    """Have psql execute what pg_restore writes, in one transaction, which is committed only when both have come to their end."""
    programs = find_programs(program_folder, at_least)
    reading = ("--file=-", "--no-owner", "--no-privileges", dump)
    executing = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-")
    with programs.running("psql", *executing, url=url, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as psql:
        assert psql.stdin is not None
        psql.stdin.write(b"BEGIN;\n")
        with programs.running("pg_restore", *reading, stdout=subprocess.PIPE) as pg_restore:
            assert pg_restore.stdout is not None
            for line in pg_restore.stdout:
                if server >= 17 or not line.startswith(_SETTING_OF_17):
                    psql.stdin.write(line)
                if line.startswith(b"SET client_encoding"):
                    break
            shutil.copyfileobj(pg_restore.stdout, psql.stdin, _COPY_BYTES)
        psql.stdin.write(b"COMMIT;\n")


def _rename(scratch: URL, database: str, now: datetime, *, exists: bool) -> str | None:
    """Give the new database its name; one that has it is kept under another."""
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    kept = f"{database}_before_{now:%Y%m%d_%H%M%S}" if exists else None
    with connected(_beside(scratch.set(database=database))) as connection, connection.transaction():
        if kept:
            connection.execute(rename.format(sql.Identifier(database), sql.Identifier(kept)))
        assert scratch.database is not None
        connection.execute(rename.format(sql.Identifier(scratch.database), sql.Identifier(database)))
    return kept
