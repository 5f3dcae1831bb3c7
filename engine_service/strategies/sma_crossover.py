"""Holds while a fast moving average is above a slow one."""

from __future__ import annotations

from typing import Self

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy
from engine_service.strategies.decisions import in_while_above, side_by_side
from engine_service.strategies.indicators import sma


class SmaCrossover(Parameters):
    """The two averages and the size."""

    fast: int = pydantic.Field(default=10, ge=1, le=500, description="Bars of the fast moving average; fewer than slow.")
    slow: int = pydantic.Field(default=30, ge=2, le=1000, description="Bars of the slow moving average.")
    weight: float = pydantic.Field(
        default=0.95, gt=0, le=1, description="Share of the portfolio's value to invest, split equally between the symbols."
    )

    @pydantic.model_validator(mode="after")
    def _fast_below_slow(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be below slow ({self.slow})")
        return self


def signals(bars: Bars, parameters: SmaCrossover) -> NDArray[np.float64]:
    """In while the mean of the last `fast` closes is above that of the last `slow`, out otherwise."""
    weight = parameters.weight / len(bars.symbols)
    columns = []
    for close in bars.close:
        fast, slow = sma(close, parameters.fast), sma(close, parameters.slow)
        columns.append(in_while_above(fast, slow, weight))
    return side_by_side(columns)


STRATEGY = Strategy(
    name="sma_crossover",
    type="trend",
    doc="Holds a symbol while the moving average of its last `fast` closes is above that of its last `slow` closes.",
    parameters=SmaCrossover,
    signals=signals,
    warm_up=lambda parameters: int(parameters.slow) - 1,
)
