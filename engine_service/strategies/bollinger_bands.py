"""Buys below the lower band and sells at the middle."""

from __future__ import annotations

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy
from engine_service.strategies.decisions import in_and_out, side_by_side
from engine_service.strategies.indicators import deviation, sma


class BollingerBands(Parameters):
    """The bands and the size."""

    window: int = pydantic.Field(default=20, ge=2, le=1000, description="Bars of the moving average and of the standard deviation.")
    width: float = pydantic.Field(
        default=2.0, gt=0, le=10, description="Distance of the lower band from the average, in standard deviations."
    )
    weight: float = pydantic.Field(
        default=0.95, gt=0, le=1, description="Share of the portfolio's value to invest, split equally between the symbols."
    )


def signals(bars: Bars, parameters: BollingerBands) -> NDArray[np.float64]:
    """In from a close below mean - width * standard deviation (ddof 0) until a close at or above the mean."""
    weight = parameters.weight / len(bars.symbols)
    columns = []
    for close in bars.close:
        mean = sma(close, parameters.window)
        lower = mean - parameters.width * deviation(close, parameters.window)
        columns.append(in_and_out(close < lower, close >= mean, weight))
    return side_by_side(columns)


STRATEGY = Strategy(
    name="bollinger_bands",
    type="mean_reversion",
    doc="Buys a symbol that closes below its lower Bollinger band and sells it when it is back at the moving average.",
    parameters=BollingerBands,
    signals=signals,
    warm_up=lambda parameters: int(parameters.window) - 1,
)
