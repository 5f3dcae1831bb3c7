"""Charts for a page: what they hold, and what they leave out."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from tapedeck_client.report import charts
from tests.tapedeck_client.report.pages import HOSTILE

DATES = [20050103, 20050104, 20050105, 20050106]
VALUES = [100.0, 120.0, 90.0, 130.0]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def value_labels(svg: str, number: int = 2) -> list[str]:
    """What is written at a vertical axis, from below; the first is the second of all axes."""
    (axis,) = (group for group in parsed(svg).iter() if (group.get("id") or "").endswith(f"-matplotlib.axis_{number}"))
    return [text.text or "" for text in axis.iter() if text.tag.endswith("text")]


def ids(svg: str) -> set[str]:
    return {value for element in parsed(svg).iter() if (value := element.get("id"))}


def test_an_equity_curve_has_a_line_for_each_thing_it_shows() -> None:
    alone = charts.equity(DATES, VALUES, 100.0, [], "words")
    compared = charts.equity(DATES, VALUES, 100.0, VALUES[::-1], "words")
    assert {"equity-line-equity", "equity-line-capital"} <= ids(alone)
    assert ids(compared) - ids(alone) >= {"equity-line-benchmark"}


def test_a_drawing_is_named_and_described_whatever_the_words_hold() -> None:
    svg = charts.drawdown(DATES, [0.0, 0.0, -0.25, 0.0], HOSTILE)
    root = parsed(svg)
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "drawdown-title drawdown-desc")
    assert [child.text for child in root[:2]] == ["Drawdown", HOSTILE.replace("\x1b", "\N{REPLACEMENT CHARACTER}")]


def test_charts_of_one_page_share_no_id() -> None:
    drawn = [
        charts.equity(DATES, VALUES, 100.0, [], ""),
        charts.drawdown(DATES, [0.0, 0.0, -0.25, 0.0], ""),
        charts.rolling(DATES, [math.nan, 0.1, 0.2, 0.1], [math.nan, 1.0, math.nan, -1.0], ""),
    ]
    for svg in drawn:
        names = re.findall(r' id="([^"]+)"', svg)
        assert len(names) == len(set(names))
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= set(names), "what is referred to is there"
    assert ids(drawn[0]).isdisjoint(ids(drawn[1]) | ids(drawn[2]))


def test_a_drawing_names_no_address_no_font_and_no_colour_of_its_own() -> None:
    svg = charts.equity(DATES, VALUES, 100.0, VALUES, "")
    for left_out in ("http", "<metadata", "<style", "<?xml", "font-family", "DejaVu", "matplotlib.org"):
        assert left_out not in svg
    assert re.findall(r"#[0-9a-f]{6}\b", svg) == []
    assert {"var(--equity)", "var(--benchmark)", "var(--capital)", "var(--ink)", "var(--grid)"} <= set(re.findall(r"var\(--\w+\)", svg))


def test_the_same_numbers_make_the_same_bytes_whatever_somebodys_style() -> None:
    first = charts.equity(DATES, VALUES, 100.0, VALUES, "")
    with mpl.rc_context({"lines.linestyle": ":", "axes.facecolor": "red", "font.size": 30}):
        assert charts.equity(DATES, VALUES, 100.0, VALUES, "") == first


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([100_000.0, 101_000.0, 99_000.0, 100_500.0], "100,000"),
        ([100_000.0, 100_003.0, 100_001.0, 100_002.0], "100,001"),
        ([98_999_000.0, 98_999_500.0, 98_998_000.0, 98_999_100.0], "98,999,000"),
        ([1.0, 1.1, 0.9, 1.05], "1.050"),
        ([1.0, 1.004, 1.001, 1.002], "1.0010"),
        ([1.232e8, 1.235e8, 1.233e8, 1.234e8], "123.30M"),
        ([1e9, 1.1e9, 0.9e9, 1e9], "1.000B"),
        ([1e8, 1e8 + 3, 1e8 + 1, 1e8 + 2], "100.001M"),
        ([100_000.0, 99_999.99999999999, 100_000.0, 100_000.0], "100,000"),
        ([5e14, 4e14, 6e14, 5e14], "500T"),
    ],
)
def test_values_are_written_with_the_digits_that_tell_them_apart(values: list[float], shown: str) -> None:
    labels = value_labels(charts.equity(DATES, values, values[0], [], ""))
    assert shown in labels
    assert len(labels) == len(set(labels)) > 2
    assert max(map(len, labels)) <= len("99,999,999"), "as much as fits there"


@pytest.mark.parametrize(("lowest", "shown"), [(-0.25, "-10%"), (-0.04, "-2%"), (-0.0004, "-0.02%"), (-1e-16, "-0.002%"), (0.0, "0%")])
def test_falls_are_written_with_the_digits_that_tell_them_apart(lowest: float, shown: str) -> None:
    labels = value_labels(charts.drawdown(DATES, [0.0, lowest, 0.0, 0.0], ""))
    assert shown in labels
    assert len(labels) == len(set(labels)) > 2


@pytest.mark.parametrize("deviation", [1e-16, 3e-5, 0.004, 0.2])
def test_statistics_are_written_with_the_digits_that_tell_them_apart(deviation: float) -> None:
    svg = charts.rolling(DATES, [math.nan, deviation, deviation / 2, 0.0], [math.nan, 1.0, 1.0 + deviation, 1.0], "")
    for number in (2, 4):
        labels = value_labels(svg, number)
        assert len(labels) == len(set(labels)) > 1


@pytest.mark.parametrize("count", [1, 2])
def test_few_sessions_and_curves_that_do_not_move_are_drawn_without_a_word(count: int) -> None:
    assert "equity-line-equity" in ids(charts.equity(DATES[:count], [100.0] * count, 100.0, [], ""))
    assert "drawdown-line-drawdown" in ids(charts.drawdown(DATES[:count], [0.0] * count, ""))


def test_statistics_that_are_undefined_everywhere_leave_an_empty_chart() -> None:
    assert "rolling-line-sharpe" in ids(charts.rolling(DATES, [0.0] * 4, [math.nan] * 4, ""))


def test_every_colour_is_a_variable_of_the_style_sheet_in_light_and_in_dark() -> None:
    css = (Path(charts.__file__).parent / "tear_sheet.css").read_text()
    for name in charts.COLOURS:
        assert css.count(f"  --{name}: ") == 3, "light, dark, print"
