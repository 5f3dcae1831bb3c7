"""The compiled part of a shard: many runs of the kernel in one call, since a call from Python costs as much as a run.

Loaded by processes that compute only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine_service.kernel.buffers import DONE, Buffers
from engine_service.kernel.compilation import compiled, inlined
from engine_service.kernel.costs import Costs
from engine_service.kernel.market import Decisions, Market
from engine_service.kernel.measuring import Outcome, measure_run
from engine_service.measures import Measures, average, measure

UNDEFINED_VALUE = -1
"""Status of a run whose portfolio value became NaN or infinite; the others are those of `kernel.buffers`."""

HAS_INFINITE = -1
"""What `collect` returns instead of a number of decisions."""

BLOCK = 16
"""Signals that are looked at together, as most say nothing."""

USUAL_NAN = int(np.array(np.nan).view(np.int64))
"""The bits of the NaN that stands for no decision; one with other bits is looked at by itself."""


@compiled
def collect(
    signals: NDArray[np.float64],
    first: int,
    listed: NDArray[np.int64],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    weight: NDArray[np.float64],
    count: int,
) -> int:
    """Append what a run trades to a list: on its first session each symbol's latest signal so far, then the signals as they come.

    Args:
        signals: [sessions of the dataset x symbols]; NaN is no decision.
        first: Row of the first session that is simulated.
        listed: Rows of each symbol's first and last bar [symbols x 2]; outside of them nothing is ordered.
        row: The list, a `kernel.market.Decisions`, long enough for all that may come; passing a tuple takes long.
        column: See row.
        weight: See row.
        count: How many decisions the list holds already.

    Returns:
        How many it holds now; HAS_INFINITE when a signal is no number that a weight can be.
    """
    columns, flat = signals.shape[1], signals.ravel()
    bits, begun, has_begun = flat.view(np.int64), (first + 1) * columns, False
    latest, decisions = np.full(columns, np.nan), Decisions(row, column, weight)
    for start in range(0, len(flat), BLOCK):
        end = min(start + BLOCK, len(flat))
        if end - start == BLOCK and _is_nothing(bits, start):
            continue
        for place in range(start, end):
            if np.isnan(flat[place]):
                continue
            if np.isinf(flat[place]):
                return HAS_INFINITE
            if place < begun:
                latest[place % columns] = flat[place]
                continue
            if not has_begun:
                has_begun, count = True, _enter(latest, first, listed, decisions, count)
            session = place // columns
            count = _append(flat[place], session, place - session * columns, first, listed, decisions, count)
    return count if has_begun else _enter(latest, first, listed, decisions, count)


@inlined
def _is_nothing(bits: NDArray[np.int64], start: int) -> bool:
    """Whether all of a block is the usual NaN; without a branch, so that vector instructions compare."""
    differences = 0
    for place in range(start, start + BLOCK):
        differences |= bits[place] ^ USUAL_NAN
    return bool(differences == 0)


@inlined
def _enter(latest: NDArray[np.float64], first: int, listed: NDArray[np.int64], decisions: Decisions, count: int) -> int:
    for column in range(len(latest)):
        if not np.isnan(latest[column]):
            count = _append(latest[column], first, column, first, listed, decisions, count)
    return count


@inlined
def _append(weight: float, row: int, column: int, first: int, listed: NDArray[np.int64], decisions: Decisions, count: int) -> int:
    if listed[column, 0] <= row <= listed[column, 1]:
        decisions.row[count], decisions.column[count], decisions.weight[count] = row - first, column, weight
        return count + 1
    return count


@compiled
def measure_runs(
    market: Market,
    costs: Costs,
    capital_base: float,
    decisions: Decisions,
    ends: NDArray[np.int64],
    benchmark: NDArray[np.float64],
    buffers: Buffers,
    rows: NDArray[np.float64],
    ended: NDArray[np.int64],
) -> Buffers:
    """Execute run after run.

    Args:
        market: What is traded.
        costs: What trading costs.
        capital_base: Cash before the first session.
        decisions: Those of all runs, one run after the other.
        ends: For each run, where its decisions end.
        benchmark: As `measures.measure` takes it.
        buffers: Of `kernel.buffers`.
        rows: Filled with the metrics of each run [runs x columns.METRICS]; of one that is not DONE they mean nothing.
        ended: Filled with the status of each run, and the session it ended on, counted from the run's first [runs x 2].

    Returns:
        The buffers to go on with.
    """
    sessions, begin = market.price.shape[1], 0
    for run in range(len(ends)):
        end = ends[run]
        own = Decisions(decisions.row[begin:end], decisions.column[begin:end], decisions.weight[begin:end])
        outcome, buffers = measure_run(market, costs, capital_base, own, end - begin, buffers)
        begin = end
        ended[run, 0], ended[run, 1] = outcome.status, outcome.row
        if outcome.status == DONE:
            values = buffers.values[:sessions]
            undefined = _first_undefined(values)
            if undefined < sessions:
                ended[run, 0], ended[run, 1] = UNDEFINED_VALUE, undefined
            else:
                measures = measure(values, capital_base, buffers.pnls[: outcome.round_trips], outcome.traded_value, benchmark)
                average_return = average(buffers.returns[: outcome.round_trips])
                _write(rows[run], values[-1], capital_base, sessions, outcome, measures, average_return)
    return buffers


@compiled
def _first_undefined(values: NDArray[np.float64]) -> int:
    """Row of the first value that is NaN or infinite; their number when all are fine."""
    undefined = 0
    for place in range(len(values)):
        undefined += not np.isfinite(values[place])  # a count, unlike a search, is made with vector instructions
    row = 0
    while undefined and np.isfinite(values[row]):
        row += 1
    return row if undefined else len(values)


@compiled
def _write(
    row: NDArray[np.float64],
    value: float,
    capital_base: float,
    sessions: int,
    outcome: Outcome,
    found: Measures,
    average_trade_return: float,
) -> None:
    """Write the metrics of a run in the order of `columns.METRICS`, as `metrics.compute` names them."""
    moments, trades = found.moments, found.trades
    row[0], row[1] = found.total_return, found.annual_return
    row[2], row[3], row[4] = moments.annual_volatility, moments.sharpe_ratio, moments.sortino_ratio
    row[5], row[6] = found.calmar_ratio, found.drawdown.depth
    row[7], row[8] = value, value - capital_base
    row[9], row[10], row[11] = outcome.round_trips, trades.trades_won, trades.trades_lost
    row[12], row[13], row[14] = trades.win_rate, trades.profit_factor, trades.expectancy
    row[15], row[16] = trades.average_win, trades.average_loss
    row[17], row[18] = moments.best_session_return, moments.worst_session_return
    row[19], row[20] = outcome.sessions_with_position / sessions, found.turnover
    row[21], row[22] = found.alpha, found.beta
    row[23] = outcome.open_positions
    row[24] = average_trade_return
