"""Taking backups of a database that is at work."""

from __future__ import annotations

import asyncio
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from store_service.backup import dump
from store_service.backup.connection import BackupFailed, conninfo
from store_service.backup.dump import take_backup
from store_service.backup.files import Backup, BackupFolder
from store_service.backup.programs import find_programs
from store_service.backup.restoring import verify_backup
from store_service.database import parse_url
from store_service.migrations import LOCK_KEY, head_revision
from tests.fix_runs import Record
from tests.store_service.backup.conftest import NOW, wait_for_connections


def test_a_backup_says_what_it_holds(backup: Backup) -> None:
    manifest = backup.checked()
    rows = {table: content.row_count for table, content in manifest.tables.items()}
    assert (manifest.create_time, manifest.revision) == (NOW, head_revision())
    assert (rows["public.runs"], rows["public.run_batches"], rows["public.sweeps"], rows["public.sweep_results"]) == (3, 5, 1, 6)
    assert backup.path.read_bytes().startswith(b"PGDMP"), "pg_restore's custom format"


async def test_a_backup_taken_while_runs_are_recorded_is_of_one_moment(database_url: str, record: Record, tmp_path: Path) -> None:
    url = parse_url(database_url)
    taking = asyncio.create_task(asyncio.to_thread(take_backup, url, BackupFolder(tmp_path), NOW))
    recorded = 0
    while not taking.done():
        await record()
        recorded += 1
    taken = await taking
    manifest = await asyncio.to_thread(verify_backup, url, taken)
    runs, batches, trips = (manifest.tables[f"public.{table}"].row_count for table in ("runs", "run_batches", "round_trips"))
    assert runs <= recorded
    assert (batches, trips) == (2 * runs, runs)


def test_a_migration_that_is_under_way_is_waited_for_and_part_of_the_backup(database_url: str, tmp_path: Path) -> None:
    url = parse_url(database_url)
    with ThreadPoolExecutor(1) as threads, psycopg.connect(conninfo(url), autocommit=True) as migrator:
        migrator.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        taking = threads.submit(take_backup, url, BackupFolder(tmp_path), NOW)
        wait_for_connections(url, "application_name = 'tapedeck-backup' AND wait_event_type = 'Lock'", 1)
        migrator.execute("ALTER TABLE alembic_version ADD COLUMN added integer DEFAULT 7")
        migrator.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])
        verify_backup(url, taking.result())


def test_a_migration_that_takes_long_is_said(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "LOCK_WAIT", "1ms")
    url = parse_url(database_url)
    with psycopg.connect(conninfo(url), autocommit=True) as migrator:
        migrator.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        with pytest.raises(BackupFailed, match="the database is being migrated, and still was after 1ms: back it up when that is done"):
            take_backup(url, BackupFolder(tmp_path), NOW)


def test_no_migration_begins_while_a_dump_is_written(filled: URL, backup: Backup, tmp_path: Path) -> None:
    real = find_programs(None, backup.manifest().server_major)
    for name in ("pg_restore", "psql"):
        (tmp_path / name).symlink_to(real.folder / name)
    ask = f'{real.folder}/psql -XAtc "SELECT pg_try_advisory_lock({LOCK_KEY})" > {tmp_path}/free'
    (tmp_path / "pg_dump").write_text(f'#!/bin/sh\ntest "$1" = --version || {ask}\nexec {real.folder}/pg_dump "$@"\n')
    (tmp_path / "pg_dump").chmod(0o755)
    take_backup(filled, BackupFolder(tmp_path / "backups"), NOW, tmp_path)
    assert (tmp_path / "free").read_text() == "f\n"


def test_a_database_without_the_schema_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="has no Tapedeck schema"):
        take_backup(parse_url(empty_database_url), BackupFolder(tmp_path), NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_dump_that_fails_leaves_nothing_behind(filled: URL, folder: BackupFolder, backup: Backup, tmp_path: Path) -> None:
    real = find_programs(None, backup.manifest().server_major)
    for name in ("pg_dump", "pg_restore", "psql"):
        (tmp_path / name).symlink_to(real.folder / name)
    (tmp_path / "pg_dump").unlink()
    # Writes the dump and then fails, as on a full disk.
    (tmp_path / "pg_dump").write_text(f'#!/bin/sh\n{real.folder}/pg_dump "$@"; echo pg_dump: error: no room >&2; test "$1" = --version\n')
    (tmp_path / "pg_dump").chmod(0o755)
    with pytest.raises(BackupFailed, match="no room"):
        take_backup(filled, folder, NOW + timedelta(hours=1), tmp_path)
    assert {path.name for path in folder.path.iterdir()} == {f"{backup.name}.dump", f"{backup.name}.json", "lock"}


def test_a_server_newer_than_pg_dump_is_said(filled: URL, tmp_path: Path) -> None:
    for name in ("pg_dump", "pg_restore", "psql"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(BackupFailed, match=r"this needs a pg_dump and pg_restore of PostgreSQL \d+ or newer, and those in .* are of 9"):
        take_backup(filled, BackupFolder(tmp_path / "backups"), NOW, tmp_path)


def test_pg_restore_reads_a_dump_by_hand(backup: Backup) -> None:
    programs = find_programs(None, backup.manifest().dump_major)
    listing = subprocess.run([programs.folder / "pg_restore", "--list", backup.path], check=True, capture_output=True, text=True).stdout
    assert "TABLE DATA public sweep_results" in listing
    assert b"sma_crossover" not in backup.path.read_bytes(), "rows are compressed"


def test_no_snapshot_and_no_connection_stays_behind(filled: URL, backup: Backup) -> None:
    wait_for_connections(filled, "application_name IN ('tapedeck-backup', 'pg_dump')", 0)
