"""Which runs are the kernel's. Loads no compiled code, so the server process may ask."""

from __future__ import annotations

import math

import numpy as np

from engine_service.datasets import Dataset
from engine_service.strategies import Strategy
from tapedeck.v1 import run_pb2

MOST_SYMBOLS = 998
"""Above it zipline looks dividends up in parts, whose order follows from hashes (zipline/utils/sqlite_utils.py, group_into_chunks)."""


class BeyondKernel(Exception):
    """A run turned out not to be the kernel's after it had begun: it trades more units than float64 counts one by one."""


def refusal(spec: run_pb2.RunSpec, strategy: Strategy, dataset: Dataset) -> str | None:
    """Why the kernel does not take a complete spec, as the end of a sentence; None when it does."""
    if strategy.signals is None:
        return f"strategy {strategy.name} is event-driven: it decides by what happens during the run, which only zipline simulates"
    if len(spec.symbols) > MOST_SYMBOLS:
        return f"a run of more than {MOST_SYMBOLS} symbols is not reproduced, and this one has {len(spec.symbols)}"
    limit = max(spec.slippage.fixed_basis_points.volume_limit, spec.slippage.volume_share.volume_limit)
    for symbol in spec.symbols if limit > 1.0 else ():
        # zipline's integers have no bounds, the kernel's numbers do.
        if not math.isfinite(limit * float(np.nanmax(dataset.raw("volume", symbol)))):
            return f"a volume limit of {limit:g} times the volume of {symbol} is larger than numbers can hold"
    return None
