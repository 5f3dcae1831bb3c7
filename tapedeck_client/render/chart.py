"""Curves on a terminal, drawn with the dots of Braille characters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.text import Text

from tapedeck_client.curves import drawdowns
from tapedeck_client.render.text import money, percent, session

VALUE_ROWS = 10
"""Lines of the equity curve: with the drawdown below, both fit a terminal of 24 lines."""

DRAWDOWN_ROWS = 4

MARGIN = 12
"""Room for 1,234,567.89 at the left; it grows for more, but charts above each other should begin at the same column."""

FEWEST_COLUMNS = 10
"""A plot is never narrower, however long the numbers beside it and however narrow the terminal."""

_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a Braille character [4 rows x 2 columns of dots]."""


class Chart(NamedTuple):
    """A curve that is as wide as the terminal: highest and lowest value at its left, first and last session below."""

    title: str
    values: Sequence[float]
    session_dates: Sequence[int]
    write: Callable[[float], Text]
    """Value to text."""
    rows: int
    style: str
    hangs: bool = False
    """Whether all is filled between the curve and the top."""

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        high, low = self.write(max(self.values)).plain, self.write(min(self.values)).plain
        margin = max(MARGIN, len(high), len(low))
        columns = max(FEWEST_COLUMNS, options.max_width - margin - 2)
        yield Text(self.title, style="bold")
        for row, line in enumerate(braille(self.values, columns, self.rows, hangs=self.hangs)):
            beside = high if row == 0 else low if row == self.rows - 1 and low != high else ""
            yield Text.assemble((f"{beside:>{margin}} │", "dim"), (line, self.style), no_wrap=True, overflow="crop")
        first, last = session(self.session_dates[0]), session(self.session_dates[-1])
        yield Text(f"{'':{margin}} └{first}{last:>{max(1 + len(last), columns - len(first))}}", style="dim", no_wrap=True, overflow="crop")


def run_charts(session_dates: Sequence[int], values: Sequence[float], capital: float) -> Group:
    """The equity curve of a run and its drawdown; there is at least one session."""
    return Group(
        Chart("Portfolio value", values, session_dates, money, VALUE_ROWS, "cyan"),
        Text(""),
        Chart("Drawdown", drawdowns(values, capital), session_dates, percent, DRAWDOWN_ROWS, "red", hangs=True),
    )


def braille(values: Sequence[float], columns: int, rows: int, *, hangs: bool = False) -> list[str]:
    """A curve between its lowest and its highest value, as lines of Braille characters.

    Each column of dots is a stroke over all that the curve passes half a column to its left and right: no spike is lost, and the line has
    no gaps.

    Args:
        values: At least one, finite.
        columns: Characters of a line.
        rows: Lines.
        hangs: Whether strokes begin at the top instead.
    """
    low, high = min(values), max(values)
    width, height = 2 * columns, 4 * rows

    def place(value: float) -> int:
        """Rows of dots from the top."""
        return round((high - value) / (high - low) * (height - 1)) if high > low else (0 if hangs else height - 1)

    def passed(start: float, end: float) -> list[float]:
        """The curve's values between two places on it, in sessions."""
        return [_between(values, start), *values[math.ceil(start) : math.floor(end) + 1], _between(values, end)]

    cells = [[_BLANK] * columns for _ in range(rows)]
    step = (len(values) - 1) / (width - 1)
    for x in range(width):
        stroke = passed(max(0, x - 0.5) * step, min((x + 0.5) * step, len(values) - 1))
        top, bottom = (0 if hangs else place(max(stroke))), place(min(stroke))
        for y in range(top, bottom + 1):
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    return ["".join(map(chr, line)) for line in cells]


def _between(values: Sequence[float], place: float) -> float:
    """The value at a place between two sessions, on the straight line that joins them."""
    left = math.floor(place)
    right = min(left + 1, len(values) - 1)
    return values[left] + (values[right] - values[left]) * (place - left)
