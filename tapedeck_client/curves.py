"""What an equity curve says, in plain Python: a client has no numpy. Returns are fractions; a year has 252 sessions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

SESSIONS_PER_YEAR = 252


class YearOfReturns(NamedTuple):
    """The returns of one calendar year."""

    year: int
    months: list[float | None]
    """January to December [12]; None for a month without a session, or without a value to start from."""
    whole: float | None
    """Of all its sessions."""


class Rolling(NamedTuple):
    """Statistics of a window that moves along the sessions: NaN until it is full, and where they are undefined."""

    volatility: list[float]
    """Standard deviation of session returns (ddof 1) times sqrt(252) [T]."""
    sharpe_ratio: list[float]
    """Mean session return / its standard deviation (ddof 1) times sqrt(252), risk-free rate 0 [T]."""


def session_returns(values: Sequence[float], capital: float) -> list[float]:
    """Return of each session: value / the value before - 1, with the capital before the first one.

    Args:
        values: Portfolio values at the close of each session [T].
        capital: Starting cash.

    Returns:
        Fractions [T]; NaN after a value of 0.
    """
    return [value / before - 1 if before else math.nan for before, value in itertools.pairwise([capital, *values])]


def drawdowns(values: Sequence[float], capital: float) -> list[float]:
    """Drawdown at each close: value / the highest value so far - 1, where the capital (above 0) counts as the first value.

    Args:
        values: Portfolio values [T].
        capital: Starting cash.

    Returns:
        Fractions of at most 0 [T].
    """
    highest = itertools.accumulate(values, max, initial=capital)
    return [value / most - 1 for value, most in zip(values, itertools.islice(highest, 1, None), strict=True)]


def yearly_returns(session_dates: Sequence[int], values: Sequence[float], capital: float) -> list[YearOfReturns]:
    """Returns of calendar months and years, oldest first.

    The return of a month is the product of 1 + the return of each of its sessions, minus 1. The product of consecutive sessions is the last
    value over the value before the first, and is computed so.

    Args:
        session_dates: As yyyymmdd, ascending [T].
        values: Portfolio values [T].
        capital: Starting cash.
    """
    years: list[YearOfReturns] = []
    month_start = year_start = capital
    for (year, month), value in _month_ends(session_dates, values):
        if not years or years[-1].year != year:
            year_start = month_start
            years.append(YearOfReturns(year, [None] * 12, None))
        months = years[-1].months
        months[month - 1] = _growth(month_start, value)
        years[-1] = YearOfReturns(year, months, _growth(year_start, value))
        month_start = value
    return years


def _month_ends(session_dates: Sequence[int], values: Sequence[float]) -> list[tuple[tuple[int, int], float]]:
    """(year, month) and the last value of each month that has sessions."""
    return [*{(date // 10_000, date // 100 % 100): value for date, value in zip(session_dates, values, strict=True)}.items()]


def _growth(start: float, end: float) -> float | None:
    return end / start - 1 if start else None


def rolling(returns: Sequence[float], window: int) -> Rolling:
    """Volatility and Sharpe ratio of the last `window` sessions, at each session.

    Args:
        returns: Session returns as fractions [T].
        window: Sessions of it, at least 2.
    """
    volatility, sharpe_ratio = [math.nan] * len(returns), [math.nan] * len(returns)
    annual = math.sqrt(SESSIONS_PER_YEAR)
    for end in range(window, len(returns) + 1):
        part = returns[end - window : end]
        mean = math.fsum(part) / window
        deviation = math.sqrt(math.fsum((r - mean) ** 2 for r in part) / (window - 1))
        volatility[end - 1] = deviation * annual
        sharpe_ratio[end - 1] = mean / deviation * annual if deviation else math.nan
    return Rolling(volatility, sharpe_ratio)
