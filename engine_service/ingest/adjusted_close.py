"""Splits and dividends from an adjusted close.

A source's adjustment factor f = adjusted close / close is constant but for its events. On an ex-date it jumps by
r = f[before] / f[on]: by the ratio of a split, or by what a dividend took from the price.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np
import polars as pl

from engine_service.ingest.draft import DIVIDENDS, SPLITS, IngestRefused

DividendRule = Literal["previous-close", "ex-close"]
"""How the source computed a dividend's jump. previous-close: r = 1 - amount / close before (CRSP, Yahoo).
ex-close: r = close on the ex-date / (that close + amount) (Quandl WIKI)."""

NOISE = 1e-6
"""Jumps below it are rounding. A dividend moves the factor by 1e-4 or more; adjusted closes with 12 decimals by 1e-13."""

LARGEST_DENOMINATOR = 21
"""A split's ratio is a fraction of small numbers; 20/21 is the 5 % stock dividend."""

LARGEST_DIVIDEND_SHARE = 0.25
"""A jump that is no split and takes more than this share of the price is left to people to explain."""

AMOUNT_DECIMALS = 6
"""Dividends are declared with at most so many; what follows is noise."""

LARGEST_EVENT_RATE = 0.05
"""More events than one in 20 bars means that the adjusted close is rounded too coarsely to tell events from noise."""


def derive_events(bars: pl.DataFrame, adjusted_close: pl.Series, rule: DividendRule) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tell splits from dividends and find their sizes. The source names no pay dates, so they are null.

    A jump is a split when it is a simple fraction and the price jumped along (nearer to the ratio than to 1), or when it is above 1, which
    no dividend can cause. Otherwise it is a dividend.

    Args:
        bars: As in `Draft.bars`, by symbol and date.
        adjusted_close: One for each bar.
        rule: How the source adjusts for dividends.

    Returns:
        Splits and dividends, as in `Draft`.

    Raises:
        IngestRefused: jumps that are neither.
    """
    problems: list[str] = []
    splits: list[tuple[str, dt.date, float]] = []
    dividends: list[tuple[str, dt.date, None, float]] = []
    frame = bars.select("symbol", "date", "close").with_columns(adjusted_close.cast(pl.Float64).alias("adjusted"))
    for (symbol,), own in frame.group_by("symbol", maintain_order=True):
        close, adjusted = own["close"].to_numpy(), own["adjusted"].to_numpy()
        if not (np.isfinite(adjusted) & (adjusted > 0)).all():
            problems.append(f"{symbol}: an adjusted close must be a number above 0")
            continue
        jumps = list(_jumps(close, adjusted))
        if len(jumps) > max(1.0, LARGEST_EVENT_RATE * len(close)):
            problems.append(f"{symbol}: the adjusted close is rounded too coarsely to find events; give splits and dividends as files")
            continue
        for row, jump in jumps:
            date, ratio = own["date"][row], _split_ratio(jump, close[row] / close[row - 1])
            if ratio is not None:
                splits.append((str(symbol), date, ratio))
            elif 0 < 1 - jump <= LARGEST_DIVIDEND_SHARE:
                taken = close[row] * (1 / jump - 1) if rule == "ex-close" else close[row - 1] * (1 - jump)
                dividends.append((str(symbol), date, None, round(float(taken), AMOUNT_DECIMALS)))
            else:
                problems.append(f"{symbol} {date}: the adjusted close jumps by {jump:.6g}, which is neither a split nor a dividend")
    if problems:
        raise IngestRefused(problems)
    return pl.DataFrame(splits, schema=SPLITS, orient="row"), pl.DataFrame(dividends, schema=DIVIDENDS, orient="row")


def _jumps(close: np.ndarray, adjusted: np.ndarray) -> Iterator[tuple[int, float]]:
    factor = adjusted / close
    jumps = factor[:-1] / factor[1:]
    for row in np.flatnonzero(abs(jumps - 1) > NOISE):
        yield int(row) + 1, float(jumps[row])


def _split_ratio(jump: float, price_change: float) -> float | None:
    simple = float(Fraction(jump).limit_denominator(LARGEST_DENOMINATOR))
    if simple in {0, 1} or abs(jump / simple - 1) > NOISE:
        return None
    price_jumped_along = abs(math.log(price_change / simple)) < abs(math.log(price_change))
    return simple if price_jumped_along or jump > 1 else None
