"""Runs with vectorbt, in an environment and a process of its own: `python vectorbt_peer.py pairs|targets FILE.npz`; prints seconds as JSON.

Only vectorbt and numpy are there. Each way is run once uncounted, as numba compiles it then.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

ROUNDS = 5
BLOCKS = (50, 100, 250, 1_000)
"""Pairs simulated at once: the fastest of them counts."""

vectorbt: Any = importlib.import_module("vectorbt")  # not in the environment in which types are checked


def pairs(data: Mapping[str, Any]) -> float:
    """Seconds for all pairs, in the fastest way: from_signals on blocks of columns; equity curves, no statistics."""
    return min(_seconds(partial(_pairs, data, block)) for block in BLOCKS)


def _pairs(data: Mapping[str, Any], block: int) -> None:
    closes, first = data["closes"], int(data["first"])
    fasts, slows = np.repeat(data["fast"], len(data["slow"])), np.tile(data["slow"], len(data["fast"]))
    means = {window: vectorbt.generic.nb.rolling_mean_1d_nb(closes, window) for window in {*fasts.tolist(), *slows.tolist()}}
    for begin in range(0, len(fasts), block):
        fast = np.column_stack([means[window] for window in fasts[begin : begin + block].tolist()])[first:]
        slow = np.column_stack([means[window] for window in slows[begin : begin + block].tolist()])[first:]
        portfolio = vectorbt.Portfolio.from_signals(
            closes[first:, None], fast > slow, fast <= slow, size=0.95, size_type="percent", init_cash=1e5, fees=1e-5, freq="1D"
        )
        portfolio.value()


def targets(data: Mapping[str, Any]) -> float:
    """Seconds for one run of target weights over many symbols that share their cash; an equity curve, no statistics."""
    return _seconds(partial(_targets, data))


def _targets(data: Mapping[str, Any]) -> None:
    options = {"group_by": True, "cash_sharing": True, "call_seq": "auto", "init_cash": 1e6, "fees": 1e-5, "freq": "1D"}
    vectorbt.Portfolio.from_orders(data["closes"], data["targets"], size_type="targetpercent", **options).value()


def _seconds(work: Callable[[], None]) -> float:
    work()
    seconds = []
    for _ in range(ROUNDS):
        before = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - before)
    return statistics.median(seconds)


if __name__ == "__main__":
    kind, path = sys.argv[1:]
    print(json.dumps({"pairs": pairs, "targets": targets}[kind](np.load(path))))
