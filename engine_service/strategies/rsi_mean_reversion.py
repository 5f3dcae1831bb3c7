"""Buys what has fallen too fast and sells what has risen too fast."""

from __future__ import annotations

from typing import Self

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy
from engine_service.strategies.decisions import in_and_out, side_by_side
from engine_service.strategies.indicators import rsi


class RsiMeanReversion(Parameters):
    """The index, its two levels and the size."""

    window: int = pydantic.Field(default=14, ge=2, le=500, description="Bars over which rises and falls are averaged.")
    oversold: float = pydantic.Field(default=30.0, gt=0, lt=100, description="RSI below which a symbol is bought; below overbought.")
    overbought: float = pydantic.Field(default=70.0, gt=0, lt=100, description="RSI above which it is sold.")
    weight: float = pydantic.Field(
        default=0.95, gt=0, le=1, description="Share of the portfolio's value to invest, split equally between the symbols."
    )

    @pydantic.model_validator(mode="after")
    def _oversold_below_overbought(self) -> Self:
        if self.oversold >= self.overbought:
            raise ValueError(f"oversold ({self.oversold:g}) must be below overbought ({self.overbought:g})")
        return self


def signals(bars: Bars, parameters: RsiMeanReversion) -> NDArray[np.float64]:
    """In from an RSI below `oversold` until one above `overbought`."""
    weight = parameters.weight / len(bars.symbols)
    columns = []
    for close in bars.close:
        index = rsi(close, parameters.window)
        columns.append(in_and_out(index < parameters.oversold, index > parameters.overbought, weight))
    return side_by_side(columns)


STRATEGY = Strategy(
    name="rsi_mean_reversion",
    type="mean_reversion",
    doc="Buys a symbol when its relative strength index falls below `oversold` and sells it when the index rises above `overbought`.",
    parameters=RsiMeanReversion,
    signals=signals,
    warm_up=lambda parameters: int(parameters.window),
)
