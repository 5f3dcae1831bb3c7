"""Bars for tests of strategies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from engine_service.strategies import Bars


def make_bars(closes: Mapping[str, ArrayLike], *, first: str = "2020-01-01") -> Bars:
    """Bars whose open, high and low equal the close, one per calendar day."""
    own = tuple(np.array(values, dtype=np.float64) for values in closes.values())
    days = np.datetime64(first) + np.arange(len(own[0]))
    sessions = np.array([int(str(day).replace("-", "")) for day in days], dtype=np.int32)
    volume = tuple(np.where(np.isnan(values), np.nan, 1e6) for values in own)
    return Bars(tuple(closes), sessions, own, own, own, own, volume)
