"""Restoring and verifying: every value comes back, and whatever is wrong is found before it matters."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL

from store_service.backup import programs
from store_service.backup.connection import BackupFailed, connected, conninfo, schema_revision
from store_service.backup.contents import differences, is_empty, read_contents
from store_service.backup.dump import take_backup
from store_service.backup.files import Backup, BackupFolder, digest_of
from store_service.backup.programs import find_programs
from store_service.backup.restoring import restore_backup, verify_backup
from store_service.database import parse_url
from store_service.migrations import head_revision, migrate
from store_service.models import metadata
from tests.store_service.backup.conftest import NOW, dropped, wait_for_connections


def altered(backup: Backup, folder: Path, **manifest: Any) -> Backup:
    """A copy of the backup, with a changed manifest."""
    copied = Backup(folder / backup.path.name)
    shutil.copy(backup.path, copied.path)
    noted = json.loads(backup.path.with_suffix(".json").read_text()) | manifest
    copied.path.with_suffix(".json").write_text(json.dumps(noted))
    return copied


def scratch_databases(url: URL) -> list[tuple[str]]:
    """Databases that this process made and did not drop."""
    with psycopg.connect(conninfo(url)) as connection:
        return connection.execute(
            f"SELECT datname FROM pg_database WHERE datname LIKE 'tapedeck_scratch_{os.getpid()}_%'".encode()
        ).fetchall()


def rows_of(url: URL) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table as text, which for doubles is exact."""
    with psycopg.connect(conninfo(url)) as connection:
        return {
            name: connection.execute(f"SELECT t::text FROM {name} t ORDER BY 1".encode()).fetchall()
            for name in (*metadata.tables, "alembic_version")
        }


def test_a_round_trip_brings_every_value_of_every_table_back(filled: URL, backup: Backup) -> None:
    with dropped(filled, "round_trip") as restored:
        assert restore_backup(filled, backup, NOW, into="round_trip") is None
        before, after = rows_of(filled), rows_of(restored)
        assert all(before[table] for table in ("runs", "run_batches", "round_trips", "sweeps", "sweep_results"))
        assert after == before
        with connected(filled) as source, connected(restored) as target:
            assert read_contents(source) == read_contents(target)


def test_a_value_that_changed_in_the_restored_database_is_found(filled: URL, backup: Backup) -> None:
    with dropped(filled, "changed") as restored:
        restore_backup(filled, backup, NOW, into="changed")
        with connected(restored) as connection:
            connection.execute("UPDATE run_batches SET fill_price[1] = fill_price[1] + 0.01 WHERE sequence = 2")
            connection.execute("DELETE FROM sweep_results WHERE number = 6")
            found = differences(backup.manifest().tables, read_contents(connection))
    assert found == ["public.run_batches has other values", "public.sweep_results has 5 rows and had 6"]


def test_a_good_backup_is_verified_and_leaves_no_database_behind(filled: URL, backup: Backup) -> None:
    assert verify_backup(filled, backup) == backup.manifest()
    assert scratch_databases(filled) == []


def test_every_installation_that_is_new_enough_takes_and_verifies_backups(filled: URL, backup: Backup, tmp_path: Path) -> None:
    server = backup.manifest().server_major
    complete = [folder for folder in programs._folders() if programs._is_complete(folder)]
    fitting = [folder for folder in complete if programs._major(folder) >= server]
    assert fitting
    for number, folder in enumerate(fitting):
        taken = take_backup(filled, BackupFolder(tmp_path / str(number)), NOW, folder)
        assert taken.manifest().dump_major == programs._major(folder)
        verify_backup(filled, taken, folder)


def test_what_is_restored_and_not_what_was_backed_up_is_named(filled: URL, backup: Backup, tmp_path: Path) -> None:
    tables = json.loads(backup.path.with_suffix(".json").read_text())["tables"]
    tables["public.sweeps"]["digest"] = "0" * 64
    with pytest.raises(BackupFailed, match=r"is not what was backed up: public\.sweeps has other values$"):
        verify_backup(filled, altered(backup, tmp_path, tables=tables))
    assert scratch_databases(filled) == []


def test_one_changed_byte_is_found_before_anything_is_restored(filled: URL, backup: Backup, tmp_path: Path) -> None:
    damaged = altered(backup, tmp_path)
    content = bytearray(damaged.path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.path.write_bytes(content)
    with pytest.raises(BackupFailed, match="is damaged"):
        verify_backup(filled, damaged)
    with pytest.raises(BackupFailed, match="is damaged"):
        restore_backup(filled, damaged, NOW, into="never_made")


def test_an_empty_database_is_filled_as_a_whole_or_stays_empty(
    filled: URL, backup: Backup, empty_database_url: str, tmp_path: Path
) -> None:
    target = parse_url(empty_database_url)
    cut = altered(backup, tmp_path)
    cut.path.write_bytes(backup.path.read_bytes()[:-3_000])
    cut = altered(cut, tmp_path / "..", size_bytes=cut.path.stat().st_size, sha256=digest_of(cut.path))
    with pytest.raises(BackupFailed, match="pg_restore failed: "):
        restore_backup(target, cut, NOW)
    with connected(target) as connection:
        assert is_empty(connection)
    restore_backup(target, backup, NOW)
    assert rows_of(target) == rows_of(filled)


def test_what_the_server_refuses_to_execute_is_said_and_undone(backup: Backup, empty_database_url: str) -> None:
    target = parse_url(empty_database_url)
    with connected(target) as connection:
        connection.execute("CREATE VIEW runs AS SELECT 1")  # in the way, and no table
    with pytest.raises(BackupFailed, match=r'psql failed: .*relation "runs" already exists'):
        restore_backup(target, backup, NOW)
    with connected(target) as connection:
        assert is_empty(connection)


def test_a_database_that_is_not_empty_is_refused_unless_told(filled: URL, backup: Backup, database_url: str) -> None:
    with pytest.raises(BackupFailed, match=r"is not empty: restore into another one \(--into\), or replace it \(--replace\)"):
        restore_backup(parse_url(database_url), backup, NOW)
    with pytest.raises(BackupFailed, match="is not empty"):
        restore_backup(filled, backup, NOW, into=str(parse_url(database_url).database))


def test_a_replaced_database_is_kept_under_another_name(filled: URL, backup: Backup, database_url: str) -> None:
    target = parse_url(database_url)
    with connected(target) as connection:
        connection.execute("CREATE TABLE precious AS SELECT 42 AS answer")
    wait_for_connections(target, "true", 0)
    kept = restore_backup(target, backup, NOW, replace=True)
    assert kept == f"{target.database}_before_20260102_030405"
    with dropped(filled, kept) as before:
        assert rows_of(target) == rows_of(filled)
        with connected(before) as connection:
            assert connection.execute("SELECT answer FROM precious").fetchone() == (42,)
    assert scratch_databases(filled) == []


def test_autovacuum_is_no_use_of_a_database(backup: Backup, database_url: str, postgres_url: str) -> None:
    target = parse_url(database_url)
    slow = "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_insert_threshold = 1"
    with connected(target) as connection:
        connection.execute(f"CREATE TABLE large WITH ({slow}) AS SELECT generate_series(1, 100000) AS number".encode())
    with connected(parse_url(postgres_url)) as server:
        server.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        server.execute("SELECT pg_reload_conf()")
        try:
            wait_for_connections(target, "backend_type = 'autovacuum worker'", 1)
            wait_for_connections(target, "backend_type = 'client backend'", 0)
            kept = restore_backup(target, backup, NOW, replace=True)
        finally:
            server.execute("ALTER SYSTEM RESET autovacuum_naptime")
            server.execute("SELECT pg_reload_conf()")
    assert kept is not None
    with dropped(parse_url(postgres_url), kept) as before, connected(before) as connection:
        assert connection.execute("SELECT count(*) FROM large").fetchone() == (100_000,)


def test_a_database_in_use_is_not_replaced(backup: Backup, database_url: str) -> None:
    target = parse_url(database_url)
    with connected(target), pytest.raises(BackupFailed, match="is in use: stop the store first"):
        restore_backup(target.set(database="postgres"), backup, NOW, into=target.database, replace=True)


def test_a_user_who_may_not_create_databases_is_told_so(filled: URL, backup: Backup) -> None:
    with connected(filled) as connection:
        connection.execute("CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
        try:
            with pytest.raises(BackupFailed, match=r"^PostgreSQL says: permission denied to create database$"):
                verify_backup(filled.set(username="clerk", password="clerk"), backup)
        finally:
            connection.execute("DROP ROLE clerk")


def test_an_older_schema_is_migrated_after_the_comparison(empty_database_url: str, tmp_path: Path) -> None:
    old = parse_url(empty_database_url)
    migrate(old, "0001")
    taken = take_backup(old, BackupFolder(tmp_path), NOW)
    assert taken.manifest().revision == "0001"
    with dropped(old, "from_an_older_release") as restored:
        restore_backup(old, taken, NOW, into=restored.database)
        with connected(restored) as connection:
            assert schema_revision(connection) == head_revision()
            assert "public.sweeps" in read_contents(connection)


def test_a_newer_schema_is_refused(filled: URL, backup: Backup, tmp_path: Path) -> None:
    newer = altered(backup, tmp_path, revision="9999")
    with pytest.raises(BackupFailed, match="has schema revision 9999, newer than this version of the store, which knows revisions up to"):
        restore_backup(filled, newer, NOW, into="never_made")


def test_a_dump_of_a_newer_pg_dump_asks_for_a_newer_pg_restore(filled: URL, backup: Backup, tmp_path: Path) -> None:
    folder = find_programs(None, backup.manifest().server_major).folder
    with pytest.raises(BackupFailed, match="this needs a pg_dump and pg_restore of PostgreSQL 99 or newer"):
        verify_backup(filled, altered(backup, tmp_path, dump_major=99), folder)
