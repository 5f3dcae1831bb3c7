"""Buys on the first session and holds."""

from __future__ import annotations

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy


class BuyAndHold(Parameters):
    """How much is bought."""

    weight: float = pydantic.Field(
        default=0.95, gt=0, le=1, description="Share of the portfolio's value to invest, split equally between the symbols."
    )


def signals(bars: Bars, parameters: BuyAndHold) -> NDArray[np.float64]:
    """One decision for each symbol, on its first bar."""
    targets = np.full((len(bars.sessions), len(bars.symbols)), np.nan)
    for column, close in enumerate(bars.close):
        targets[np.flatnonzero(~np.isnan(close))[:1], column] = parameters.weight / len(bars.symbols)
    return targets


STRATEGY = Strategy(
    name="buy_and_hold",
    type="passive",
    doc="Buys every symbol on the first session, in equal parts, and holds. The yardstick for everything else.",
    parameters=BuyAndHold,
    signals=signals,
)
