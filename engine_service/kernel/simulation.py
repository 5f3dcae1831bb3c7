"""One run of the kernel: targets in, the facts of each session out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.kernel.buffers import BEYOND_PRECISION, DONE, FULL, INFINITE, NOT_A_NUMBER, TOO_MANY_UNITS, grown, make_buffers
from engine_service.kernel.costs import costs_of
from engine_service.kernel.domain import BeyondKernel
from engine_service.kernel.facts import session_facts
from engine_service.kernel.ledger import MOST_UNITS_OF_AN_ORDER, play
from engine_service.kernel.market import EVENT, Decisions, Market, open_market
from engine_service.kernel.measuring import gather, measure_run
from engine_service.session_facts import SessionFacts, iso_date, session_of
from engine_service.strategies import StrategyFailed
from tapedeck.v1 import run_pb2

REFUSALS: dict[int, Exception] = {
    TOO_MANY_UNITS: OverflowError(f"Can't order more than {MOST_UNITS_OF_AN_ORDER:.0f} shares"),
    NOT_A_NUMBER: ValueError("cannot convert float NaN to integer"),
    INFINITE: OverflowError("cannot convert float infinity to integer"),
}
"""What an order raises in zipline, by the status of the run."""


def simulate(spec: run_pb2.RunSpec, targets: NDArray[np.float64], dataset: Dataset) -> Iterator[SessionFacts]:
    """Execute a run in the kernel's domain; it is computed before the first session is yielded.

    Args:
        spec: Complete and checked, as for `engine_service.simulation.simulate`.
        targets: Target weights [simulated sessions x symbols]; NaN orders nothing, and stands outside the listing of each symbol.
        dataset: The version that the spec names.

    Yields:
        What zipline's run of the same targets yields, to the last bit.

    Raises:
        BeyondKernel: before the first session: the run has to be zipline's.
        StrategyFailed: after the sessions before: an order for more units than zipline takes, or for no number of them.
    """
    first, last = np.searchsorted(dataset.sessions, [session_of(spec.start_date), session_of(spec.end_date)])
    market = open_market(dataset, spec.symbols, int(first), int(last))
    decisions, count = _decisions(targets)
    buffers = make_buffers(market, recording=True)
    played = play(market, costs_of(spec.slippage, spec.commission), spec.capital_base, decisions, count, buffers)
    while played.status == FULL:
        buffers = grown(buffers)
        played = play(market, costs_of(spec.slippage, spec.commission), spec.capital_base, decisions, count, buffers)
    if played.status == BEYOND_PRECISION:
        raise BeyondKernel(f"the run trades more than {2**53} units at once: only zipline counts so far")
    sessions = dataset.sessions[first : last + 1]
    yield from session_facts(market, spec.symbols, sessions, played.row, buffers)
    if played.status != DONE:
        raise StrategyFailed.of(REFUSALS[played.status], iso_date(int(sessions[played.row])))


def warm() -> None:
    """Compile everything, or load what an earlier process compiled: what a fork server does before it forks."""
    market = Market(np.ones((1, 2)), np.ones((1, 2)), np.ones(1, np.int64), np.full(1, 2), np.empty(0, EVENT))
    decisions, count = _decisions(np.full((2, 1), 0.5))
    buffers = make_buffers(market)
    costs = costs_of(run_pb2.Slippage(), run_pb2.Commission())
    play(market, costs, 1.0, decisions, count, buffers)
    measure_run(market, costs, 1.0, decisions, count, grown(buffers))


def _decisions(targets: NDArray[np.float64]) -> tuple[Decisions, int]:
    length = targets.size
    decisions = Decisions(np.empty(length, np.int64), np.empty(length, np.int64), np.empty(length))
    return decisions, gather(np.array(targets, dtype=np.float64, order="C"), decisions)
