"""Where the parameters of a sweep come from: every combination of some values, a list, or a seeded sample.

A combination is a mapping from the names of parameters to their values as JSON has them. Combinations are made when they are asked for: a
sequence of a million takes no room. Pure.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

Combination = Mapping[str, Any]

MAX_DRAWS_PER_COMBINATION = 20
"""A continuous space yields another combination with nearly every draw; one that does not has hardly any, and fewer come."""


@dataclass(frozen=True, slots=True)
class Grid(Sequence[Combination]):
    """Every combination of the values of each parameter; that of the last parameter changes fastest."""

    axes: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        """Number of combinations; OverflowError when it is astronomical, see `size`."""
        return self.size

    def __iter__(self) -> Iterator[Combination]:
        """All of them in order, faster than one by one."""
        return (dict(zip(self.axes, values, strict=True)) for values in itertools.product(*self.axes.values()))

    @property
    def size(self) -> int:
        """Number of combinations, however many there are."""
        return math.prod(map(len, self.axes.values()))

    @overload
    def __getitem__(self, place: int) -> Combination: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Combination]: ...
    def __getitem__(self, place: int | slice) -> Combination | Sequence[Combination]:
        """The combination at a place, counted from 0."""
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        size = self.size
        if not -size <= place < size:
            raise IndexError(place)
        left = place % size
        found = {}
        for name in reversed(list(self.axes)):
            left, at = divmod(left, len(self.axes[name]))
            found[name] = self.axes[name][at]
        return found


@dataclass(frozen=True, slots=True)
class Steps(Sequence[Any]):
    """Evenly spaced numbers: minimum + k * step for k from 0 to count - 1, none above maximum."""

    minimum: float
    maximum: float
    step: float
    is_integer: bool

    def __len__(self) -> int:
        """Number of values."""
        # A little more than nothing, so that 0.1, 0.2, 0.3 ends with 0.3 although 0.1 + 2 * 0.1 is above it.
        return math.floor((self.maximum - self.minimum) / self.step + 1e-9) + 1

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[float]: ...
    def __getitem__(self, place: int | slice) -> float | Sequence[float]:
        """The value at a place, counted from 0."""
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        value = min(self.minimum + place * self.step, self.maximum)
        return round(value) if self.is_integer else value


@dataclass(frozen=True, slots=True)
class Anything:
    """Any number from minimum to maximum."""

    minimum: float
    maximum: float


def sample(axes: Mapping[str, Sequence[Any] | Anything], count: int, seed: int) -> Sequence[Combination]:
    """Draw different combinations, the same ones for the same seed; all of them when there are no more than `count`.

    Args:
        axes: What is drawn for each parameter, every value equally likely.
        count: How many to draw.
        seed: Seed of the drawing.
    """
    source = random.Random(seed)  # noqa: S311 - must be repeatable, nothing secret
    listed = {name: values for name, values in axes.items() if not isinstance(values, Anything)}
    if len(listed) == len(axes) and Grid(listed).size <= count:
        return Grid(listed)
    drawn: dict[tuple[Any, ...], None] = {}
    if len(listed) == len(axes) and Grid(listed).size <= 2 * count:
        # So few are left out that drawing until all are found would take long.
        return [Grid(listed)[place] for place in source.sample(range(Grid(listed).size), count)]
    for _ in range(count * MAX_DRAWS_PER_COMBINATION):
        drawn.setdefault(tuple(_places(axes, source)))
        if len(drawn) == count:
            break
    return [
        {name: place if isinstance(values, Anything) else values[place] for (name, values), place in zip(axes.items(), places, strict=True)}
        for places in drawn
    ]


def _places(axes: Mapping[str, Sequence[Any] | Anything], source: random.Random) -> list[Any]:
    """For each parameter a place in its values, or the value itself when it may be any number."""
    return [
        source.uniform(values.minimum, values.maximum) if isinstance(values, Anything) else source.randrange(len(values))
        for values in axes.values()
    ]
