"""The numeric core of metrics: arrays in, scalars out, compiled, so that a single run and a sweep of many compute the same bits.

Its sums are sequential loops, whose bits depend neither on a BLAS nor on vector instructions. A sweep calls it a million times a minute, so
loops run side by side where they can and divide only where they must.

Rates are those of empyrical-reloaded 0.7 (empyrical/stats.py) and agree with it to rounding wherever both are defined and finite. The edges
differ:

- empyrical answers NaN or infinity where a rate is undefined; here it is always NaN, or infinite where a float64 overflows.
- empyrical compounds session returns where annual_return and max_drawdown take the portfolio values themselves.
- empyrical's annual_volatility of equal returns can leave a residue of about 1e-18; here it is exactly 0.
- empyrical's alpha of a mean excess below -100 % a session is that of its mirror image; here it is undefined, as there is no growth.
- Session returns after a portfolio value of 0 or below are undefined, and with them all that is made of session returns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine_service.kernel.compilation import compiled

SESSIONS_PER_YEAR = 252.0

MIN_BENCHMARK_VARIANCE = 1e-30
"""A benchmark that moves less than this does not move: no slope can be measured against it. The same as empyrical's."""

NO_SESSION = -1
"""The row of a session that does not exist."""

MAYBE_DEEPER = 1e-12
"""Falls are divided out only when they come so near to the deepest one that rounding might matter, or pass it."""


class Moments(NamedTuple):
    """What follows from the distribution of session returns; NaN is undefined."""

    annual_volatility: float
    sharpe_ratio: float
    sortino_ratio: float
    best_session_return: float
    worst_session_return: float
    best_session: int
    worst_session: int


class Drawdown(NamedTuple):
    """The deepest fall, and the rows of the sessions that bound it."""

    depth: float
    peak: int
    valley: int
    recovery: int


class Trades(NamedTuple):
    """What follows from the profits and losses of round trips; NaN is undefined."""

    trades_won: int
    trades_lost: int
    win_rate: float
    profit_factor: float
    expectancy: float
    average_win: float
    average_loss: float


class Measures(NamedTuple):
    """All that `measure` finds; NaN is undefined, NO_SESSION is no session."""

    total_return: float
    annual_return: float
    calmar_ratio: float
    turnover: float
    alpha: float
    beta: float
    moments: Moments
    drawdown: Drawdown
    trades: Trades


@compiled
def measure(
    values: NDArray[np.float64], capital_base: float, pnls: NDArray[np.float64], traded_value: float, benchmark: NDArray[np.float64]
) -> Measures:
    """All measures of a run.

    total_return = values[-1] / capital_base - 1; annual_return = (values[-1] / capital_base) ** (252 / T) - 1, undefined when more than the
    capital is lost; calmar_ratio = annual_return / |max_drawdown|; turnover = traded_value / 2 / (T / 252) / mean(values).

    Args:
        values: Portfolio value at each session's close [T], T >= 1, no NaN; this array and the others are float64, contiguous, writable.
        capital_base: Cash before the first session, above 0.
        pnls: Profit or loss of each round trip, in account currency.
        traded_value: Sum of |quantity * price| over all fills.
        benchmark: Closes of the benchmark, above 0 or NaN [T + 1], the first one before the first session; or empty.
    """
    years = len(values) / SESSIONS_PER_YEAR
    growth = values[-1] / capital_base
    annual_return = growth ** (1.0 / years) - 1.0 if growth >= 0.0 else np.nan
    returns = _session_returns(values, capital_base)
    drawdown, mean_value, mean_return = _falls_and_means(values, returns, capital_base)
    calmar_ratio = annual_return / -drawdown.depth if drawdown.depth < 0.0 else np.nan
    turnover = traded_value / 2.0 / years / mean_value if mean_value > 0.0 else np.nan
    alpha, beta = _regression(returns, benchmark)
    moments = _moments(returns, mean_return)
    return Measures(growth - 1.0, annual_return, calmar_ratio, turnover, alpha, beta, moments, drawdown, _trades(pnls))


@compiled
def average(values: NDArray[np.float64]) -> float:
    """The mean; undefined, NaN, of nothing."""
    return _mean(values) if len(values) else np.nan


@compiled
def _mean(values: NDArray[np.float64]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


@compiled
def _session_returns(values: NDArray[np.float64], capital_base: float) -> NDArray[np.float64]:
    """r[t] = values[t] / values[t - 1] - 1, with capital_base before the first; empty when a value but the last is 0 or below."""
    ruined = 0
    for t in range(len(values) - 1):
        ruined += not values[t] > 0.0  # a count, unlike a minimum, is found with vector instructions
    if ruined or not capital_base > 0.0:
        return np.empty(0)
    returns = np.empty(len(values))
    returns[0] = values[0] / capital_base - 1.0
    for t in range(1, len(values)):
        returns[t] = values[t] / values[t - 1] - 1.0
    return returns


@compiled
def _moments(returns: NDArray[np.float64], mean: float) -> Moments:
    """Volatility, Sharpe ratio (Sharpe, "The Sharpe Ratio", 1994) and Sortino ratio against 0; the first of several best or worst sessions.

    annual_volatility = std(r, ddof=1) * sqrt(252); sharpe_ratio = mean(r) / std(r, ddof=1) * sqrt(252); sortino_ratio = mean(r) * 252 /
    (sqrt(mean(min(r, 0) ** 2)) * sqrt(252)), each undefined for fewer than two sessions, the ratios also when they divide by 0.
    """
    if not len(returns):
        return Moments(np.nan, np.nan, np.nan, np.nan, np.nan, NO_SESSION, NO_SESSION)
    best, worst, squares, downside = 0, 0, 0.0, 0.0
    highest, lowest = returns[0], returns[0]
    for t in range(len(returns)):
        if returns[t] > highest:
            best, highest = t, returns[t]
        if returns[t] < lowest:
            worst, lowest = t, returns[t]
        squares += (returns[t] - mean) * (returns[t] - mean)
        fall = min(returns[t], 0.0)
        downside += fall * fall
    volatility, sharpe, sortino = np.nan, np.nan, np.nan
    root = np.sqrt(SESSIONS_PER_YEAR)
    if len(returns) > 1:
        # The mean of equal returns may differ from them in its last bit; they deviate from nothing.
        deviation = np.sqrt(squares / (len(returns) - 1)) if highest > lowest else 0.0
        volatility = deviation * root
        sharpe = mean / deviation * root if deviation > 0.0 else np.nan
        risk = np.sqrt(downside / len(returns)) * root
        sortino = mean * SESSIONS_PER_YEAR / risk if risk > 0.0 else np.nan
    return Moments(volatility, sharpe, sortino, highest, lowest, best, worst)


@compiled
def _falls_and_means(values: NDArray[np.float64], returns: NDArray[np.float64], capital_base: float) -> tuple[Drawdown, float, float]:
    """The deepest fall and the means of values and of returns, side by side, as each alone waits for itself; that of no returns is 0.

    The deepest fall is the lowest over t of values[t] / max(capital_base, values[:t]) - 1: 0 without a fall, below -1 when more than
    everything is lost. Of several sessions at the highest value the last one is the peak; of several equal falls the first one counts.
    """
    highest, highest_at = capital_base, NO_SESSION
    depth, peak, valley, recovery = 0.0, NO_SESSION, NO_SESSION, NO_SESSION
    bound = peak_value = capital_base
    total_value, total_return = 0.0, 0.0
    changes = returns if len(returns) else np.zeros(len(values))
    for t in range(len(values)):
        value = values[t]
        total_value += value
        total_return += changes[t]
        if value >= highest:
            highest, highest_at = value, t
            bound = highest * (1.0 + depth + MAYBE_DEEPER)
            if valley != NO_SESSION and recovery == NO_SESSION and value >= peak_value:
                recovery = t
        elif value < bound and (value - highest) / highest < depth:
            depth, peak, valley, recovery, peak_value = (value - highest) / highest, highest_at, t, NO_SESSION, highest
            bound = highest * (1.0 + depth + MAYBE_DEEPER)
    return Drawdown(depth, peak, valley, recovery), total_value / len(values), total_return / len(values)


@compiled
def _trades(pnls: NDArray[np.float64]) -> Trades:
    """win_rate = won / total; profit_factor = sum of profits / |sum of losses|, undefined without a loss; expectancy = mean pnl."""
    won, lost, profits, losses = 0, 0, 0.0, 0.0
    for pnl in pnls:
        if pnl > 0.0:
            won, profits = won + 1, profits + pnl
        elif pnl < 0.0:
            lost, losses = lost + 1, losses + pnl
    if not len(pnls):
        return Trades(0, 0, np.nan, np.nan, np.nan, np.nan, np.nan)
    profit_factor = profits / -losses if lost else np.nan
    average_win, average_loss = profits / won if won else np.nan, losses / lost if lost else np.nan
    return Trades(won, lost, won / len(pnls), profit_factor, _mean(pnls), average_win, average_loss)


@compiled
def _regression(returns: NDArray[np.float64], benchmark: NDArray[np.float64]) -> tuple[float, float]:
    """Alpha and beta (Jensen 1968): beta = cov(r, b) / var(b); alpha = (1 + mean(r - beta * b)) ** 252 - 1, compounded as empyrical does.

    Sessions before the benchmark's second close have no benchmark return and are left out; fewer than two sessions leave both undefined.
    """
    first = 0
    while first < len(benchmark) and np.isnan(benchmark[first]):
        first += 1
    paired = returns[first:]
    if len(benchmark) == 0 or len(paired) < 2:
        return np.nan, np.nan
    moves = np.empty(len(paired))
    before = benchmark[first]
    for t in range(len(moves)):
        close = benchmark[first + t + 1]
        close = before if np.isnan(close) else close
        moves[t] = close / before - 1.0
        before = close
    mean = _mean(moves)
    covariance, variance, excess = 0.0, 0.0, 0.0
    for t in range(len(moves)):
        covariance += (moves[t] - mean) * paired[t]
        variance += (moves[t] - mean) * (moves[t] - mean)
    if variance / len(moves) < MIN_BENCHMARK_VARIANCE:
        return np.nan, np.nan
    beta = covariance / variance
    for t in range(len(moves)):
        excess += paired[t] - beta * moves[t]
    growth = 1.0 + excess / len(moves)
    return growth**SESSIONS_PER_YEAR - 1.0 if growth >= 0.0 else np.nan, beta
