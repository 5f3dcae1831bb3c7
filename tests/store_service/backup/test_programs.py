"""PostgreSQL's programs: found, new enough, and told where the database is without arguments."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from typing import IO

import pytest
from sqlalchemy import make_url

from store_service.backup import programs
from store_service.backup.connection import BackupFailed
from store_service.backup.programs import Programs, find_programs


def installation(folder: Path, major: int) -> Path:
    """Programs that do nothing but name their version."""
    folder.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {major}.3 (Debian {major}.3-1)"\n')
        (folder / name).chmod(0o755)
    return folder


def test_the_embedded_ones_are_found_when_the_path_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = find_programs(None, 18)
    assert found.major == 18
    assert found.folder.parts[-2:] == ("pginstall18", "bin")


def test_those_of_the_path_come_first_unless_they_are_too_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path = installation(tmp_path / "bin", 17)
    monkeypatch.setenv("PATH", str(on_path), prepend=os.pathsep)
    assert find_programs(None, 17) == Programs(on_path, 17)
    assert find_programs(None, 18).folder != on_path


def test_a_given_folder_is_the_only_one_looked_into(tmp_path: Path) -> None:
    given = installation(tmp_path / "bin", 16)
    assert find_programs(given, 15) == Programs(given, 16)
    with pytest.raises(BackupFailed, match=r"of PostgreSQL 18 or newer, and those in .*/bin are of 16: "):
        find_programs(given, 18)
    (given / "psql").unlink()
    with pytest.raises(BackupFailed, match=r"there are no pg_dump, pg_restore, psql in .*/bin"):
        find_programs(given, 15)


def test_the_connection_is_in_the_environment_and_the_stores_url_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK_DATABASE_URL", "postgresql://user:secret@host/other")
    url = make_url("postgresql+psycopg://us%40er:p%2Fw@db.example:6543/tapedeck?sslmode=verify-full&keepalives=1&application_name=mine")
    environment = programs._environment(url)
    wanted = {"PGHOST": "db.example", "PGPORT": "6543", "PGUSER": "us@er", "PGPASSWORD": "p/w", "PGDATABASE": "tapedeck"}
    assert wanted.items() <= environment.items()
    assert (environment["PGSSLMODE"], environment["PGAPPNAME"]) == ("verify-full", "mine")
    assert "TAPEDECK_DATABASE_URL" not in environment


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo pg_dump: error: no room >&2; echo hint >&2; exit 1", "pg_dump failed: pg_dump: error: no room"),
        ("echo goodbye >&2; exit 3", "pg_dump failed: goodbye"),
        ("exit 1", "pg_dump failed: it said nothing"),
    ],
)
def test_a_program_that_fails_is_quoted_in_one_line(tmp_path: Path, script: str, why: str) -> None:
    folder = installation(tmp_path / "bin", 18)
    (folder / "pg_dump").write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(BackupFailed) as failed, Programs(folder, 18).running("pg_dump"):
        pass
    assert str(failed.value) == why


@pytest.mark.parametrize(
    ("then", "raised", "text"),
    [
        (lambda stdin: stdin.flush(), BackupFailed, "psql failed: psql: error: no"),
        (lambda stdin: stdin.no_such_method(), AttributeError, "no_such_method"),
    ],
    ids=["it says why", "what was raised is not hidden by what was not written"],
)
def test_a_program_that_ends_before_it_has_read_everything(
    tmp_path: Path, then: Callable[[IO[bytes]], None], raised: type[Exception], text: str
) -> None:
    folder = installation(tmp_path / "bin", 18)
    (folder / "psql").write_text("#!/bin/sh\necho psql: error: no >&2\nexit 3\n")

    def feed() -> None:
        with Programs(folder, 18).running("psql", stdin=PIPE) as process:
            assert process.stdin is not None
            process.wait()
            process.stdin.write(b"more than it reads")
            then(process.stdin)

    with pytest.raises(raised, match=text):
        feed()


def test_a_program_does_not_outlive_what_it_is_run_for(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", 18)
    (folder / "pg_dump").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(ZeroDivisionError), Programs(folder, 18).running("pg_dump") as process:
        raise ZeroDivisionError
    assert process.returncode == -9
