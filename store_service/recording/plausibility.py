"""Metrics whose values are hardly true. They are stored as they came, and flagged: the best run of a list may be one whose data are wrong.

A range says what no honest backtest of daily prices gives, not what is good: a value outside comes from prices that are wrong, from a look
ahead, from an account that would have been closed, or from a metric that was defined differently where it was computed.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

from tapedeck.v1 import run_pb2


class Range(NamedTuple):
    """Where the values of a metric are plausible, both ends included."""

    lowest: float
    highest: float


_SHARE = Range(0, 1)
_AT_LEAST_NONE = Range(0, inf)

PLAUSIBLE: dict[str, Range] = {
    # Less than nothing is left: no broker lets an account go on below 0.
    "total_return": Range(-1, inf),
    "max_drawdown": Range(-1, 0),
    "final_portfolio_value": _AT_LEAST_NONE,
    # Eleven times the money after a year, compounded; the best years of the best funds stay below 2.
    "annual_return": Range(-1, 10),
    # Session returns of some 30 % either way, day after day.
    "annual_volatility": Range(0, 5),
    # The best track records over years are at 2 to 3. A look ahead by one session often gives 10 and more.
    "sharpe_ratio": Range(-10, 10),
    # Its denominator leaves the rises out, so it may be a few times the Sharpe ratio.
    "sortino_ratio": Range(-30, 30),
    # A year's return of a hundred times the deepest fall: hardly any session was lost.
    "calmar_ratio": Range(-100, 100),
    # A portfolio that quadruples from one close to the next: a split that the prices miss is likelier.
    "best_session_return": Range(-1, 3),
    "worst_session_return": Range(-1, 3),
    "win_rate": _SHARE,
    "exposure": _SHARE,
    # All of the portfolio sold and bought again at each of 252 closes is 252; four times that takes a lot of leverage.
    "turnover": Range(0, 1_000),
    # Sums of profits over sums of losses, and means of one sign by their definition.
    "profit_factor": _AT_LEAST_NONE,
    "average_win": _AT_LEAST_NONE,
    "average_loss": Range(-inf, 0),
    # As annual_return, on top of the benchmark's.
    "alpha": Range(-10, 10),
    # Twenty times as far as the market, every day: more leverage than there is.
    "beta": Range(-20, 20),
    "trades_total": _AT_LEAST_NONE,
    "trades_won": _AT_LEAST_NONE,
    "trades_lost": _AT_LEAST_NONE,
    "open_positions": _AT_LEAST_NONE,
}
"""Metrics that have such a range. Money made and lost has none: it depends on the capital. docs/operations.md lists them for users."""


def flags_of(metrics: run_pb2.Metrics) -> list[str]:
    """Names of the metrics that are there and outside their range, in the order of Metrics."""
    return [field.name for field, value in metrics.ListFields() if field.name in PLAUSIBLE and not _is_plausible(field.name, value)]


def _is_plausible(name: str, value: Any) -> bool:
    lowest, highest = PLAUSIBLE[name]
    return bool(lowest <= value <= highest)
