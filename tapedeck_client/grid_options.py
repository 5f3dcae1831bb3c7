"""Options that say which parameters a sweep tries: --grid, --list and --sample."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import IO, Any, NamedTuple

import click
from google.protobuf.struct_pb2 import ListValue

from tapedeck.v1.sweep_pb2 import ParameterRange, ParameterSample
from tapedeck_client.client_sweeps import Combinations
from tapedeck_client.option_types import parse_pair, parse_scalar
from tapedeck_client.terminal import F

MOST_GRID_VALUES = 100_000
"""Values of one parameter: a megabyte of a request, and more than anybody means to try."""


class Steps(NamedTuple):
    """Numbers at equal distances, as they were written: in decimals 0:1:0.1 has a 0.3, in binary a 0.30000000000000004."""

    start: Decimal
    stop: Decimal
    """Inclusive."""
    step: Decimal | None
    """None: left out, which means 1 in a grid, and what suits the parameter in a sample."""

    @property
    def extent(self) -> Decimal:
        """How many there are, whole or not."""
        return (self.stop - self.start) / (self.step or 1) + 1

    def numbers(self) -> list[float]:
        """All of them."""
        return [float(self.start + i * (self.step or 1)) for i in range(int(self.extent))]


class Axis(NamedTuple):
    """A parameter and what it may be."""

    name: str
    values: list[Any] | Steps
    """JSON values, or numbers at equal distances."""

    @property
    def varies(self) -> bool:
        """Whether it may be more than one thing."""
        return (self.values.extent >= 2) if isinstance(self.values, Steps) else len(self.values) > 1

    def listed(self) -> list[Any]:
        """Every value, in order."""
        return self.values.numbers() if isinstance(self.values, Steps) else self.values

    def drawn_from(self) -> ParameterRange:
        """What a sample draws from."""
        if isinstance(self.values, Steps):
            start, stop, step = self.values
            return ParameterRange(minimum=float(start), maximum=float(stop), step=float(step or 0))
        listed = ListValue()
        listed.extend(self.values)
        return ParameterRange(values=listed.values)


def parse_axis(text: str) -> Axis:
    """NAME=VALUES: values separated by commas, START:STOP or START:STOP:STEP, or a JSON list.

    Raises:
        click.BadParameter: it is not written so, or has no value, or too many.
    """
    name, written = parse_pair(text)
    if written.startswith("["):
        return Axis(name, _json_list(name, written))
    if ":" in written:
        return Axis(name, _steps(name, written))
    pieces = [piece.strip() for piece in written.split(",")]
    if not all(pieces):
        raise click.BadParameter(f"{name} has an empty value in {written!r}")
    return Axis(name, [parse_scalar(piece) for piece in pieces])


def _json_list(name: str, written: str) -> list[Any]:
    try:
        values: list[Any] = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{name} is no JSON list: {error}") from None
    if not values:
        raise click.BadParameter(f"{name} has no value")
    return values


def _steps(name: str, written: str) -> Steps:
    try:
        numbers = [Decimal(piece) for piece in written.split(":")]
    except InvalidOperation:
        numbers = []
    if len(numbers) not in {2, 3} or not all(math.isfinite(number) and math.isfinite(float(number)) for number in numbers):
        raise click.BadParameter(f"{name} takes numbers as START:STOP:STEP, not {written!r} (texts with a colon are given as a JSON list)")
    steps = Steps(numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None)
    if steps.step is not None and float(steps.step) <= 0:
        raise click.BadParameter(f"{name} needs a step above 0, not {steps.step}")
    if steps.stop < steps.start:
        raise click.BadParameter(f"{name} has no value: {steps.stop} is less than {steps.start}")
    if steps.extent > MOST_GRID_VALUES:
        raise click.BadParameter(f"{name} has more than {MOST_GRID_VALUES:,} values")
    return steps


_OPTIONS = (
    click.option(
        "--grid",
        "-g",
        "axes",
        type=parse_axis,
        multiple=True,
        metavar="NAME=VALUES",
        help="Values of a parameter: 5,10,20 or START:STOP:STEP (STOP included) or a JSON list; repeatable.",
    ),
    click.option("--list", "list_file", type=click.File(encoding="utf-8"), help="Combinations as a JSON list of objects, - for stdin."),
    click.option("--sample", "sample_count", type=click.IntRange(1, 2**31 - 1), metavar="N", help="Draw N combinations from --grid."),
)


def combination_options(command: F) -> F:
    """Where the parameters that vary come from."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def combinations(axes: Sequence[Axis], list_file: IO[str] | None, sample_count: int | None, seed: int) -> Combinations:
    """What the options say together.

    Raises:
        click.UsageError: they say nothing, or contradict each other.
    """
    if bool(axes) == bool(list_file):
        raise click.UsageError("say which parameters to try: either --grid NAME=VALUES or --list FILE")
    if list_file:
        if sample_count:
            raise click.UsageError("--sample draws from --grid, not from --list")
        return _read_list(list_file)
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise click.UsageError(f"--grid names {twice} twice: give all its values at once")
    if sample_count:
        return ParameterSample(ranges={axis.name: axis.drawn_from() for axis in axes}, count=sample_count, seed=seed)
    return {axis.name: axis.listed() for axis in axes}


def _read_list(file: IO[str]) -> list[dict[str, object]]:
    try:
        read = json.load(file)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{file.name} is no JSON: {error}", param_hint="--list") from None
    if not isinstance(read, list) or not read or not all(isinstance(combination, dict) for combination in read):
        raise click.BadParameter(f'{file.name} holds no list of combinations such as [{{"fast": 10, "slow": 50}}]', param_hint="--list")
    return read
