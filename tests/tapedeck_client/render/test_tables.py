"""Tables of many things."""

from __future__ import annotations

from typing import Any

from tapedeck.v1.engine_service_pb2 import Dataset, Parameter, Strategy
from tapedeck.v1.run_pb2 import Run
from tapedeck_client.render import tables
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import recorded_runs


def test_history_shows_a_run_a_line_and_a_dash_for_what_is_undefined() -> None:
    lines = printed(tables.history(recorded_runs(), "sharpe", reverse=False)).splitlines()
    assert "Sharpe▼" in lines[0]
    assert lines[4].split() == ["cccc0003", "2026-09-21", "14:13", "sma_crossover", "GOOG", "+2", "FAILED", "–", "–", "–"]


def test_history_marks_runs_with_implausible_values() -> None:
    runs = recorded_runs()
    assert "!" not in printed(tables.history(runs, "date", reverse=False))
    runs[1].flags.append("sharpe_ratio")
    lines = printed(tables.history(runs, "date", reverse=False)).splitlines()
    assert ["SUCCEEDED !" in line for line in lines[2:5]] == [False, True, False]
    assert lines[-1] == "! has implausible values; `tapedeck show` names them."


def test_the_history_of_one_strategy_shows_the_parameters_that_vary_instead_of_its_name() -> None:
    lines = printed(tables.history(recorded_runs(), "date", reverse=False, of_one_strategy=True)).splitlines()
    assert lines[0].split()[3] == "Parameters"
    assert [line.split()[3] for line in lines[2:]] == ["fast=10", "fast=20", "fast=10"]
    alike = printed(tables.history(recorded_runs()[:1], "date", reverse=False, of_one_strategy=True))
    assert "sma_crossover" in alike


def test_parameters_vary_when_a_run_lacks_one_or_has_another_type() -> None:
    changes: list[dict[str, Any]] = [{"\x1b": "y"}, {"flag": 1}, {"flag": True}, {"list": [1, 2]}]
    runs = [Run() for _ in changes]
    for run, changed in zip(runs, changes, strict=True):
        run.spec.parameters.update({"same": 1, "\x1b": "x", **changed})
    assert tables.varying_parameters(runs) == ["�=y", "�=x, flag=1", "�=x, flag=true", "�=x, list=1, 2"]
    assert tables.varying_parameters([]) == []


def test_names_that_would_steer_a_terminal_are_defused() -> None:
    runs = recorded_runs()[:1]
    runs[0].spec.strategy = "\x1b[31mred"
    assert "\x1b" not in printed(tables.history(runs, "date", reverse=False))


def test_names_in_brackets_are_not_taken_for_styles() -> None:
    runs = recorded_runs()[:1]
    runs[0].spec.strategy = "[bold]x"
    assert "[bold]x" in printed(tables.history(runs, "date", reverse=False))


def test_bounds_are_written_as_inequalities() -> None:
    strategy = Strategy(
        name="momentum",
        parameters=[
            Parameter(name="window", minimum=1),
            Parameter(name="weight", minimum=0, maximum=1, exclusive_minimum=True),
            Parameter(name="stop", maximum=0, exclusive_maximum=True),
            Parameter(name="mode"),
        ],
    )
    shown = printed(tables.strategy_detail(strategy))
    for words in ("1 ≤ x", "0 < x ≤ 1", "x < 0", "required"):
        assert words in shown


def test_a_strategy_without_parameters_says_so() -> None:
    shown = printed(tables.strategy_detail(Strategy(name="buy_and_hold", minimum_symbols=2)))
    assert "It has no parameters." in shown
    assert "Needs 2 symbols or more." in shown


def test_a_dataset_without_symbols_has_no_dates() -> None:
    shown = printed(tables.datasets([Dataset(name="empty", calendar="XNYS")]))
    assert shown.splitlines()[2].split() == ["empty", "0", "–", "–", "XNYS"]
