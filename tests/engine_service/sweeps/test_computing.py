"""A shard comes to what its runs come to one by one, on either engine, to the last bit."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format

from engine_service import simulation
from engine_service.job import KERNEL, ZIPLINE
from engine_service.ledger import Ledger
from engine_service.sweeps import computing
from engine_service.sweeps.columns import COLUMNS, METRICS, metrics_row
from engine_service.sweeps.shard import Shard, ShardResults, execute
from engine_service.sweeps.sweep_spec import SweepPlan
from tapedeck.v1 import run_pb2, sweep_pb2
from tests.engine_service.sweeps.conftest import MakePlan
from tests.fix_engine import ALLOWED


def shards_of(plan: SweepPlan, data_dir: Path, **changes: Any) -> list[Shard]:
    return [replace(shard, **changes) for shard in plan.shards(data_dir, ALLOWED)]


def rows_of(parts: Sequence[ShardResults]) -> np.ndarray:
    return np.frombuffer(b"".join(part.rows for part in parts)).reshape(-1, len(COLUMNS))


def one_by_one(plan: SweepPlan, engine_kind: str) -> np.ndarray:
    """The metrics of every run, executed as a run of its own."""
    rows = []
    for symbols in plan.groups:
        for place in plan.choice.places:
            spec = run_pb2.RunSpec()
            spec.CopyFrom(plan.sweep.spec)
            spec.symbols[:] = symbols
            given = {**json_format.MessageToDict(spec.parameters), **plan.choice.candidates[place]}
            spec.parameters.update(plan.strategy.parameters.model_validate(given).model_dump(mode="json"))
            ledger = Ledger()
            for facts in simulation.simulate(spec, plan.strategy, plan.ready.dataset, engine_kind):
                ledger.add(facts)
            rows.append(metrics_row(ledger.finish(spec, plan.ready.dataset).metrics))
    return np.array(rows)


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"symbols": ["GOOG", "IBM"]}},
        {
            "spec": {"symbols": ["GOOG", "AAPL", "MSFT"], "strategy": "cross_sectional_momentum"},
            "grid": {"top": [1, 2], "lookback": [20, 60]},
        },
        {"spec": {"strategy": "rsi_mean_reversion", "symbols": ["MSFT"], "benchmark_symbol": "IBM"}, "grid": {"window": [5, 14]}},
        {"spec": {"strategy": "buy_and_hold", "start_date": "2000-03-01", "symbols": ["IBM"]}, "grid": {"weight": [0.5, 0.9]}},
        {"spec": {"slippage": {"volume_share": {}}, "commission": {"per_share": {"minimum_cost": 1}}, "capital_base": 1e7}},
    ],
)
def test_a_shard_of_the_kernel_is_its_runs_one_by_one(make_plan: MakePlan, data_dir: Path, changes: dict[str, Any]) -> None:
    plan = make_plan(**changes)
    parts = [execute(shard) for shard in shards_of(plan, data_dir)]
    rows = rows_of(parts)
    assert rows[:, : len(METRICS)].tobytes() == one_by_one(plan, KERNEL).tobytes()
    assert not np.isnan(rows[:, METRICS.index("total_return")]).any()


def test_zipline_comes_to_the_same_bytes(make_plan: MakePlan, data_dir: Path) -> None:
    plan = make_plan(grid={"fast": [5, 10], "slow": [20]})
    (kernel,) = [execute(shard) for shard in shards_of(plan, data_dir)]
    (zipline,) = [execute(shard) for shard in shards_of(plan, data_dir, engine_kind=ZIPLINE)]
    assert zipline == kernel


def test_results_name_parameters_as_the_strategy_took_them(make_plan: MakePlan, data_dir: Path) -> None:
    (shard,) = shards_of(make_plan(list={"combinations": [{"slow": 60}, {"fast": "7"}]}), data_dir)
    results = sweep_pb2.SweepResults.FromString(execute(shard).results)
    assert [(column.name, list(column.numbers)) for column in results.parameters] == [("fast", [10, 7]), ("slow", [60, 30])]
    assert list(results.symbols) == ["GOOG"] * 2
    stacks = [["sma_above(5,20)"], ["rsi_below(14,40)", "sma_above(5,20)"]]
    plan = make_plan("rule_stack", grid={"entry": stacks})
    results = sweep_pb2.SweepResults.FromString(execute(shards_of(plan, data_dir)[0]).results)
    named: list[Any] = [json_format.MessageToDict(value) for value in results.parameters[0].values]
    assert named == stacks


def test_the_best_of_a_shard_are_named_by_their_places(make_plan: MakePlan, data_dir: Path) -> None:
    (shard,) = shards_of(make_plan(grid={"fast": [5, 10, 15], "slow": [20, 50]}, top=2, rank_by="total_return"), data_dir)
    came = execute(shard)
    returns = rows_of([came])[:, METRICS.index("total_return")]
    assert [each.number for each in came.best] == np.argsort(-returns, kind="stable")[:2].tolist()


def test_a_run_that_fails_is_no_result(make_plan: MakePlan, data_dir: Path) -> None:
    plan = make_plan("raises_in_session", grid={"session_number": [10_000, 3]})
    ended = [execute(shard) for shard in shards_of(plan, data_dir)]
    assert [(came.count, came.failed_count) for came in ended] == [(1, 0), (0, 1)]
    error = run_pb2.RunError.FromString(ended[1].first_failure)
    assert (error.reason, error.session_date) == ("STRATEGY_FAILED", "2006-01-05")
    plan = make_plan("raises_in_signals", grid={"weight": [0.5, 0.6]})
    (came,) = [execute(shard) for shard in shards_of(plan, data_dir)]
    assert (came.count, came.failed_count, came.rows, came.best) == (0, 2, b"", [])
    assert "no such indicator" in run_pb2.RunError.FromString(came.first_failure).message


def test_an_order_that_zipline_refuses_fails_the_run_with_the_same_words(make_plan: MakePlan, data_dir: Path) -> None:
    plan = make_plan("buy_and_hold", spec={"capital_base": 1e15}, grid={"weight": [0.5, 1e-9]})
    (kernel,) = [execute(shard) for shard in shards_of(plan, data_dir)]
    (zipline,) = [execute(shard) for shard in shards_of(plan, data_dir, engine_kind=ZIPLINE)]
    assert kernel.failed_count == 1
    assert kernel == zipline


@pytest.mark.parametrize("engine_kind", [KERNEL, ZIPLINE])
def test_a_strategy_that_looks_ahead_ends_the_sweep(make_plan: MakePlan, data_dir: Path, engine_kind: str) -> None:
    (shard,) = shards_of(make_plan("peeks", grid={"weight": [0.5]}), data_dir, engine_kind=engine_kind)
    error = run_pb2.RunError.FromString(execute(replace(shard, checks_look_ahead=True)).error)
    assert error.reason == "LOOK_AHEAD"
    assert "GOOG" in error.message


def test_a_strategy_or_dataset_that_a_worker_lacks_ends_the_sweep(make_plan: MakePlan, data_dir: Path, tmp_path: Path) -> None:
    (shard,) = shards_of(make_plan("peeks", grid={"weight": [0.5]}), data_dir, plugins=frozenset())
    assert run_pb2.RunError.FromString(execute(shard).error).reason == "STRATEGY_NOT_INSTALLED"
    (shard,) = shards_of(make_plan(), tmp_path)
    assert run_pb2.RunError.FromString(execute(shard).error).reason == "DATASET_GONE"


def test_a_run_that_takes_too_long_is_a_failure_and_the_others_go_on(make_plan: MakePlan, data_dir: Path) -> None:
    plan = make_plan("slow", spec={"timeout_seconds": 4}, grid={"seconds_per_session": [0, 10]})
    ended = [execute(shard) for shard in shards_of(plan, data_dir)]
    assert [came.count for came in ended] == [1, 0]
    assert run_pb2.RunError.FromString(ended[1].first_failure).reason == "RUN_TIMEOUT"


def test_a_process_keeps_few_markets_open(make_plan: MakePlan, data_dir: Path) -> None:
    bench = computing.Bench(data_dir, ALLOWED)
    plan = make_plan(spec={"symbols": ["GOOG", "IBM", "AAPL", "MSFT"]}, grid={"fast": [5]})
    later = make_plan(spec={"start_date": "2006-02-01"}, grid={"fast": [5]})
    for shard in [*shards_of(plan, data_dir), *shards_of(later, data_dir)]:
        bench.execute(shard)
    assert len(bench._grounds) == computing.MAX_GROUNDS


def test_any_thread_may_execute_shards(make_plan: MakePlan, data_dir: Path) -> None:
    (shard,) = shards_of(make_plan(), data_dir)
    came: list[ShardResults] = []
    threads = [threading.Thread(target=lambda: came.append(execute(shard))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert came == [execute(shard)] * 3
