"""A run of a sweep: everything that metrics are made of, nothing that only a record needs. Compiled, for compiled callers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine_service.kernel.buffers import DONE, FILLS, FULL, HELD, Buffers, grown
from engine_service.kernel.compilation import compiled, inlined
from engine_service.kernel.costs import Costs
from engine_service.kernel.ledger import play
from engine_service.kernel.market import Decisions, Market
from engine_service.kernel.round_trips import match_round_trips


class Outcome(NamedTuple):
    """What a run comes to, beside `values` and `pnls` in the buffers; see `engine_service.kernel`."""

    status: int
    row: int
    """Where it ended: the number of sessions when it is DONE."""
    fills: int
    round_trips: int
    traded_value: float
    """Sum of |quantity * price| over all fills."""
    sessions_with_position: int
    open_positions: int


@compiled
def measure_run(
    market: Market, costs: Costs, capital_base: float, decisions: Decisions, decision_count: int, buffers: Buffers
) -> tuple[Outcome, Buffers]:
    """Execute decisions; arguments and results are described in `engine_service.kernel`."""
    played = play(market, costs, capital_base, decisions, decision_count, buffers)
    while played.status == FULL:
        buffers = grown(buffers)
        played = play(market, costs, capital_base, decisions, decision_count, buffers)
    trips = match_round_trips(buffers) if played.status == DONE else 0
    outcome = Outcome(
        played.status,
        played.row,
        buffers.counts[FILLS],
        trips,
        _traded_value(buffers),
        played.sessions_with_position,
        buffers.counts[HELD],
    )
    return outcome, buffers


@inlined
def _traded_value(buffers: Buffers) -> float:
    """Summed session by session, then over sessions, as a run's ledger does."""
    total, session, row = 0.0, 0.0, -1
    for number in range(buffers.counts[FILLS]):
        fill = buffers.fills[number]
        if fill["row"] != row:
            total, session, row = total + session, 0.0, fill["row"]
        session += abs(fill["quantity"] * fill["price"])
    return total + session


@compiled
def gather(targets: NDArray[np.float64], decisions: Decisions) -> int:
    """Write the targets [sessions x symbols] that are not NaN into `decisions`, which must be long enough.

    Returns:
        How many there are.
    """
    count = 0
    for row in range(targets.shape[0]):
        for column in range(targets.shape[1]):
            weight = targets[row, column]
            if not np.isnan(weight):
                decisions.row[count], decisions.column[count], decisions.weight[count] = row, column, weight
                count += 1
    return count
