"""Holds what has risen."""

from __future__ import annotations

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy
from engine_service.strategies.decisions import in_and_out, side_by_side
from engine_service.strategies.indicators import gain


class Momentum(Parameters):
    """How far to look back and how much of a rise it takes."""

    lookback: int = pydantic.Field(default=126, ge=1, le=1000, description="Bars over which the return is measured.")
    threshold: float = pydantic.Field(default=0.0, gt=-1, le=10, description="Return above which a symbol is held, as a fraction.")
    weight: float = pydantic.Field(
        default=0.95, gt=0, le=1, description="Share of the portfolio's value to invest, split equally between the symbols."
    )


def signals(bars: Bars, parameters: Momentum) -> NDArray[np.float64]:
    """In while the return over the last `lookback` bars is above the threshold, out otherwise."""
    weight = parameters.weight / len(bars.symbols)
    columns = []
    for close in bars.close:
        rise = gain(close, parameters.lookback)
        columns.append(in_and_out(rise > parameters.threshold, rise <= parameters.threshold, weight))
    return side_by_side(columns)


STRATEGY = Strategy(
    name="momentum",
    type="trend",
    doc="Holds a symbol while its return over the last `lookback` bars, dividends included, is above `threshold`.",
    parameters=Momentum,
    signals=signals,
    warm_up=lambda parameters: int(parameters.lookback),
)
