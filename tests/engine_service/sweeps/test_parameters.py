"""From what a request says about parameters to the combinations that are executed."""

from __future__ import annotations

from typing import Any, Self

import pydantic
import pytest

from engine_service.spec_checks import Problems
from engine_service.strategies import Parameters, Strategy, sma_crossover
from engine_service.sweeps import parameters
from engine_service.sweeps.sweep_spec import start
from tests.engine_service.sweeps.conftest import MakePlan, sweep_request
from tests.engine_service.sweeps.test_sweep_spec import fields


class InWeeks(Parameters):
    """Parameters whose model changes what it is given, as a plug-in's may."""

    fast: int = 5
    slow: int = pydantic.Field(default=20, le=100)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _slow_in_days(cls, given: dict[str, Any]) -> dict[str, Any]:
        if "slow" in given:
            given["slow"] *= 5
        return given

    @pydantic.model_validator(mode="after")
    def _fast_below_slow(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError("fast must be below slow")
        return self


class Derived(Parameters):
    """Parameters of which one follows from another when it is left out."""

    fast: int = 5
    slow: int = 0
    weight: float = 0.5

    @pydantic.model_validator(mode="before")
    @classmethod
    def _slow_from_fast(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "slow": given.get("slow") or 3 * given.get("fast", 5)}


def combinations(make_plan: MakePlan, *args: Any, **changes: Any) -> list[dict[str, Any]]:
    choice = make_plan(*args, **changes).choice
    return [dict(choice.candidates[place]) for place in choice.places]


def test_values_that_exclude_each_other_are_skipped_and_counted(make_plan: MakePlan) -> None:
    plan = make_plan(grid={"fast": [5, 20, 30], "slow": [20, 50]})
    assert [dict(plan.choice.candidates[place]) for place in plan.choice.places] == [
        {"fast": 5, "slow": 20},
        {"fast": 5, "slow": 50},
        {"fast": 20, "slow": 50},
        {"fast": 30, "slow": 50},
    ]
    assert list(plan.choice.chosen()) == [plan.choice.candidates[place] for place in plan.choice.places]
    started = start(plan, sweep_request())
    assert (started.result_count, started.skipped_count, started.session_count) == (4, 2, 251)
    assert "grid" in fields(make_plan, grid={"fast": [60], "slow": [20, 50]})


def test_combinations_are_the_same_however_many_are_looked_at_together(make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = {"fast": [5, 20, 30, 60], "slow": [20, 50]}
    together = make_plan(grid=grid).choice
    monkeypatch.setattr(parameters, "VALIDATED_AT_ONCE", 3)
    assert make_plan(grid=grid).choice == together


@pytest.mark.parametrize(
    ("given", "grid", "fixed"),
    [
        ({}, {"fast": [5, 10]}, {"weight": 0.5}),
        ({"slow": 0}, {"fast": [5, 10]}, {"weight": 0.5, "slow": 0}),
        ({"slow": 40}, {"fast": [5, 10]}, {"weight": 0.5, "slow": 40}),
        ({}, {"fast": [5]}, {"weight": 0.5, "slow": 15}),
        ({}, {"fast": [5, 10], "slow": [50], "weight": [0.1]}, {}),
    ],
)
def test_what_follows_from_a_parameter_that_varies_is_not_fixed(
    given: dict[str, Any], grid: dict[str, list[float]], fixed: dict[str, Any]
) -> None:
    strategy = Strategy("derived", "trend", "", Derived, sma_crossover.signals, warm_up=lambda chosen: int(chosen.slow))
    request, problems = sweep_request(grid=grid), Problems()
    request.spec.parameters.Clear()
    request.spec.parameters.update(given)
    assert (parameters.Candidates(request, strategy, problems).choose().fixed, bool(problems)) == (fixed, False)


def test_combinations_are_looked_at_as_they_were_given_although_a_model_changes_them() -> None:
    strategy = Strategy("in_weeks", "trend", "", InWeeks, sma_crossover.signals, warm_up=lambda chosen: int(chosen.slow))
    problems = Problems()
    choice = parameters.Candidates(sweep_request(grid={"fast": [5, 30], "slow": [4, 20]}), strategy, problems).choose()
    assert list(choice.chosen()) == [{"fast": 5, "slow": 4}, {"fast": 5, "slow": 20}, {"fast": 30, "slow": 20}]
    assert (choice.skipped_count, choice.warm_up, bool(problems)) == (1, 100, False)


def test_a_list_is_taken_in_its_order_and_may_leave_parameters_out(make_plan: MakePlan) -> None:
    plan = make_plan(list={"combinations": [{"slow": 60}, {"fast": 7, "slow": 40}, {"fast": 50, "slow": 40}]})
    assert plan.choice.names == ("fast", "slow")
    assert [dict(plan.choice.candidates[place]) for place in plan.choice.places] == [{"slow": 60}, {"fast": 7, "slow": 40}]
    assert plan.choice.skipped_count == 1


def test_a_sample_is_drawn_from_values_steps_and_any_number(make_plan: MakePlan) -> None:
    ranges = {"fast": {"minimum": 2, "maximum": 40, "step": 2}, "slow": {"values": [50, 100]}, "weight": {"minimum": 0.5, "maximum": 0.9}}
    drawn = combinations(make_plan, sample={"ranges": ranges, "count": 30, "seed": 7})
    assert len(drawn) == 30
    assert all(each["fast"] % 2 == 0 and each["slow"] in (50, 100) and 0.5 <= each["weight"] <= 0.9 for each in drawn)
    assert combinations(make_plan, sample={"ranges": ranges, "count": 30, "seed": 7}) == drawn
    whole = combinations(make_plan, sample={"ranges": {"fast": {"minimum": 2, "maximum": 4}}, "count": 30})
    assert whole == [{"fast": 2}, {"fast": 3}, {"fast": 4}]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"grid": {}}, ["grid"]),
        ({"grid": {"fast": []}}, ["grid.fast"]),
        ({"grid": {"fast": 5}}, ["grid.fast"]),
        ({"grid": {"fast": [5, 5]}}, ["grid.fast"]),
        ({"grid": {"fast": [5, 0], "slow": ["many"]}}, ["grid.fast", "grid.slow"]),
        ({"grid": {"speed": [1]}}, ["grid.speed"]),
        ({"grid": {"fast": ["x" * 3_000]}}, ["grid.fast"]),
        ({"spec": {"parameters": {"fast": 5, "weight": 2}}}, ["spec.parameters.fast", "spec.parameters.weight"]),
        ({"list": {}}, ["list.combinations"]),
        ({"list": {"combinations": [{"fast": 5}, {"fast": 0, "speed": 1}]}}, ["list.combinations[1].fast", "list.combinations[1].speed"]),
        ({"sample": {}}, ["sample.count", "sample.ranges"]),
        ({"sample": {"ranges": {"fast": {"minimum": 5, "maximum": 2}}, "count": 1, "seed": -1}}, ["sample.seed", "sample.ranges.fast"]),
        ({"sample": {"ranges": {"fast": {"minimum": 0, "maximum": 9}}, "count": 5}}, ["sample.ranges.fast"]),
        ({"sample": {"ranges": {"fast": {"values": [0]}}, "count": 5}}, ["sample.ranges.fast"]),
        ({"sample": {"ranges": {"weight": {"minimum": 0, "maximum": 1, "step": 1e-12}}, "count": 5}}, ["sample.ranges.weight"]),
        ({"sample": {"ranges": {"weight": {"minimum": 0.5, "maximum": 2}}, "count": 5}}, ["sample.ranges.weight"]),
    ],
)
def test_everything_wrong_with_parameters_is_named(make_plan: MakePlan, changes: dict[str, Any], wrong: list[str]) -> None:
    assert fields(make_plan, **changes) == wrong


def test_wrong_combinations_of_a_long_list_are_not_named_without_end(make_plan: MakePlan) -> None:
    named = fields(make_plan, list={"combinations": [{"fast": 0}] * 100})
    assert named == [f"list.combinations[{number}].fast" for number in range(20)]
