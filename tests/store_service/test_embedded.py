"""The embedded PostgreSQL: started, kept for the next time, stopped, whatever happened."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from store_service.embedded import embedded_postgres


@pytest.fixture
def folder() -> Iterator[Path]:
    # Right below the temporary folder: the path of a Unix socket has some 100 characters at most.
    made = Path(tempfile.mkdtemp(prefix="tapedeck-"))
    yield made
    shutil.rmtree(made)


def server_pid(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def test_what_is_written_is_there_the_next_time_and_nothing_is_left_running(folder: Path) -> None:
    with embedded_postgres(folder) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert not (folder / "postgres" / "postmaster.pid").exists()  # PostgreSQL removes it when it stops
    # In no transaction: there would be a commit to send to a server that is gone.
    with embedded_postgres(folder) as url, psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
        os.kill(server_pid(folder), signal.SIGQUIT)  # as if the machine had gone down
    with embedded_postgres(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_folder_serves_one_store_at_a_time(folder: Path) -> None:
    with (
        embedded_postgres(folder) as url,
        pytest.raises(RuntimeError, match="another store uses the data folder"),
        embedded_postgres(folder),
    ):
        pass
    assert url.startswith("postgresql://")


def test_it_says_so_when_it_does_not_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_postgres(folder):
        pass
    (folder / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    monkeypatch.setattr("store_service.embedded.START_SECONDS", 0.0)
    with pytest.raises(RuntimeError, match=r"does not start: see .*log"), embedded_postgres(folder):
        pass
