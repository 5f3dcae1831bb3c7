"""The backup commands of `python -m store_service`."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import URL

from store_service.backup.connection import BackupFailed
from store_service.backup.dump import take_backup
from store_service.backup.files import Backup, BackupFolder
from store_service.backup.restoring import restore_backup, verify_backup
from store_service.settings import Settings

COMMANDS = ("backup", "restore", "verify-backup")
"""Those that need the database."""

_log = structlog.get_logger("backup")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and their options."""
    commands.add_parser("backup", help="write a backup to TAPEDECK_BACKUP_DIR, and delete those that are too old")
    commands.add_parser("backups", help="list the backups")
    verify = commands.add_parser("verify-backup", help="restore a backup into a database of its own, compare, and drop it")
    restore = commands.add_parser("restore", help="restore a backup into an empty database")
    verify.add_argument("backup", nargs="?", default="latest", metavar="BACKUP", help="a name, as listed (default: the newest)")
    restore.add_argument("backup", metavar="BACKUP", help="a name, as listed, or latest")
    restore.add_argument("--into", metavar="DATABASE", help="another database of the same server, made when it is missing")
    restore.add_argument("--replace", action="store_true", help="the database may hold something: it is kept under another name")


def run_command(arguments: argparse.Namespace, settings: Settings, url: URL) -> None:
    """Run one of COMMANDS.

    Raises:
        BackupFailed: one sentence that says why it could not be done.
    """
    folder, now = backup_folder(settings), datetime.now(UTC)
    if arguments.command == "backup":
        _back_up(folder, now, settings, url)
        return
    backup = folder.find(arguments.backup)
    if arguments.command == "verify-backup":
        manifest = verify_backup(url, backup, settings.pg_bin)
        _log.info("verified", backup=backup.name, tables=len(manifest.tables), rows=sum(t.row_count for t in manifest.tables.values()))
    else:
        options = {"into": arguments.into, "replace": arguments.replace, "program_folder": settings.pg_bin}
        kept = restore_backup(url, backup, now, **options)
        _log.info("restored", backup=backup.name, database=arguments.into or url.database, **({"replaced_is_now": kept} if kept else {}))


def backup_folder(settings: Settings) -> BackupFolder:
    """Where the backups are."""
    return BackupFolder(settings.backup_dir or settings.data_dir / "backups")


def _back_up(folder: BackupFolder, now: datetime, settings: Settings, url: URL) -> None:
    backup = take_backup(url, folder, now, settings.pg_bin)
    _log.info("backed up", backup=backup.name, folder=str(folder.path), size_bytes=backup.path.stat().st_size)
    for expired in folder.delete_expired(now, settings.backup_retention_days):
        _log.info("deleted", backup=expired.name, older_than_days=settings.backup_retention_days)


def list_backups(settings: Settings) -> None:
    """Print the backups, newest first: name, size, age, runs, revision of the schema."""
    folder, now = backup_folder(settings), datetime.now(UTC)
    backups = folder.backups()
    rows = [("BACKUP", "SIZE", "AGE", "RUNS", "SCHEMA"), *(_row(backup, now) for backup in backups)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    sys.stdout.write("\n".join(lines) + "\n" if backups else f"there is no backup in {folder.path}\n")


def _row(backup: Backup, now: datetime) -> tuple[str, ...]:
    try:
        manifest = backup.manifest()
        known = str(manifest.tables["public.runs"].row_count), manifest.revision
    except (BackupFailed, KeyError):
        known = "?", "no manifest"
    return (backup.name, size_text(backup.path.stat().st_size), age_text(now - backup.create_time), *known)


def size_text(size_bytes: int) -> str:
    """A size for people, such as 1.5 MB; units are powers of 1000."""
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.95:
            break
        size, unit = size / 1_000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def age_text(age: timedelta) -> str:
    """An age for people, such as 3 days, in the largest unit of which there are two."""
    seconds = int(age.total_seconds())
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
