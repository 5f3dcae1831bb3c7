"""The commands, as an operator runs them."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL

from store_service.__main__ import main
from store_service.backup.command import age_text, backup_folder, list_backups, size_text
from store_service.backup.files import Backup, BackupFolder
from store_service.backup.programs import find_programs
from store_service.settings import Settings
from tests.store_service.backup.conftest import dropped
from tests.store_service.backup.test_restoring import rows_of
from tests.store_service.test_main import command, last_line


def noting_programs(folder: Path, at_least: int) -> Path:
    """PostgreSQL's programs, which write down their arguments before they do their work."""
    real = find_programs(None, at_least)
    folder.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/arguments\nexec {real.folder}/{name} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def test_a_backup_is_taken_listed_verified_and_restored_without_showing_the_password(filled: URL, backup: Backup, tmp_path: Path) -> None:
    url = filled if filled.password else filled.set(password="pass-word")
    programs = noting_programs(tmp_path / "bin", backup.manifest().server_major)
    environment = {
        "TAPEDECK_DATABASE_URL": url.set(drivername="postgresql").render_as_string(hide_password=False),
        "TAPEDECK_BACKUP_DIR": str(tmp_path / "backups"),
        "TAPEDECK_BACKUP_RETENTION_DAYS": "2",
        "TAPEDECK_PG_BIN": str(programs),
    }
    expired = BackupFolder(tmp_path / "backups").path / "tapedeck-20200101T000000Z.dump"
    expired.parent.mkdir()
    expired.write_text("old")

    taken = command("backup", environment=environment)
    assert taken.returncode == 0, taken.stderr
    said, deleted = (json.loads(line) for line in taken.stderr.splitlines())
    assert (said["event"], deleted["event"], deleted["backup"], expired.exists()) == ("backed up", "deleted", expired.stem, False)

    listed = command("backups", environment=environment | {"TAPEDECK_DATABASE_URL": ""})
    heading, row = listed.stdout.splitlines()
    assert heading.split() == ["BACKUP", "SIZE", "AGE", "RUNS", "SCHEMA"]
    assert (row.split()[0], row.split()[-2]) == (said["backup"], "3")

    verified = last_line(command("verify-backup", environment=environment).stderr)
    rows = sum(content.row_count for content in backup.manifest().tables.values())
    assert (verified["event"], verified["backup"], verified["rows"]) == ("verified", said["backup"], rows)

    with dropped(filled, "by_command") as restored:
        done = command("restore", "latest", "--into", "by_command", environment=environment)
        assert (done.returncode, last_line(done.stderr)["event"]) == (0, "restored")
        assert rows_of(restored) == rows_of(filled)
        refused = command("restore", str(said["backup"]), environment=environment)
        assert (refused.returncode, len(refused.stderr.splitlines()), last_line(refused.stderr)["event"]) == (1, 1, "can't restore")
        assert "is not empty" in str(last_line(refused.stderr)["why"])

    noted = (programs / "arguments").read_text()
    assert {line.split()[0] for line in noted.splitlines()} == {"pg_dump", "pg_restore", "psql"}
    assert str(url.password) not in noted + taken.stderr + listed.stdout + done.stderr + refused.stderr


def test_a_database_that_can_not_be_reached_is_said_in_one_line(tmp_path: Path) -> None:
    url = "postgresql://user:pass-word@127.0.0.1:1/tapedeck"
    ended = command("backup", environment={"TAPEDECK_DATABASE_URL": url, "TAPEDECK_BACKUP_DIR": str(tmp_path)})
    assert (ended.returncode, len(ended.stderr.splitlines()), last_line(ended.stderr)["event"]) == (1, 1, "can't backup")
    assert "Connection refused" in str(last_line(ended.stderr)["why"])
    assert "pass-word" not in ended.stderr


def test_a_backup_without_a_manifest_is_listed_as_such_and_an_empty_folder_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    settings = Settings(backup_dir=tmp_path)
    list_backups(settings)
    assert capsys.readouterr().out == f"there is no backup in {tmp_path}\n"
    (tmp_path / "tapedeck-20200101T000000Z.dump").write_text("old")
    list_backups(settings)
    _heading, row = capsys.readouterr().out.splitlines()
    assert row.split("  ")[0] == "tapedeck-20200101T000000Z"
    assert row.split()[1:3] == ["3", "B"]
    assert row.endswith("?     no manifest")


def test_backups_are_beside_the_data_unless_told_otherwise(tmp_path: Path) -> None:
    assert backup_folder(Settings(data_dir=tmp_path)).path == tmp_path / "backups"
    assert backup_folder(Settings(data_dir=tmp_path, backup_dir=tmp_path / "other")).path == tmp_path / "other"


@pytest.mark.parametrize("arguments", [["restore"], ["backup", "--into", "x"], ["unknown"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["store_service", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "usage: python -m store_service" in capsys.readouterr().err


def test_sizes_are_read_by_people() -> None:
    sizes = [0, 999, 1_000, 1_550_000, 999_949, 999_950, 2_000_000_000, 5 * 10**15]
    assert [size_text(size) for size in sizes] == ["0 B", "999 B", "1.0 kB", "1.6 MB", "999.9 kB", "1.0 MB", "2.0 GB", "5000.0 TB"]


def test_ages_are_read_by_people() -> None:
    ages = [timedelta(seconds=5), timedelta(seconds=119), timedelta(minutes=2), timedelta(hours=1), timedelta(hours=47), timedelta(days=40)]
    assert [age_text(age) for age in ages] == ["5 seconds", "119 seconds", "2 minutes", "60 minutes", "47 hours", "40 days"]
