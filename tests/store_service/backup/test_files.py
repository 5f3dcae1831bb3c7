"""The folder of backups: what is whole, what is found, what is deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store_service.backup.connection import BackupFailed
from store_service.backup.contents import TableContent
from store_service.backup.files import Backup, BackupFolder, Manifest, digest_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    """A folder that does not exist yet."""
    return BackupFolder(tmp_path / "a" / "backups")


def keep(folder: BackupFolder, create_time: datetime, content: bytes = b"dump") -> Backup:
    """A backup of so many bytes, kept as the command keeps one."""
    with folder.writing(), folder.new_dump(create_time) as partial:
        partial.write_bytes(content)
        manifest = Manifest(
            create_time=create_time,
            revision="0001",
            server_major=18,
            dump_major=18,
            size_bytes=len(content),
            sha256=digest_of(partial),
            tables={"public.runs": TableContent(1, "x")},
        )
        return folder.keep(partial, manifest)


def test_a_backup_has_its_time_in_its_name_and_its_manifest_beside_it(folder: BackupFolder) -> None:
    kept = keep(folder, datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC))
    assert kept.name == "tapedeck-20260102T030405Z"
    assert kept.create_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert kept.checked().tables == {"public.runs": TableContent(1, "x")}
    assert {path.name for path in folder.path.iterdir()} == {f"{kept.name}.dump", f"{kept.name}.json", "lock"}
    assert folder.path.stat().st_mode & 0o077 == 0, "a dump holds everything"


def test_backups_are_listed_newest_first_and_found_by_name(folder: BackupFolder) -> None:
    assert folder.backups() == []
    with pytest.raises(BackupFailed, match="there is no backup in"):
        folder.find("latest")
    old, new = (keep(folder, NOW - timedelta(days=days)) for days in (2, 1))
    (folder.path / "tapedeck-notes.dump").write_text("somebody's own")
    assert folder.backups() == [new, old]
    assert [folder.find(name) for name in ("latest", old.name, f"{old.name}.dump")] == [new, old, old]
    with pytest.raises(BackupFailed, match="there is no backup nothing in"):
        folder.find("nothing")


@pytest.mark.parametrize("content", [b"dumq", b"dum", b"dump "])
def test_a_dump_that_was_changed_cut_or_added_to_is_damaged(folder: BackupFolder, content: bytes) -> None:
    kept = keep(folder, NOW)
    kept.path.write_bytes(content)
    with pytest.raises(BackupFailed, match="is damaged"):
        kept.checked()


@pytest.mark.parametrize("content", [None, "", "{}", '{"format_version": 2}', "\x00"])
def test_a_manifest_that_is_missing_or_damaged_is_said(folder: BackupFolder, content: str | None) -> None:
    kept = keep(folder, NOW)
    manifest = kept.path.with_suffix(".json")
    manifest.unlink() if content is None else manifest.write_text(content)
    with pytest.raises(BackupFailed, match="has no manifest that can be read"):
        kept.manifest()


def test_what_was_not_finished_is_gone_and_what_a_killed_backup_left_goes_with_the_next(folder: BackupFolder) -> None:
    with folder.writing(), folder.new_dump(NOW) as partial:
        partial.write_text("half")
    assert [path.name for path in folder.path.iterdir()] == ["lock"]
    kept = keep(folder, NOW)
    for name in ("tapedeck-20260101T000000Z.dump.partial", "tapedeck-20260101T000000Z.json.partial", "tapedeck-20260101T000000Z.json"):
        (folder.path / name).write_text("half")
    with folder.writing():
        assert {path.name for path in folder.path.iterdir()} == {f"{kept.name}.dump", f"{kept.name}.json", "lock"}


def test_one_backup_is_written_at_a_time_and_none_over_another(folder: BackupFolder) -> None:
    keep(folder, NOW)
    with folder.writing(), pytest.raises(BackupFailed, match="another backup is under way"), folder.writing():
        pass
    with pytest.raises(BackupFailed, match="there is a backup tapedeck-20260301T000000Z already"):
        keep(folder, NOW)


def test_backups_past_their_retention_are_deleted_with_their_manifests(folder: BackupFolder) -> None:
    backups = {days: keep(folder, NOW - timedelta(days=days)) for days in (40, 31, 30, 0)}
    assert folder.delete_expired(NOW, 30) == [backups[31], backups[40]]
    assert folder.backups() == [backups[0], backups[30]]
    assert len(list(folder.path.iterdir())) == 2 * 2 + 1
    assert folder.delete_expired(NOW, 30) == []


def test_the_newest_good_backup_is_never_deleted(folder: BackupFolder) -> None:
    backups = {days: keep(folder, NOW - timedelta(days=days)) for days in (60, 50, 40)}
    backups[40].path.write_text("damaged")
    assert folder.delete_expired(NOW, 30) == [backups[40], backups[60]]
    backups[50].path.write_text("damaged")
    assert folder.delete_expired(NOW, 30) == [], "none is good: perhaps something can be saved from the last one"
