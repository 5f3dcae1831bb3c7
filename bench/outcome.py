"""What came out of a measurement, and whether it is good enough."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ROUGH = 2.0
"""How far beyond its bound a ratio may be in a short run: few rounds on a busy machine find what broke, not what drifted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Two figures of one run, and the bound of the first divided by the second."""

    name: str
    measured: float
    reference: float
    unit: str
    bound: float
    is_least: bool = False
    """Whether the bound is the least ratio allowed, not the greatest."""

    @property
    def ratio(self) -> float:
        """Measured figure / reference."""
        return self.measured / self.reference

    def holds(self, *, slack: float = 1.0) -> bool:
        """Whether the ratio is within its bound, or at most `slack` times beyond it."""
        return self.ratio >= self.bound / slack if self.is_least else self.ratio <= self.bound * slack

    def __str__(self) -> str:
        figures = f"{self.measured:9.2f} {self.unit} against {self.reference:9.2f} {self.unit}"
        sign = ">=" if self.is_least else "<="
        return f"{self.name:<64} {figures:<42} ratio {self.ratio:6.3f}  {sign} {self.bound:<5g} {'PASS' if self.holds() else 'FAIL'}"


def milliseconds(seconds: Sequence[float]) -> float:
    """The median, in milliseconds."""
    return statistics.median(seconds) * 1e3
