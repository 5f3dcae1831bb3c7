"""One run on both engines; equality is exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from engine_service.kernel.buffers import DONE, make_buffers
from engine_service.kernel.costs import costs_of
from engine_service.kernel.domain import BeyondKernel
from engine_service.kernel.market import Decisions, open_market
from engine_service.kernel.measuring import gather, measure_run
from engine_service.kernel.simulation import simulate
from engine_service.ledger import Ledger
from engine_service.session_facts import SessionFacts
from engine_service.strategies import StrategyFailed
from engine_service.zipline_run import TargetPlayer, simulate_sessions
from tapedeck.v1 import run_pb2
from tests.parity.cases import Case, row_of


@dataclass(frozen=True)
class Kernel:
    """The functions that are compared with zipline: the kernel's, or those of a copy that somebody broke."""

    simulate: Callable[..., Iterator[SessionFacts]] = simulate
    open_market: Callable[..., Any] = open_market
    costs_of: Callable[..., Any] = costs_of
    make_buffers: Callable[..., Any] = make_buffers
    measure_run: Callable[..., Any] = measure_run


KERNEL = Kernel()


@dataclass(frozen=True)
class Told:
    """What an engine said about a run."""

    facts: list[SessionFacts]
    """Until portfolio value or cash is no number any more, which ends a run."""
    failure: str = ""
    defined: bool = True


class Refused(Exception):
    """The kernel left the run to zipline."""


def listen(sessions: Iterator[SessionFacts]) -> Told:
    """Take all that an engine says."""
    facts: list[SessionFacts] = []
    try:
        for one in sessions:
            if not (math.isfinite(one.portfolio_value) and math.isfinite(one.cash)):
                return Told(facts, f"undefined on {one.session_date}", defined=False)
            facts.append(one)
    except StrategyFailed as failed:
        return Told(facts, f"{failed.session_date}: {failed.message}")
    return Told(facts)


def zipline_tells(case: Case) -> Told:
    """The oracle."""
    return listen(simulate_sessions(case.spec, case.dataset, TargetPlayer(case.targets)))


def kernel_tells(case: Case, kernel: Kernel = KERNEL) -> Told:
    """Raises Refused when the run is beyond the kernel."""
    try:
        return listen(kernel.simulate(case.spec, case.targets, case.dataset))
    except BeyondKernel as beyond:
        raise Refused(str(beyond)) from beyond


def difference(case: Case, expected: Told, kernel: Kernel = KERNEL) -> str:
    """What the kernel says otherwise than the oracle; empty when nothing."""
    told = kernel_tells(case, kernel)
    for ours, theirs in zip(told.facts, expected.facts, strict=False):
        for field in fields(SessionFacts):
            if getattr(ours, field.name) != getattr(theirs, field.name):
                return f"{theirs.session_date} {field.name}: {getattr(ours, field.name)} instead of {getattr(theirs, field.name)}"
    if (len(told.facts), told.failure) != (len(expected.facts), expected.failure):
        return f"{len(told.facts)} sessions, {told.failure!r} instead of {len(expected.facts)}, {expected.failure!r}"
    if expected.failure:
        return ""
    finished = finish(case, expected)
    if finish(case, told) != finished:
        return "metrics, round trips or digest differ"
    return sweep_difference(case, expected, finished, kernel)


def finish(case: Case, told: Told) -> run_pb2.RunFinished:
    """The sum of a run."""
    ledger = Ledger()
    for one in told.facts:
        ledger.add(one)
    return ledger.finish(case.spec, case.dataset)


def sweep_difference(case: Case, expected: Told, finished: run_pb2.RunFinished, kernel: Kernel) -> str:
    """What a sweep's run of the same targets measures otherwise; empty when nothing."""
    spec, dataset = case.spec, case.dataset
    market = kernel.open_market(dataset, spec.symbols, row_of(dataset, spec.start_date), row_of(dataset, spec.end_date))
    size = case.targets.size
    decisions = Decisions(np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size))
    count = gather(np.ascontiguousarray(case.targets), decisions)
    costs = kernel.costs_of(spec.slippage, spec.commission)
    outcome, buffers = kernel.measure_run(market, costs, spec.capital_base, decisions, count, kernel.make_buffers(market))
    ours = {
        "status": outcome.status,
        "values": buffers.values[: len(expected.facts)].tolist(),
        "pnls": buffers.pnls[: outcome.round_trips].tolist(),
        "returns": buffers.returns[: outcome.round_trips].tolist(),
        "traded value": outcome.traded_value,
        "fills": outcome.fills,
        "sessions with position": outcome.sessions_with_position,
        "open positions": outcome.open_positions,
    }
    total = 0.0
    for one in expected.facts:
        in_session = 0.0
        for fill in one.fills:
            in_session += abs(fill.quantity * fill.price)
        total += in_session
    theirs = {
        "status": DONE,
        "values": [one.portfolio_value for one in expected.facts],
        "pnls": [trip.pnl for trip in finished.round_trips],
        "returns": [trip.return_on_cost for trip in finished.round_trips],
        "traded value": total,
        "fills": sum(len(one.fills) for one in expected.facts),
        "sessions with position": sum(bool(one.mark_prices) for one in expected.facts),
        "open positions": len(expected.facts[-1].mark_prices),
    }
    return "; ".join(f"sweep: {name} {ours[name]} instead of {theirs[name]}" for name in theirs if ours[name] != theirs[name])
