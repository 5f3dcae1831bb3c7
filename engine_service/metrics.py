"""Statistics of a whole run, computed once at its end: the message made of what `measures` computes.

Definitions are those of `Metrics` in run.proto; the functions of `measures` state their formulas and sources. What is undefined is absent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine_service.measures import NO_SESSION, Measures, average, measure
from engine_service.session_facts import iso_date
from tapedeck.v1 import run_pb2


def compute(
    session_dates: NDArray[np.int32],
    portfolio_values: NDArray[np.float64],
    *,
    capital_base: float,
    round_trips: Sequence[run_pb2.RoundTrip],
    traded_value: float,
    sessions_with_position: int,
    open_positions: int,
    benchmark_closes: NDArray[np.float64] | None = None,
) -> run_pb2.Metrics:
    """The metrics of a run.

    Args:
        session_dates: Dates of the sessions [T], as yyyymmdd; at least one.
        portfolio_values: Portfolio value at each session's close [T].
        capital_base: Cash before the first session, above 0.
        round_trips: Closed trades.
        traded_value: Sum of |quantity * price| over all fills.
        sessions_with_position: Number of sessions that ended with an open position.
        open_positions: Number of positions open after the last session.
        benchmark_closes: Forward-adjusted closes of the benchmark [T + 1]: the session before the first one (NaN when the dataset has
            none), then every session. On a session without a close (NaN) the benchmark keeps its last one, as positions do.

    Raises:
        ValueError: there is no session, or the arrays disagree about how many there are.
    """
    count = len(session_dates)
    closes = np.empty(0) if benchmark_closes is None else benchmark_closes
    if not count or len(portfolio_values) != count or len(closes) not in {0, count + 1}:
        raise ValueError(f"{count} session dates, {len(portfolio_values)} portfolio values and {len(closes)} benchmark closes don't fit")
    # Copies: contiguous and writable arrays are the one kind that `measure` is compiled for.
    values = np.array(portfolio_values, dtype=np.float64)
    pnls = np.array([trip.pnl for trip in round_trips], dtype=np.float64)
    measures = measure(values, float(capital_base), pnls, float(traded_value), np.array(closes, dtype=np.float64))
    metrics = run_pb2.Metrics(
        final_portfolio_value=values[-1],
        pnl=values[-1] - capital_base,
        trades_total=len(pnls),
        trades_won=measures.trades.trades_won,
        trades_lost=measures.trades.trades_lost,
        exposure=sessions_with_position / count,
        open_positions=open_positions,
    )
    _set_rates(metrics, measures, average(np.array([trip.return_on_cost for trip in round_trips], dtype=np.float64)))
    _set_dates(metrics, measures, session_dates)
    return metrics


def warm() -> None:
    """Compile, or load what an earlier process compiled, so that processes forked from this one find it done."""
    measure(np.ones(1), 1.0, np.empty(0), 0.0, np.empty(0))
    average(np.ones(1))


def _set_rates(metrics: run_pb2.Metrics, measures: Measures, average_trade_return: float) -> None:
    moments, trades = measures.moments, measures.trades
    rates = {
        "total_return": measures.total_return,
        "annual_return": measures.annual_return,
        "annual_volatility": moments.annual_volatility,
        "sharpe_ratio": moments.sharpe_ratio,
        "sortino_ratio": moments.sortino_ratio,
        "calmar_ratio": measures.calmar_ratio,
        "max_drawdown": measures.drawdown.depth,
        "win_rate": trades.win_rate,
        "profit_factor": trades.profit_factor,
        "expectancy": trades.expectancy,
        "average_win": trades.average_win,
        "average_loss": trades.average_loss,
        "best_session_return": moments.best_session_return,
        "worst_session_return": moments.worst_session_return,
        "turnover": measures.turnover,
        "alpha": measures.alpha,
        "beta": measures.beta,
        "average_trade_return": average_trade_return,
    }
    for name, rate in rates.items():
        if math.isfinite(rate):
            setattr(metrics, name, rate)


def _set_dates(metrics: run_pb2.Metrics, measures: Measures, session_dates: NDArray[np.int32]) -> None:
    drawdown, moments = measures.drawdown, measures.moments
    if drawdown.valley != NO_SESSION:
        # Empty, not absent: the peak is the capital, which has no session.
        metrics.max_drawdown_peak_date = "" if drawdown.peak == NO_SESSION else iso_date(session_dates[drawdown.peak])
        metrics.max_drawdown_valley_date = iso_date(session_dates[drawdown.valley])
    if drawdown.recovery != NO_SESSION:
        metrics.max_drawdown_recovery_date = iso_date(session_dates[drawdown.recovery])
    if metrics.HasField("best_session_return"):
        metrics.best_session_date = iso_date(session_dates[moments.best_session])
        metrics.worst_session_date = iso_date(session_dates[moments.worst_session])
