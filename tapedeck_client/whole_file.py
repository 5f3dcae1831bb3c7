"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click


def check_folder(path: Path, option: str) -> None:
    """Refuse a file that no folder could hold, before the work that makes it.

    Raises:
        click.BadParameter: there is no such folder.
    """
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}", param_hint=option)


def write_whole(path: Path, content: bytes | Iterable[bytes], what: str) -> None:
    """Write a file beside its place and rename it: whoever reads the path finds the old file or the new one, never a part.

    Args:
        path: Where it goes; a file that is there is replaced.
        content: Its bytes, or the parts of it, which are written as they come.
        what: What it is, as a complaint names it.

    Raises:
        click.ClickException: the file can't be written; nothing is left behind. Nor is it when `content` raises something else.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as file:
                file.writelines([content] if isinstance(content, bytes) else content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(f"{what} can't be written to {path}: {error.strerror}") from None
