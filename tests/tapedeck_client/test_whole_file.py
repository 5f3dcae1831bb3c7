"""Files that are there as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tapedeck_client.whole_file import check_folder, write_whole


def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    path.write_text("old")
    write_whole(path, b"new", "the page")
    assert [each.name for each in tmp_path.iterdir()] == ["x.html"]
    assert path.read_bytes() == b"new"


def test_a_file_that_can_not_be_replaced_is_a_clear_sentence_and_leaves_no_part(tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    path.mkdir()
    with pytest.raises(click.ClickException, match=r"the page can't be written to .*x\.html: Is a directory"):
        write_whole(path, b"new", "the page")
    assert [each.name for each in tmp_path.iterdir()] == ["x.html"]


def test_a_folder_that_is_not_there_is_named_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match=r"there is no folder .*nowhere"):
        check_folder(tmp_path / "nowhere" / "x.html", "--out")
    check_folder(tmp_path / "x.html", "--out")


def test_parts_that_fail_on_their_way_leave_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    path.write_text("old")

    def parts() -> Iterator[bytes]:
        yield b"new"
        raise KeyError

    with pytest.raises(KeyError):
        write_whole(path, parts(), "the page")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("x.html", "old")]
