"""Fixtures of the system tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_pair import free_addresses

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
"""Where Debian puts PostgreSQL 15."""

PASSWORD = "right"


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, as the user that Debian made for it when we are root: it refuses to be root."""
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run([PROGRAMS / program, *arguments], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def postgres_15() -> Iterator[str]:
    """The URL of Debian's PostgreSQL 15, on loopback with a password, as an operator would give it."""
    folder = Path(tempfile.mkdtemp(prefix="tapedeck-15-"))
    data, secret = folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, secret):
            shutil.chown(path, "postgres")
    try:
        access = ("--username", "tapedeck", "--auth", "scram-sha-256", "--pwfile", str(secret))
        _run("initdb", "--pgdata", str(data), "--encoding", "UTF8", *access)
        (address,) = free_addresses(1)
        host, _, port = address.rpartition(":")
        options = f"-c listen_addresses={host} -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        _run("pg_ctl", "start", "--wait", "--pgdata", str(data), "--options", options, "--log", str(folder / "log"))
        try:
            yield f"postgresql://tapedeck:{PASSWORD}@{address}/postgres"
        finally:
            _run("pg_ctl", "stop", "--mode", "immediate", "--pgdata", str(data))
    finally:
        shutil.rmtree(folder)
