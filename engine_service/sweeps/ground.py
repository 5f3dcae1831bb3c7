"""What runs of the same symbols over the same sessions share, whatever their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine_service import simulation
from engine_service.datasets import Dataset
from engine_service.kernel.buffers import Buffers, make_buffers
from engine_service.kernel.market import Market, open_market
from engine_service.session_facts import session_of
from engine_service.strategies import Bars
from tapedeck.v1 import run_pb2


@dataclass
class Ground:
    """What all runs of the same symbols over the same sessions share, whatever their parameters."""

    market: Market
    bars: Bars
    """From the dataset's first session to the last one simulated."""
    first: int
    """Row of the first session simulated."""
    listed: NDArray[np.int64]
    """Rows of each symbol's first and last bar [symbols x 2]."""
    buffers: Buffers

    @cached_property
    def shape(self) -> tuple[int, int]:
        """That of signals: sessions x symbols of `bars`."""
        return len(self.bars.sessions), len(self.bars.symbols)


def open_ground(spec: run_pb2.RunSpec, dataset: Dataset) -> Ground:
    """The ground of a spec, whose parameters may be missing."""
    first, last = (int(np.searchsorted(dataset.sessions, session_of(date))) for date in (spec.start_date, spec.end_date))
    market = open_market(dataset, spec.symbols, first, last)
    bars = simulation.bars_until(dataset, tuple(spec.symbols), last + 1)
    listed = [np.flatnonzero(~np.isnan(dataset.raw("close", symbol)))[[0, -1]] for symbol in spec.symbols]
    return Ground(market, bars, first, np.array(listed, dtype=np.int64), make_buffers(market))


def benchmark_closes(spec: run_pb2.RunSpec, dataset: Dataset, ground: Ground) -> NDArray[np.float64]:
    """Forward-adjusted closes of the benchmark from the session before the first one on; NaN in front when there is none."""
    if not spec.benchmark_symbol:
        return np.empty(0)
    closes = dataset.adjusted("close", spec.benchmark_symbol)[: len(ground.bars.sessions)]
    before = closes[ground.first - 1] if ground.first else np.nan
    return np.concatenate(([before], closes[ground.first :]))
