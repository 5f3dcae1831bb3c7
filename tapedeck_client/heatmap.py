"""A picture of one metric over two parameters of a sweep."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tapedeck_client.picture import Picture
from tapedeck_client.render.metrics import metric_label
from tapedeck_client.render.text import scalar
from tapedeck_client.sweep_rows import LOWEST_IS_BEST, ResultRow

MOST_TICKS = 12
"""Values written along an axis; with more of them only every n-th one is."""


class Cells(NamedTuple):
    """A metric over two parameters."""

    x_values: list[object]
    """Ascending when they are numbers, else in the order in which they came."""
    y_values: list[object]
    values: list[list[float]]
    """[y values x x values]; NaN where there is no result, or the metric is undefined."""


def cells(rows: Iterable[ResultRow], metric: str, x: str, y: str) -> Cells:
    """What rows of one symbol say of a metric over the parameters x and y."""
    found = {(_key(row.parameters[x]), _key(row.parameters[y])): row for row in rows}
    x_values = _axis(row.parameters[x] for row in found.values())
    y_values = _axis(row.parameters[y] for row in found.values())

    def value(at_x: object, at_y: object) -> float:
        row = found.get((_key(at_x), _key(at_y)))
        measured = row.metrics.get(metric) if row else None
        return math.nan if measured is None else measured

    return Cells(x_values, y_values, [[value(at_x, at_y) for at_x in x_values] for at_y in y_values])


def _key(value: object) -> str:
    """Values may be lists, which are no keys."""
    return repr(value)


def _axis(values: Iterable[object]) -> list[object]:
    different = list({_key(value): value for value in values}.values())
    numbers = [value for value in different if isinstance(value, int | float)]
    return [*sorted(numbers)] if len(numbers) == len(different) else different


class Heatmap:
    """A picture that is drawn when the results are known; made before the sweep, so that what hinders it is known before the work."""

    def __init__(self, path: Path, x: str, y: str) -> None:
        """Prepare a picture.

        Args:
            path: Where it is written; its suffix says as what.
            x: Parameter along the bottom.
            y: Parameter along the side.

        Raises:
            click.ClickException: matplotlib is not installed.
            click.BadParameter: matplotlib writes no such files, or there is no such folder.
        """
        self._picture = Picture(path, "--heatmap")
        self._x, self._y = x, y

    def draw(self, rows: Sequence[ResultRow], metric: str, title: str) -> str:
        """Write the picture and say so, or why there is none.

        Raises:
            click.ClickException: the file can't be written.
        """
        shown = cells(rows, metric, self._x, self._y)
        if all(math.isnan(value) for row in shown.values for value in row):
            return f"no picture: no result has a {metric_label(metric)}"
        figure = self._picture.figure
        axes = figure.subplots()
        colours = "viridis_r" if metric in LOWEST_IS_BEST else "viridis"
        image = axes.imshow(shown.values, origin="lower", aspect="auto", cmap=colours)
        figure.colorbar(image, label=metric_label(metric))
        axes.set_title(title)
        axes.set_xlabel(self._x)
        axes.set_ylabel(self._y)
        axes.set_xticks(*_ticks(shown.x_values), rotation=45, ha="right")
        axes.set_yticks(*_ticks(shown.y_values))
        self._picture.save()
        return f"{self._picture.path} shows {metric_label(metric)} over {self._x} and {self._y}"


def _ticks(values: Sequence[object]) -> tuple[list[int], list[str]]:
    """Places along an axis, counted from 0, and what is written there."""
    places = [*range(0, len(values), math.ceil(len(values) / MOST_TICKS))]
    return places, [scalar(values[place]) for place in places]
