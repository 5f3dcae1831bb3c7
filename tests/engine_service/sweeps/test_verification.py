"""Results that are executed again: which ones, and what is said about them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine_service.job import KERNEL
from engine_service.sweeps import verification
from engine_service.sweeps.live_sweep import LiveSweep
from engine_service.sweeps.shard import ShardResults, execute
from engine_service.sweeps.sweep_spec import SweepPlan
from engine_service.sweeps.verification import Verification
from tapedeck.v1 import run_pb2, sweep_pb2
from tests.engine_service.sweeps.conftest import MakePlan
from tests.fix_engine import ALLOWED

Executed = tuple[SweepPlan, sweep_pb2.SweepResults, list[ShardResults]]


@pytest.fixture(scope="module")
def executed(make_plan: MakePlan, data_dir: Path) -> Executed:
    """A sweep, two of its results, and the same ones executed again."""
    plan = make_plan(spec={"symbols": ["GOOG", "AAPL"]}, grid={"fast": [5, 10], "slow": [20]})
    live = LiveSweep(plan)
    for shard in plan.shards(data_dir, ALLOWED):
        live.add(shard.symbol, execute(shard))
    chosen = live.pick([4, 1])
    return plan, chosen, [execute(shard) for shard in verification.shards(plan, chosen, KERNEL, data_dir, ALLOWED)]


@pytest.mark.parametrize("seed", range(5))
def test_the_best_comes_first_and_the_sample_is_drawn_from_the_others(seed: int) -> None:
    chosen = verification.choose([7], 100, 3, seed)
    assert chosen[0] == 7
    assert len(set(chosen)) == 4
    assert all(1 <= number <= 100 for number in chosen)
    assert verification.choose([7], 100, 3, seed) == chosen


def test_a_sample_is_no_larger_than_the_sweep() -> None:
    assert sorted(verification.choose([2], 3, 50, 0)) == [1, 2, 3]
    assert verification.choose([2], 3, 0, 0) == [2]
    assert verification.choose([], 3, 1, 0)[0] in {1, 2, 3}


def test_results_that_are_the_same_are_identical(executed: Executed) -> None:
    _, chosen, again = executed
    found = verification.compare(chosen, again)
    assert (found.outcome, list(found.numbers)) == (Verification.OUTCOME_IDENTICAL, [4, 1])
    assert found.summary.startswith("IDENTICAL")


def test_the_last_bit_of_any_metric_is_a_difference_and_is_named(executed: Executed) -> None:
    _, chosen, again = executed
    other = sweep_pb2.SweepResults.FromString(again[1].results)
    other.metrics[3].values[0] += 2**-52
    found = verification.compare(chosen, [again[0], replace(again[1], results=other.SerializeToString())])
    assert found.outcome == Verification.OUTCOME_DIVERGED
    assert (found.first_difference.number, found.first_difference.metric) == (1, "sharpe_ratio")
    assert float(found.first_difference.zipline_value) - float(found.first_difference.sweep_value) == pytest.approx(2**-52)
    assert "sharpe_ratio" in found.summary


def test_a_result_that_fails_on_zipline_is_a_difference(executed: Executed) -> None:
    _, chosen, again = executed
    error = run_pb2.RunError(reason="STRATEGY_FAILED", message="it broke")
    failed = ShardResults(0, b"", b"", failed_count=1, first_failure=error.SerializeToString())
    found = verification.compare(chosen, [failed, again[1]])
    assert (found.outcome, found.first_difference.number) == (Verification.OUTCOME_DIVERGED, 4)
    assert "it broke" in found.first_difference.zipline_value
    assert "it broke" in verification.broken(chosen, error).summary


def test_the_spec_of_a_result_has_its_symbol_and_all_parameters(executed: Executed) -> None:
    plan, chosen, _ = executed
    spec = verification.run_spec(plan, chosen, 0)
    assert list(spec.symbols) == ["AAPL"]
    assert dict(spec.parameters) == {"fast": 10, "slow": 20, "weight": 0.95}
