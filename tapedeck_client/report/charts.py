"""The charts of a tear sheet, as SVG for a page of HTML. matplotlib draws them; the page's style sheet colours them, for light and dark.

Session dates are yyyymmdd, one for each value.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tapedeck_client.picture import days, need_matplotlib, new_figure
from tapedeck_client.report.html import Html, element, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.6
"""Inches; the page scales a chart to its own width."""

LEFT = 0.085
"""Share of the width for the numbers at the left: the same in every chart, so that charts above each other show a session at one place."""

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
"""Trillions, billions and millions: how values are written from WIDEST_NUMBER on."""

WIDEST_NUMBER = 1e8
"""From here on 99,999,999 does not fit there."""

MOST_DIGITS = 15
"""Digits after the point: a double has no more that mean anything."""

NARROWEST = 5e-5
"""Share of the largest value that an axis spans at least: numbers closer to each other would not fit there."""

LEAST_FRACTION = 1e-4
"""What an axis of fractions spans at least: less is rounding, and none of the reader's business."""

COLOURS = {
    "ink": "#010101",
    "grid": "#020202",
    "equity": "#030303",
    "benchmark": "#040404",
    "capital": "#050505",
    "loss": "#060606",
    "volatility": "#070707",
}
"""What matplotlib draws in stands for a variable of the style sheet; nobody ever sees these."""

AT_DATES = ["%Y", "%b", "%d %b", "", "", ""]
AT_FIRST_DATES = ["", "%Y", "%b", "%d %b", "", ""]
"""How a tick is written that is a year, a month, a day or within a day; and how the first one of a year, a month or a day."""

SETTINGS = {
    "svg.fonttype": "none",  # texts stay texts, in the page's font
    "text.parse_math": False,
    "axes.unicode_minus": False,
    "font.size": 9.5,
    "axes.edgecolor": COLOURS["grid"],
    "axes.labelcolor": COLOURS["ink"],
    "xtick.color": COLOURS["grid"],
    "ytick.color": COLOURS["grid"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "grid.color": COLOURS["grid"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "ytick.major.size": 0,
    "axes.xmargin": 0,
}


def equity(session_dates: Sequence[int], values: Sequence[float], capital: float, benchmark: Sequence[float], described: str) -> Html:
    """Portfolio values over the capital, and the benchmark's curve when there is one [T each]; `described` says it in words."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axhline(capital, color=COLOURS["capital"], linewidth=1, linestyle=(0, (4, 3)), gid="line-capital")
        if benchmark:
            axes.plot(days(session_dates), benchmark, color=COLOURS["benchmark"], linewidth=1.3, gid="line-benchmark")
        axes.plot(days(session_dates), values, color=COLOURS["equity"], linewidth=1.8, gid="line-equity")
        _finish(axes)

    return _svg("equity", 3.4, "Equity curve", described, draw)


def drawdown(session_dates: Sequence[int], drawdowns: Sequence[float], described: str) -> Html:
    """Falls from the highest value before, as fractions of at most 0 [T]."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.fill_between(days(session_dates), drawdowns, color=COLOURS["loss"], alpha=0.18, linewidth=0, gid="area-drawdown")
        axes.plot(days(session_dates), drawdowns, color=COLOURS["loss"], linewidth=1.2, gid="line-drawdown")
        axes.set_ylim(min(axes.get_ylim()[0], -LEAST_FRACTION), 0)
        _finish(axes, percent=True)

    return _svg("drawdown", 2.1, "Drawdown", described, draw)


def rolling(session_dates: Sequence[int], volatility: Sequence[float], sharpe_ratio: Sequence[float], described: str) -> Html:
    """Volatility as a fraction above, Sharpe ratio below; NaN leaves a gap [T each]."""

    def draw(figure: Figure) -> None:
        at = days(session_dates)
        upper, lower = figure.subplots(2, sharex=True)
        upper.plot(at, volatility, color=COLOURS["volatility"], linewidth=1.3, gid="line-volatility")
        upper.set_ylabel("Volatility")
        upper.set_ylim(0, max(upper.get_ylim()[1], LEAST_FRACTION))
        upper.set_xlim(at[0], at[-1])
        _finish(upper, percent=True)
        lower.axhline(0, color=COLOURS["capital"], linewidth=1, linestyle=(0, (4, 3)))
        lower.plot(at, sharpe_ratio, color=COLOURS["equity"], linewidth=1.3, gid="line-sharpe")
        lower.set_ylabel("Sharpe ratio")
        _finish(lower)

    return _svg("rolling", 3.0, "Rolling volatility and Sharpe ratio", described, draw)


def _finish(axes: Axes, *, percent: bool = False) -> None:
    """Write the values with the digits that tell them apart, and the dates in few words."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    bottom, top = axes.get_ylim()
    missing = NARROWEST * max(abs(bottom), abs(top)) - (top - bottom)
    if missing > 0:
        axes.set_ylim(bottom - missing / 2, top + missing / 2)
    axes.yaxis.set_major_formatter(_writer([float(tick) for tick in axes.get_yticks()], percent))
    locator = AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, formats=AT_DATES, zero_formats=AT_FIRST_DATES, show_offset=False))
    axes.set_axisbelow(True)


def _writer(ticks: Sequence[float], percent: bool) -> Callable[[float, object], str]:
    """What writes a tick at an axis, as 100,000, 123.25M or 2.5%: with as many digits as the ticks need [2 or more, ascending]."""
    largest = max(abs(tick) for tick in ticks)
    in_words = (unit for unit in UNITS if largest >= max(unit[0], WIDEST_NUMBER))
    scale, sign = (0.01, "%") if percent else next(in_words, (1.0, ""))
    near = (ticks[1] - ticks[0]) / scale / 100
    exact = (digits for digits in range(MOST_DIGITS) if all(abs(round(tick / scale, digits) - tick / scale) < near for tick in ticks))
    digits = next(exact, MOST_DIGITS)
    return lambda value, _: f"{round(value / scale, digits) + 0.0:,.{digits}f}{sign}"  # + 0.0 for -0.0


def _svg(name: str, height: float, title: str, described: str, draw: Callable[[Figure], None]) -> Html:
    """A drawing as an element of a page: named, described, and with ids that no other chart of the page has.

    Raises:
        click.ClickException: matplotlib is not installed.
    """
    need_matplotlib()
    import matplotlib as mpl

    drawn = io.StringIO()
    with mpl.rc_context():
        mpl.rcdefaults()  # somebody's own style would make other bytes
        mpl.rcParams.update({**SETTINGS, "svg.hashsalt": name})
        figure = new_figure((WIDTH, height), arranged=False)
        figure.subplots_adjust(left=LEFT, right=0.975, bottom=0.3 / height, top=1 - 0.1 / height)
        draw(figure)
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    words = joined(element("title", title, id=f"{name}-title"), element("desc", described, id=f"{name}-desc"))
    return _for_page(name, drawn.getvalue(), words)


def _for_page(name: str, svg: str, words: Html) -> Html:
    """The drawing without what a file of its own needs: its header, its metadata, its size, its fonts and a style that holds everywhere."""
    box = re.search(r'viewBox="([^"]+)"', svg)
    assert box, "matplotlib says how large a drawing is"
    inside = svg[svg.index(">", box.start()) + 1 :]
    inside = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", inside, flags=re.DOTALL)
    inside = re.sub(r'\bid="', f'id="{name}-', inside)
    inside = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', inside).replace("url(#", f"url(#{name}-")
    inside = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", re.sub(r"font-family: [^;\"]*; ", "", inside))
    # A hundredth of a pixel is exact enough, and half the bytes; texts between the tags stay as they are.
    inside = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), inside)
    for colour, stand_in in COLOURS.items():
        inside = inside.replace(stand_in, f"var(--{colour})")
    inside = re.sub(r"\n\s*", "\n", inside)
    return Html(f'<svg viewBox="{box[1]}" role="img" aria-labelledby="{name}-title {name}-desc">{words}{inside.strip()}')
