"""Holds the best of many."""

from __future__ import annotations

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy
from engine_service.strategies.indicators import gain


class CrossSectionalMomentum(Parameters):
    """How the best are found and how many are held."""

    lookback: int = pydantic.Field(default=126, ge=1, le=1000, description="Bars over which returns are measured.")
    top: int = pydantic.Field(default=2, ge=1, le=1000, description="How many symbols are held.")
    weight: float = pydantic.Field(
        default=0.95, gt=0, le=1, description="Share of the portfolio's value to invest, split equally between those held."
    )


def signals(bars: Bars, parameters: CrossSectionalMomentum) -> NDArray[np.float64]:
    """On the first session of each month, weight / top for each of the `top` highest returns, 0 for the others with a bar.

    Equal returns are ranked in the order of the symbols. A symbol without a bar on that session, or with fewer than `lookback` before it,
    is not ranked.
    """
    months = bars.sessions // 100
    rows = np.flatnonzero(months[1:] != months[:-1]) + 1
    gains = np.column_stack([gain(close, parameters.lookback)[rows] for close in bars.close])
    exists = np.column_stack([~np.isnan(close[rows]) for close in bars.close])
    ranked = np.argsort(-gains, axis=1, kind="stable")[:, : parameters.top]  # NaN comes last
    month, place = np.nonzero(~np.isnan(np.take_along_axis(gains, ranked, axis=1)))
    decided = np.where(exists & ~np.isnan(gains).all(axis=1, keepdims=True), 0.0, np.nan)
    decided[month, ranked[month, place]] = parameters.weight / parameters.top
    targets = np.full((len(bars.sessions), len(bars.symbols)), np.nan)
    targets[rows] = decided
    return targets


STRATEGY = Strategy(
    name="cross_sectional_momentum",
    type="cross_section",
    doc="On the first session of each month, puts equal parts into the `top` symbols of highest return over the last `lookback` bars.",
    parameters=CrossSectionalMomentum,
    signals=signals,
    warm_up=lambda parameters: int(parameters.lookback),
    minimum_symbols=2,
)
