"""A metric over two parameters as a picture."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click
import pytest

from tapedeck_client.heatmap import MOST_TICKS, Heatmap, cells
from tapedeck_client.sweep_rows import ResultRow, result_rows
from tests.tapedeck_client.sweep_story import columns


def row(metric: float | None, **parameters: object) -> ResultRow:
    return ResultRow(1, "GOOG", parameters, {"pnl": metric})


def test_cells_are_ordered_by_their_numbers_whatever_the_order_of_the_results() -> None:
    shown = cells(result_rows(columns([3, 0, 2, 1])), "sharpe_ratio", "slow", "fast")
    assert (shown.x_values, shown.y_values) == ([50, 100], [5, 10])
    assert shown.values[0] == [0.5, 0.25]
    assert math.isnan(shown.values[1][0]), "the metric is undefined"
    assert shown.values[1][1] == 0.75


def test_a_combination_without_a_result_is_an_empty_cell() -> None:
    shown = cells([row(1.0, fast=5, slow=50), row(2.0, fast=10, slow=100)], "pnl", "fast", "slow")
    assert shown.values[0][0] == 1.0
    assert math.isnan(shown.values[0][1])


def test_texts_and_lists_keep_the_order_in_which_they_came() -> None:
    shown = cells([row(1.0, mode="slow", rules=["b"]), row(2.0, mode="fast", rules=["a", "b"])], "pnl", "mode", "rules")
    assert (shown.x_values, shown.y_values) == (["slow", "fast"], [["b"], ["a", "b"]])


@pytest.mark.parametrize("suffix", ["png", "svg", "PDF"])
def test_a_picture_is_written_as_its_suffix_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    beginnings = {"png": b"\x89PNG", "svg": b"<?xml", "PDF": b"%PDF"}
    said = Heatmap(path, "fast", "slow").draw([*result_rows(columns([0, 1, 2, 3]))], "sharpe_ratio", "sma_crossover on GOOG")
    assert path.read_bytes().startswith(beginnings[suffix])
    assert said == f"{path} shows Sharpe ratio over fast and slow"


def test_the_picture_names_what_it_shows_and_few_enough_values_to_read_them(tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    import matplotlib as mpl

    rows = [row(float(x * y), fast=x, slow=y) for x in range(100) for y in (50, 60)]
    with mpl.rc_context({"svg.fonttype": "none"}):
        Heatmap(path, "fast", "slow").draw(rows, "pnl", "momentum on IBM")
    text = path.read_text()
    for words in ("momentum on IBM", "Profit and loss", ">fast<", ">slow<", ">50<", ">60<"):
        assert words in text
    assert sum(f">{x}<" in text for x in range(100)) <= MOST_TICKS + 2


def test_a_metric_that_no_result_has_makes_no_picture(tmp_path: Path) -> None:
    said = Heatmap(tmp_path / "x.png", "fast", "slow").draw([row(None, fast=5, slow=50)], "pnl", "")
    assert said == "no picture: no result has a Profit and loss"
    assert Heatmap(tmp_path / "x.png", "fast", "slow").draw([], "pnl", "").startswith("no picture")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_can_not_be_written_is_refused_before_there_is_anything_to_draw(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match=r"x\.docx has to end with one of: .*\.png"):
        Heatmap(tmp_path / "x.docx", "fast", "slow")
    with pytest.raises(click.BadParameter, match="there is no folder"):
        Heatmap(tmp_path / "nowhere" / "x.png", "fast", "slow")


def test_a_disk_that_refuses_the_picture_is_a_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    with pytest.raises(click.ClickException, match="the picture can't be written to"):
        Heatmap(tmp_path / "x.png", "fast", "slow").draw([row(1.0, fast=5, slow=50)], "pnl", "")


def test_without_matplotlib_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(click.ClickException, match=r"pip install 'tapedeck\[plot\]'"):
        Heatmap(tmp_path / "x.png", "fast", "slow")
