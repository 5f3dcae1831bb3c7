"""A picture in a file. matplotlib draws it, and is loaded only when a picture is asked for."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapedeck_client.render.text import session
from tapedeck_client.whole_file import check_folder, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = (8.0, 6.0)
"""Size of a picture."""

DOTS_PER_INCH = 150

NEEDS_MORE = {"pgf"}
"""Kinds that matplotlib writes only with other programs: LaTeX."""


class Picture:
    """A figure and the file that it goes to; made before the work, so that what hinders it is known before the work."""

    def __init__(self, path: Path, option: str) -> None:
        """Prepare a picture.

        Args:
            path: Where it is written; its suffix says as what.
            option: The option that asked for it, as complaints name it.

        Raises:
            click.ClickException: matplotlib is not installed.
            click.BadParameter: matplotlib writes no such files, or there is no such folder.
        """
        self.path = path
        self.figure = new_figure(INCHES)
        self._kind = path.suffix.removeprefix(".").lower()
        kinds = sorted(self.figure.canvas.get_supported_filetypes().keys() - NEEDS_MORE)
        if self._kind not in kinds:
            raise click.BadParameter(f"{path.name} has to end with one of: .{', .'.join(kinds)}", param_hint=option)
        check_folder(path, option)

    def save(self) -> None:
        """Write the figure as it is.

        Raises:
            click.ClickException: the file can't be written.
        """
        drawn = io.BytesIO()
        with warnings.catch_warnings():
            # A name in letters that matplotlib's font does not have is drawn as boxes, which is no reason to say anything.
            warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
            self.figure.savefig(drawn, format=self._kind)
        write_whole(self.path, drawn.getvalue(), "the picture")


def need_matplotlib() -> None:
    """Say what is missing before there is anything to draw.

    Raises:
        click.ClickException: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401 - only whether it is there
    except ImportError:
        raise click.ClickException("a picture needs matplotlib: pip install 'tapedeck[plot]'") from None


def new_figure(inches: tuple[float, float], *, arranged: bool = True) -> Figure:
    """An empty figure of a width and a height; what is drawn in it is arranged by itself, or by the caller.

    Raises:
        click.ClickException: matplotlib is not installed.
    """
    need_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=inches, dpi=DOTS_PER_INCH, layout="constrained" if arranged else None)


def days(session_dates: Iterable[int]) -> list[int]:
    """Sessions, given as yyyymmdd, as matplotlib counts them by default: days since 1970-01-01."""
    return [(date.fromisoformat(session(each)) - date(1970, 1, 1)).days for each in session_dates]
