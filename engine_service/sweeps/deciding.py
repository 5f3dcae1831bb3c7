"""What the runs of a shard decide, as one long list that compiled code plays. Loaded by processes that compute only."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.kernel.market import Decisions
from engine_service.strategies import Strategy, StrategyFailed
from engine_service.strategies.look_ahead import compute_signals
from engine_service.sweeps.compiled_runs import HAS_INFINITE, collect
from engine_service.sweeps.ground import Ground
from engine_service.sweeps.run_failures import failure
from engine_service.sweeps.time_limit import TimeIsUp, time_limit
from tapedeck.v1 import run_pb2

FLOAT64 = np.dtype(np.float64)


def decide(
    strategy: Strategy,
    ground: Ground,
    parameters: Sequence[pydantic.BaseModel],
    failures: dict[int, run_pb2.RunError],
    *,
    seed: int | None,
    timeout_seconds: float,
) -> tuple[Decisions, NDArray[np.int64]]:
    """Compute the signals of run after run.

    Args:
        strategy: One that has signals.
        ground: What it trades on.
        parameters: Of each run.
        failures: Gets what went wrong, by the place of the run, which has no decisions then.
        seed: For strategies that draw random numbers, each run from the start.
        timeout_seconds: Limit of each run.

    Returns:
        The decisions of all runs, one after the other, and where those of each end [runs].
    """
    room = ground.market.price.size
    decisions, count, ends = room_for_decisions(room), 0, np.zeros(len(parameters), dtype=np.int64)
    with time_limit(timeout_seconds) as begin:
        for place, each in enumerate(parameters):
            if len(decisions.row) < count + room:
                decisions = _longer(decisions, count, 2 * (count + room))
            try:
                begin()
                if seed is not None:
                    random.seed(seed)
                    np.random.seed(seed)
                count = _append_decisions(strategy, ground, each, decisions, count)
            except (StrategyFailed, TimeIsUp, MemoryError) as error:
                failures[place] = failure(error, timeout_seconds)
            ends[place] = count
    return decisions, ends


def _append_decisions(strategy: Strategy, ground: Ground, parameters: pydantic.BaseModel, decisions: Decisions, count: int) -> int:
    """Append what a run decides; returns how many decisions there are now.

    Raises:
        StrategyFailed: as `compute_signals`.
    """
    assert strategy.signals is not None
    try:
        signals = strategy.signals(ground.bars, parameters)
    except Exception as error:
        raise StrategyFailed.of(error) from error
    # What a strategy usually returns is not looked at twice: this is done millions of times.
    if type(signals) is np.ndarray and signals.dtype == FLOAT64 and signals.flags.carray and signals.shape == ground.shape:
        after = collect(signals, ground.first, ground.listed, decisions.row, decisions.column, decisions.weight, count)
        if after != HAS_INFINITE:
            return after
    # Anything else is brought into that form or refused, without being computed once more: it may be drawn at random.
    signals = compute_signals(replace(strategy, signals=lambda *_: signals), ground.bars, parameters)
    return collect(signals, ground.first, ground.listed, decisions.row, decisions.column, decisions.weight, count)


def room_for_decisions(length: int) -> Decisions:
    """An empty list with room for so many."""
    return Decisions(np.empty(length, np.int64), np.empty(length, np.int64), np.empty(length))


def _longer(decisions: Decisions, count: int, length: int) -> Decisions:
    longer = room_for_decisions(length)
    for old, new in zip(decisions, longer, strict=True):
        new[:count] = old[:count]
    return longer
