"""The folder of backups: a dump and its manifest each, named by the time.

    tapedeck-20260102T030405Z.dump    what pg_dump wrote, compressed
    tapedeck-20260102T030405Z.json    the manifest: the dump's SHA-256, the schema's revision, row counts and digests of all tables

Both are written under another name. The dump is renamed last: one with its final name is whole and has its manifest, however the command
that wrote it ended.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from store_service.backup.connection import BackupFailed
from store_service.backup.contents import TableContent

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"tapedeck-(\d{8}T\d{6}Z)")


class Manifest(BaseModel):
    """What was known when the backup was taken; the tables' contents are of the same moment as the dump."""

    model_config = ConfigDict(frozen=True)

    format_version: Literal[1] = 1
    create_time: datetime
    revision: str
    """Of the schema."""
    server_major: int
    dump_major: int
    """Version of pg_dump: an older pg_restore can't read the dump."""
    size_bytes: int
    sha256: str
    """Of the dump, in hexadecimal."""
    tables: dict[str, TableContent]


@dataclass(frozen=True)
class Backup:
    """One backup, by the path of its dump."""

    path: Path

    @property
    def name(self) -> str:
        """What the commands call it."""
        return self.path.stem

    @property
    def create_time(self) -> datetime:
        """When it was taken, to the second."""
        return datetime.strptime(self.name.removeprefix("tapedeck-"), _TIME_FORMAT).replace(tzinfo=UTC)

    def manifest(self) -> Manifest:
        """What was noted about it.

        Raises:
            BackupFailed: nothing that can be read.
        """
        path = self.path.with_suffix(".json")
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            raise BackupFailed(f"{self.name} has no manifest that can be read: {path} is missing or damaged") from None

    def checked(self) -> Manifest:
        """The manifest, after a look at every byte of the dump.

        Raises:
            BackupFailed: no manifest, or the dump is not the one that it describes.
        """
        manifest = self.manifest()
        if self.path.stat().st_size != manifest.size_bytes or digest_of(self.path) != manifest.sha256:
            raise BackupFailed(f"{self.name} is damaged: the file is not the one that was written")
        return manifest

    def delete(self) -> None:
        """Remove the files; the dump first, because without it there is no backup."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".json").unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class BackupFolder:
    """A folder of backups, made when it is missing; only its owner may look into it, because a dump holds everything."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()

    def backups(self) -> list[Backup]:
        """All of them, newest first."""
        found = (Backup(path) for path in self.path.glob("tapedeck-*.dump") if _NAME.fullmatch(path.stem))
        return sorted(found, key=lambda backup: backup.name, reverse=True)

    def find(self, name: str) -> Backup:
        """The backup with a name; "latest" is the newest.

        Raises:
            BackupFailed: there is none.
        """
        backups = self.backups()
        if name == "latest" and backups:
            return backups[0]
        for backup in backups:
            if name in {backup.name, backup.path.name}:
                return backup
        raise BackupFailed(f"there is no backup {name} in {self.path}" if backups else f"there is no backup in {self.path}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep others from writing backups here, and remove what one that was killed has left behind.

        Raises:
            BackupFailed: another backup is under way.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupFailed(f"another backup is under way in {self.path}") from None
            for path in self.path.glob("tapedeck-*.partial"):
                path.unlink()
            for path in self.path.glob("tapedeck-*.json"):
                if _NAME.fullmatch(path.stem) and not path.with_suffix(".dump").exists():
                    path.unlink()
            yield

    @contextmanager
    def new_dump(self, create_time: datetime) -> Iterator[Path]:
        """The path to write a dump to; it is gone at the end unless `keep` has taken it."""
        name = f"tapedeck-{create_time.astimezone(UTC).strftime(_TIME_FORMAT)}"
        if (self.path / f"{name}.dump").exists():
            raise BackupFailed(f"there is a backup {name} already")
        partial = self.path / f"{name}.dump.partial"
        try:
            yield partial
        finally:
            partial.unlink(missing_ok=True)

    def keep(self, partial: Path, manifest: Manifest) -> Backup:
        """Give a whole dump its name, and its manifest; both are on disk when this returns."""
        dump = partial.with_suffix("")
        partial_manifest = dump.with_suffix(".json.partial")
        with partial_manifest.open("w") as file:
            file.write(manifest.model_dump_json(indent=2))
            file.flush()
            os.fsync(file.fileno())
        partial_manifest.rename(dump.with_suffix(".json"))
        partial.rename(dump)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return Backup(dump)

    def delete_expired(self, now: datetime, retention_days: int) -> list[Backup]:
        """Delete the backups that are older than so many days, but never the newest one that is not damaged.

        Returns:
            Those deleted.
        """
        backups = self.backups()
        oldest = now - timedelta(days=retention_days)
        expired = [backup for backup in backups if backup.create_time < oldest]
        newest_good = next((backup for backup in backups if _is_good(backup)), None) if expired else None
        deleted = [backup for backup in expired if newest_good not in {None, backup}]
        for backup in deleted:
            backup.delete()
        return deleted


def _is_good(backup: Backup) -> bool:
    try:
        backup.checked()
    except BackupFailed:
        return False
    return True
