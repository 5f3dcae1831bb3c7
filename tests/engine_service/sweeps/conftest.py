"""Plans of sweeps on the sample dataset, and processes that execute them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from engine_service.datasets import Catalogue
from engine_service.strategies import load_strategies
from engine_service.sweeps.executors import LocalProcesses
from engine_service.sweeps.sweep_spec import SweepPlan, plan_sweep
from tapedeck.v1 import engine_service_pb2
from tests.fix_engine import ALLOWED

MEMORY_BYTES = 2 << 30

MakePlan = Callable[..., SweepPlan]


def sweep_request(strategy: str = "sma_crossover", **changes: Any) -> engine_service_pb2.RunSweepRequest:
    """A request that is fine, with changes given as in JSON; those named `spec` change the spec."""
    spec = {"strategy": strategy, "dataset": "wiki", "symbols": ["GOOG"], "start_date": "2006-01-03", "end_date": "2006-12-29"}
    fine: dict[str, Any] = {"spec": spec | changes.pop("spec", {})}
    if not changes.keys() & {"grid", "list", "sample"}:
        fine["grid"] = {"fast": [5, 10, 20], "slow": [20, 50]}
    return json_format.ParseDict(fine | changes, engine_service_pb2.RunSweepRequest())


@pytest.fixture(scope="session")
def make_plan(data_dir: Path, plugin_path: Path) -> MakePlan:
    """Plans a `sweep_request(...)`."""
    strategies, catalogue = load_strategies(ALLOWED), Catalogue(data_dir)
    return lambda *args, **changes: plan_sweep(sweep_request(*args, **changes), strategies, catalogue, run_timeout_seconds=60)


@pytest.fixture(scope="module")
async def processes(fork_server: None) -> AsyncIterator[LocalProcesses]:
    """Two processes that execute shards."""
    pool = LocalProcesses(2, MEMORY_BYTES)
    await pool.open()
    yield pool
    await pool.close()
