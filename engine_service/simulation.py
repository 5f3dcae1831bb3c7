"""Executes a spec and yields what happens, session by session.

zipline is loaded by the first call only, so any process may import this module.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Generator
from typing import Any

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray

from engine_service.datasets import FIELDS, Dataset
from engine_service.job import KERNEL, ZIPLINE
from engine_service.kernel import simulation as kernel
from engine_service.kernel.domain import BeyondKernel
from engine_service.session_facts import SessionFacts, iso_date, session_of
from engine_service.strategies import Algorithm, Bars, Strategy, StrategyFailed
from engine_service.strategies.decisions import from_start
from engine_service.strategies.look_ahead import LookAhead, compute_signals, find_peek
from tapedeck.v1 import run_pb2

__all__ = ["BeyondKernel", "LookAhead", "SessionFacts", "StrategyFailed", "simulate", "warm"]


def simulate(
    spec: run_pb2.RunSpec, strategy: Strategy, dataset: Dataset, engine_kind: str = ZIPLINE
) -> Generator[SessionFacts, None, None]:
    """Execute a spec; closing the iterator ends the simulation and cleans up.

    Args:
        spec: Complete and checked: every default is filled in, dates are sessions, symbols are known.
        strategy: The strategy that the spec names.
        dataset: The version that the spec names.
        engine_kind: KERNEL, when the run is in its domain, or ZIPLINE.

    Yields:
        The facts of each session from start_date to end_date; both engines yield the same.

    Raises:
        StrategyFailed: the strategy raised something or returned what no strategy may.
        LookAhead: its signals depend on later bars.
        BeyondKernel: before the first session: the kernel met something that it refuses only while it executes.
    """
    random.seed(spec.seed)
    np.random.seed(spec.seed)
    if engine_kind == KERNEL:
        yield from kernel.simulate(spec, target_weights(spec, strategy, dataset), dataset)
        return
    from engine_service.zipline_run import TargetPlayer, simulate_sessions

    is_event_driven = strategy.signals is None
    algorithm = _algorithm(spec, strategy) if is_event_driven else TargetPlayer(target_weights(spec, strategy, dataset))
    yield from simulate_sessions(spec, dataset, algorithm)


def target_weights(spec: run_pb2.RunSpec, strategy: Strategy, dataset: Dataset) -> NDArray[np.float64]:
    """What a run of a strategy with signals trades [simulated sessions x symbols]; NaN orders nothing.

    Raises:
        StrategyFailed: the strategy raised something or returned what no strategy may.
        LookAhead: its signals depend on later bars.
    """
    parameters = _parameters(spec, strategy)
    first, last = np.searchsorted(dataset.sessions, [session_of(spec.start_date), session_of(spec.end_date)])
    bars = bars_until(dataset, tuple(spec.symbols), int(last) + 1)
    signals = compute_signals(strategy, bars, parameters)
    if peek := find_peek(strategy, bars, parameters, signals):
        raise LookAhead(peek)
    targets = from_start(signals, int(first))
    for column, symbol in enumerate(spec.symbols):
        listed = np.flatnonzero(~np.isnan(dataset.raw("close", symbol)))
        # Outside its listing zipline refuses orders for a symbol, with an exception before and a warning after.
        targets[: max(0, listed[0] - first), column] = np.nan
        targets[max(0, listed[-1] + 1 - first) :, column] = np.nan
    return targets


def warm(dataset: Dataset) -> None:
    """Load both engines and everything that runs on the dataset share: what a fork server does before it forks.

    A dataset that can't be simulated says so in its own runs, and does not keep those of others from running.

    Simulates the first sessions without using polars, whose threads do not survive a fork.
    """
    from engine_service.zipline_run import TargetPlayer, simulate_sessions

    symbol = min(dataset.symbols, key=lambda coverage: coverage.start_date)
    sessions = dataset.sessions[:2]
    spec = run_pb2.RunSpec(
        symbols=[symbol.symbol],
        start_date=iso_date(sessions[0]),
        end_date=iso_date(sessions[-1]),
        capital_base=1e6,
        commission={"per_share": {}},
    )
    spec.slippage.fixed_basis_points.volume_limit = 1.0
    targets = np.full((len(sessions), 1), 0.5)
    for run in (kernel.simulate(spec, targets, dataset), simulate_sessions(spec, dataset, TargetPlayer(targets))):
        with contextlib.suppress(StrategyFailed, BeyondKernel):
            for _ in run:
                pass


def _parameters(spec: run_pb2.RunSpec, strategy: Strategy) -> Any:
    return strategy.parameters.model_validate(json_format.MessageToDict(spec.parameters))


def _algorithm(spec: run_pb2.RunSpec, strategy: Strategy) -> Algorithm:
    assert strategy.algorithm is not None
    parameters = _parameters(spec, strategy)
    try:
        return strategy.algorithm(parameters)
    except Exception as error:
        raise StrategyFailed.of(error) from error


def bars_until(dataset: Dataset, symbols: tuple[str, ...], session_count: int) -> Bars:
    """What signals see: forward-adjusted bars of the dataset's first sessions."""
    fields = {field: tuple(dataset.adjusted(field, symbol)[:session_count] for symbol in symbols) for field in FIELDS}
    return Bars(symbols, dataset.sessions[:session_count], **fields)
