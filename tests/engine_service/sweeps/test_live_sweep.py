"""However a sweep is cut into shards, it comes to the same numbers, the same digest and the same best results."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine_service.sweeps import ranking
from engine_service.sweeps.columns import COLUMNS, metric_columns
from engine_service.sweeps.live_sweep import LiveSweep
from engine_service.sweeps.shard import ShardResults
from engine_service.sweeps.sweep_spec import SweepPlan
from tapedeck.v1 import run_pb2, sweep_pb2

TOP = 3
VALUES = st.lists(st.sampled_from([1.0, 2.0, math.nan]) | st.floats(-5, 5), min_size=1, max_size=30)


@dataclass
class Top:
    """All that a live sweep looks up in a plan."""

    top: int = TOP
    choice: object = field(default=None)


def shard_of(values: list[float], symbol: str, first: int) -> ShardResults:
    rows = np.full((len(values), len(COLUMNS)), np.nan)
    rows[:, 0] = values
    results = sweep_pb2.SweepResults(
        symbols=[symbol] * len(values) if symbol else [],
        parameters=[sweep_pb2.ParameterColumn(name="fast", numbers=range(first, first + len(values)))],
        metrics=metric_columns(rows),
    )
    best = ranking.best("total_return", values, range(len(values)), TOP)
    return ShardResults(len(values), results.SerializeToString(), rows.tobytes(), best)


def live_of(values: dict[str, list[float]], size: int) -> LiveSweep:
    live = LiveSweep(cast(SweepPlan, Top()))
    for symbol, own in values.items():
        for begin in range(0, len(own), size):
            live.add(symbol, shard_of(own[begin : begin + size], symbol, begin))
    return live


@given(st.dictionaries(st.sampled_from(["A", "B"]), VALUES, min_size=1), st.integers(1, 10))
def test_the_size_of_shards_changes_nothing(values: dict[str, list[float]], size: int) -> None:
    whole, parts = live_of(values, 100), live_of(values, size)
    assert parts.result_digest == whole.result_digest
    assert parts.ranked() == whole.ranked()
    assert parts.best(5) == whole.best(5)
    count = sum(map(len, values.values()))
    numbers = [number for part in parts._parts for number in sweep_pb2.SweepResults.FromString(part).numbers]
    assert numbers == list(range(1, count + 1))
    assert parts.pick([count, 1]) == whole.pick([count, 1])


def test_the_digest_is_over_the_rows_of_all_results_in_order() -> None:
    rows = np.full((3, len(COLUMNS)), np.nan)
    rows[:, 0] = [1.0, math.nan, 3.0]
    assert live_of({"": [1.0, math.nan, 3.0]}, 2).result_digest == hashlib.sha256(rows.tobytes()).hexdigest()


def test_the_best_come_symbol_by_symbol_and_over_all_symbols() -> None:
    live = live_of({"A": [1.0, 5.0, 2.0], "B": [9.0, math.nan]}, 2)
    assert list(live.ranked().numbers) == [2, 3, 1, 4]
    assert list(live.ranked().symbols) == ["A", "A", "A", "B"]
    assert live.best(2) == [4, 2]


def test_failures_are_counted_and_the_first_one_is_kept() -> None:
    live = LiveSweep(cast(SweepPlan, Top()))
    for reason in ("OUT_OF_MEMORY", "RUN_TIMEOUT"):
        live.add("", ShardResults(0, b"", b"", failed_count=2, first_failure=run_pb2.RunError(reason=reason).SerializeToString()))
    assert live.first_failure == run_pb2.RunError(reason="OUT_OF_MEMORY")
    assert (live.completed_count, live.result_count, live.failed_count, live._parts) == (4, 0, 4, [])
    assert live.ranked() == sweep_pb2.SweepResults()
