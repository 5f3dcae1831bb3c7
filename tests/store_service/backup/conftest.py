"""A database with something in every table, and one backup of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import URL

from store_service.backup.connection import conninfo
from store_service.backup.dump import take_backup
from store_service.backup.files import Backup, BackupFolder
from store_service.database import Database, parse_url
from store_service.recording.store import RecordingStore
from store_service.sweeps.recording import SweepRecording
from tapedeck.v1 import run_pb2
from tests.fix_runs import recorder, whole_run
from tests.fix_sweeps import sent, whole_sweep

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

PATIENCE_SECONDS = 60
"""How long a busy machine may take for what takes a moment."""


@pytest.fixture(scope="module")
async def filled(module_database: Database, module_database_url: str) -> URL:
    """A database with three runs, one of them not ended, and a sweep; tests only read it."""
    record = recorder(RecordingStore(module_database, lease_seconds=30))
    await record()
    await record(whole_run(state=run_pb2.RUN_STATE_FAILED))
    await record(whole_run()[:2])
    assert (await sent(SweepRecording(module_database), whole_sweep()))[-1].recorded
    return parse_url(module_database_url)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> BackupFolder:
    """Where the module's backup is."""
    return BackupFolder(tmp_path_factory.mktemp("backups"))


@pytest.fixture(scope="module")
def backup(filled: URL, folder: BackupFolder) -> Backup:
    """A backup of `filled`; tests only read it."""
    return take_backup(filled, folder, NOW)


def connections(url: URL, condition: str) -> int:
    """How many other connections of the database there are that fulfil a condition on pg_stat_activity."""
    with psycopg.connect(conninfo(url.set(database="postgres"))) as connection:
        statement = f"SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND ({condition})"
        row = connection.execute(statement.encode(), [url.database]).fetchone()
    assert row is not None
    return int(row[0])


def wait_for_connections(url: URL, condition: str, wanted: int) -> None:
    """Ask until so many connections fulfil a condition: the server notices later than the client that one was closed."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (found := connections(url, condition)) != wanted:
        assert time.monotonic() < end, f"{found} connections, not {wanted}: {condition}"


@contextmanager
def dropped(url: URL, name: str) -> Iterator[URL]:
    """A database that the test makes; it is gone at the end."""
    try:
        yield url.set(database=name)
    finally:
        with psycopg.connect(conninfo(url), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
