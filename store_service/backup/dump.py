"""Taking a backup: the dump and what proves it are of one moment, while writers go on recording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import IsolationLevel
from sqlalchemy import URL

from store_service.backup.connection import BackupFailed, connected, schema_revision, server_major
from store_service.backup.contents import read_contents
from store_service.backup.files import Backup, BackupFolder, Manifest, digest_of
from store_service.backup.programs import find_programs
from store_service.migrations import LOCK_KEY

LOCK_WAIT = "60s"
"""How long a backup waits for a migration that is under way, and pg_dump for a table: later is better than in its way."""


def take_backup(url: URL, folder: BackupFolder, now: datetime, program_folder: Path | None = None) -> Backup:
    """Back up the whole database.

    The rows are counted and digested on one connection while pg_dump writes them on another, in the same snapshot.
    Migrations wait until both are done: they would change what the one reads and not what the other wrote.

    Raises:
        BackupFailed: no schema, no fitting pg_dump, no room, a migration or another backup is under way; nothing is left in the folder.
    """
    with folder.writing(), folder.new_dump(now) as partial, connected(url) as connection, _snapshot(connection) as snapshot:
        revision = schema_revision(connection)
        if revision is None:
            raise BackupFailed("the database has no Tapedeck schema: there is nothing to back up")
        programs = find_programs(program_folder, server_major(connection))
        options = ("--format=custom", "--no-owner", "--no-privileges", "--no-password", f"--lock-wait-timeout={LOCK_WAIT}")
        with programs.running("pg_dump", *options, f"--snapshot={snapshot}", "--file", partial, url=url):
            tables = read_contents(connection)
        manifest = Manifest(
            create_time=now,
            revision=revision,
            server_major=server_major(connection),
            dump_major=programs.major,
            size_bytes=partial.stat().st_size,
            sha256=digest_of(partial),
            tables=tables,
        )
        return folder.keep(partial, manifest)


@contextmanager
def _snapshot(connection: psycopg.Connection) -> Iterator[str]:
    """A transaction that reads one moment, between migrations; its snapshot's name for other connections."""
    connection.execute(f"SET lock_timeout = '{LOCK_WAIT}'".encode())
    try:
        # Before the transaction: its first statement takes the snapshot, even one that then waits.
        connection.execute("SELECT pg_advisory_lock_shared(%s)", [LOCK_KEY])
    except psycopg.errors.LockNotAvailable:
        raise BackupFailed(f"the database is being migrated, and still was after {LOCK_WAIT}: back it up when that is done") from None
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction():
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield str(row[0])
