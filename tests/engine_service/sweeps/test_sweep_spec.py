"""Requests become plans, or one error that names everything that is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine_service.datasets import Catalogue
from engine_service.job import KERNEL, ZIPLINE
from engine_service.strategies import load_strategies
from engine_service.sweeps import sweep_spec
from engine_service.sweeps.sweep_spec import CELLS_PER_SHARD, FEW_SHARDS, MAX_RUNS, SweepPlan, plan_sweep
from tapedeck.v1 import engine_service_pb2, run_pb2, sweep_pb2
from tapedeck_rpc import errors
from tests.engine_service.sweeps.conftest import MakePlan, sweep_request
from tests.fix_engine import ALLOWED

EACH, TOGETHER = sweep_pb2.SYMBOL_GROUPING_EACH, sweep_pb2.SYMBOL_GROUPING_TOGETHER


def refused(make_plan: MakePlan, *args: Any, **changes: Any) -> errors.InvalidArgument:
    with pytest.raises(errors.InvalidArgument) as raised:
        make_plan(*args, **changes)
    return raised.value


def fields(make_plan: MakePlan, *args: Any, **changes: Any) -> list[str]:
    return [violation.field for violation in refused(make_plan, *args, **changes).violations]


def test_every_default_is_filled_in(make_plan: MakePlan) -> None:
    plan = make_plan()
    assert plan.sweep.rank_by == "sharpe_ratio"
    assert plan.sweep.symbol_grouping == EACH
    assert plan.sweep.engine == run_pb2.ENGINE_CHOICE_AUTO
    assert plan.sweep.edge_score.minimum_trades == 10
    assert dict(plan.sweep.spec.parameters) == {"weight": 0.95}
    assert plan.sweep.spec.dataset_fingerprint == plan.ready.dataset.fingerprint
    assert (plan.top, plan.verified_count, plan.promoted_count, plan.engine_kind) == (20, -1, 0, KERNEL)
    assert make_plan(verify=True).verified_count == 3
    assert make_plan(verify=True, verify_sample_count=0).verified_count == 0


def test_results_are_numbered_symbol_by_symbol(make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_spec, "CELLS_PER_SHARD", 2 * 251)
    plan = make_plan(spec={"symbols": ["AAPL", "GOOG"]}, grid={"fast": [5, 10, 15], "slow": [20]})
    shards = list(plan.shards(plan.ready.dataset.folder, ALLOWED))
    assert plan.result_count == 6
    assert [(shard.symbol, len(shard.combinations)) for shard in shards] == [("AAPL", 2), ("AAPL", 1), ("GOOG", 2), ("GOOG", 1)]
    assert [list(run_pb2.RunSpec.FromString(shard.spec).symbols) for shard in shards[1:3]] == [["AAPL"], ["GOOG"]]


def test_only_long_sweeps_look_for_look_ahead_before_the_work(make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = {"fast": list(range(1, FEW_SHARDS + 1)), "slow": [20]}

    def checks(plan: SweepPlan) -> list[bool]:
        return [shard.checks_look_ahead for shard in plan.shards(plan.ready.dataset.folder, ALLOWED)]

    monkeypatch.setattr(sweep_spec, "CELLS_PER_SHARD", 251)
    assert checks(make_plan(grid=grid)) == [False] * FEW_SHARDS
    longer = make_plan(spec={"symbols": ["AAPL", "GOOG"]}, grid=grid)
    assert checks(longer) == ([True] + [False] * (FEW_SHARDS - 1)) * 2


def test_shards_are_the_same_work_whatever_the_runs_are(make_plan: MakePlan) -> None:
    assert make_plan().runs_per_shard == CELLS_PER_SHARD // 251
    assert (
        make_plan(spec={"symbols": ["GOOG", "AAPL"]}, symbol_grouping="SYMBOL_GROUPING_TOGETHER").runs_per_shard == CELLS_PER_SHARD // 502
    )
    assert make_plan(engine="ENGINE_CHOICE_ZIPLINE").runs_per_shard == 1


def test_a_strategy_that_needs_several_symbols_gets_them_together(make_plan: MakePlan) -> None:
    several = {"spec": {"symbols": ["GOOG", "AAPL"], "strategy": "cross_sectional_momentum"}, "grid": {"top": [1, 2]}}
    plan = make_plan(**several)
    assert (plan.sweep.symbol_grouping, plan.groups, plan.result_count) == (TOGETHER, (("GOOG", "AAPL"),), 2)
    assert [shard.symbol for shard in plan.shards(plan.ready.dataset.folder, ALLOWED)] == [""]
    assert fields(make_plan, **several, symbol_grouping="SYMBOL_GROUPING_EACH") == ["symbol_grouping"]


def test_the_longest_warm_up_of_all_combinations_must_be_covered(make_plan: MakePlan) -> None:
    assert fields(make_plan, grid={"fast": [5], "slow": [20, 400]}) == ["spec.start_date"]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"rank_by": "luck"}, ["rank_by"]),
        ({"top": 1_001, "verify_sample_count": 51, "promote_top": 21}, ["top", "verify_sample_count", "promote_top"]),
        ({"promote_top": 1, "save": False}, ["promote_top"]),
        ({"request_id": "x" * 129, "labels": {"": "empty"}}, ["request_id", "labels"]),
        ({"request_id": "a\0b"}, ["request_id"]),
        ({"edge_score": {"weights": {"luck": 1}}}, ["edge_score.weights"]),
        ({"spec": {"strategy": "no_such"}}, ["spec.strategy"]),
        ({"engine": 9, "symbol_grouping": 9}, ["symbol_grouping", "engine"]),
    ],
)
def test_everything_wrong_is_named(make_plan: MakePlan, changes: dict[str, Any], wrong: list[str]) -> None:
    assert fields(make_plan, **changes) == wrong


def test_an_empty_request_is_refused_with_all_that_it_lacks(data_dir: Path) -> None:
    with pytest.raises(errors.InvalidArgument) as raised:
        plan_sweep(engine_service_pb2.RunSweepRequest(), load_strategies(), Catalogue(data_dir), run_timeout_seconds=60)
    assert {violation.field for violation in raised.value.violations} >= {"spec", "spec.strategy", "spec.dataset"}
    bare = engine_service_pb2.RunSweepRequest(spec=sweep_request().spec)
    with pytest.raises(errors.InvalidArgument) as raised:
        plan_sweep(bare, load_strategies(), Catalogue(data_dir), run_timeout_seconds=60)
    assert [violation.field for violation in raised.value.violations] == ["grid"]


@pytest.mark.parametrize("symbols", [["GOOG"], ["GOOG", "AAPL", "MSFT", "IBM"]])
def test_too_many_runs_are_refused_before_anybody_counts_them_one_by_one(make_plan: MakePlan, symbols: list[str]) -> None:
    huge = {"fast": list(range(1, 501)), "slow": list(range(2, 1_001)), "weight": [place / 1_000 for place in range(1, 1_000)]}
    error = refused(make_plan, spec={"symbols": symbols}, grid=huge)
    assert error.reason == "TOO_MANY_RUNS"
    assert f"{MAX_RUNS:,}" in error.message


def test_results_that_do_not_fit_into_memory_are_too_many(make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_spec, "MAX_SWEEP_BYTES", 600)
    assert fields(make_plan) == ["grid"]


def test_ranked_results_that_do_not_fit_into_a_message_are_too_many(make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_spec, "MAX_RANKED_BYTES", 600)
    assert fields(make_plan, top=4) == ["top"]


def test_the_kernel_refuses_by_name_what_is_not_its_own(make_plan: MakePlan) -> None:
    event_driven = {"spec": {"strategy": "slow"}, "grid": {"weight": [0.5]}}
    assert make_plan(**event_driven).engine_kind == ZIPLINE
    with pytest.raises(errors.FailedPrecondition) as raised:
        make_plan(**event_driven, engine="ENGINE_CHOICE_KERNEL")
    assert raised.value.reason == "OUTSIDE_KERNEL"
