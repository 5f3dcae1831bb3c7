"""A picture in a file; what heat maps and growth curves share is shown by their own tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
import pytest

from tapedeck_client.picture import Picture, days, need_matplotlib


def test_sessions_are_counted_as_matplotlib_counts_days() -> None:
    from matplotlib.dates import num2date

    assert [num2date(day).date().isoformat() for day in days([20041231, 20050103])] == ["2004-12-31", "2005-01-03"]


def test_a_name_in_letters_that_the_font_does_not_have_is_no_reason_to_warn(tmp_path: Path) -> None:
    picture = Picture(tmp_path / "x.png", "--plot")
    picture.figure.subplots().set_title("日経 🚀")
    picture.save()
    assert picture.path.read_bytes().startswith(b"\x89PNG")


def test_a_file_without_a_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match=r"x has to end with one of: .*\.png"):
        Picture(tmp_path / "x", "--plot")


def test_every_kind_that_is_offered_is_written_by_matplotlib_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(click.BadParameter) as refused:
        Picture(tmp_path / "x.pgf", "--plot")
    kinds = re.findall(r" \.(\w+)", str(refused.value))
    assert {"png", "svg", "pdf"} <= set(kinds)
    for kind in kinds:
        picture = Picture(tmp_path / f"x.{kind}", "--plot")
        picture.figure.subplots().set_title("title")
        picture.save()
        assert picture.path.stat().st_size > 0


def test_what_is_missing_is_said_before_there_is_anything_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    need_matplotlib()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(click.ClickException, match=r"pip install 'tapedeck\[plot\]'"):
        need_matplotlib()
