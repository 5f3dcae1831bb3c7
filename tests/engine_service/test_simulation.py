from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from engine_service.datasets import Dataset
from engine_service.simulation import SessionFacts, StrategyFailed, simulate
from engine_service.strategies import Strategy, load_strategies
from tests.fix_datasets import MakeDataset, xnys_sessions
from tests.rebuilding import iso
from tests.specs import NoParameters, complete_spec, scripted


def test_the_first_session_enters_what_was_decided_before_it(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [10.0] * 8})
    dates = xnys_sessions("2020-01-02", 8)
    decisions = np.full((8, 1), np.nan)
    decisions[1], decisions[3], decisions[6] = 0.2, 0.5, 0.0
    facts = list(simulate(complete_spec(dataset, "scripted", ["AAA"], dates[5], dates[-1]), scripted(decisions), dataset))
    assert [(iso(order.session_date), order.target_weight) for one in facts for order in one.orders if not order.filled] == [
        (dates[5], 0.5),
        (dates[6], 0.0),
    ]


def test_decisions_outside_a_symbols_listing_are_not_traded(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [np.nan, np.nan, 10.0, 10.0, 10.0, np.nan, np.nan], "BBB": [5.0] * 7})
    dates = xnys_sessions("2020-01-02", 7)
    decisions = np.full((7, 2), np.nan)
    decisions[:, 0] = np.linspace(0.1, 0.7, 7)
    facts = list(simulate(complete_spec(dataset, "scripted", ["AAA", "BBB"], dates[0], dates[-1]), scripted(decisions), dataset))
    assert [iso(one.session_date) for one in facts for order in one.orders if not order.filled and not order.cancelled] == dates[2:5]


def test_an_exception_of_handle_data_names_its_session_and_keeps_what_came_before(wiki: Dataset, plugin_path: object) -> None:
    spec = complete_spec(wiki, "raises_in_session", ["GOOG"], "2006-01-03", "2006-02-28", {"session_number": 4})
    facts: list[SessionFacts] = []
    with pytest.raises(StrategyFailed) as failed:
        facts.extend(simulate(spec, load_strategies({"raises_in_session"})["raises_in_session"], wiki))
    assert (failed.value.message, failed.value.session_date) == ("ArithmeticError: the strategy had a bad day", "2006-01-06")
    assert [iso(one.session_date) for one in facts] == ["2006-01-03", "2006-01-04", "2006-01-05"]


@pytest.mark.parametrize("where", ["parameters", "initialize"])
def test_an_exception_outside_any_session_names_none(wiki: Dataset, where: str) -> None:
    class Broken:
        def __init__(self, _parameters: NoParameters) -> None:
            if where == "parameters":
                raise LookupError

        def initialize(self, _context: Any) -> None:
            raise LookupError

        def handle_data(self, _context: Any, _data: Any) -> None:
            """Never reached."""

    strategy = Strategy("broken", "test", "Breaks.", NoParameters, algorithm=Broken)
    with pytest.raises(StrategyFailed) as failed:
        list(simulate(complete_spec(wiki, "broken", ["GOOG"], "2006-01-03", "2006-02-28"), strategy, wiki))
    assert (failed.value.message, failed.value.session_date) == ("LookupError", "")


@pytest.mark.parametrize("cost", ["slippage", "commission"])
def test_a_strategy_can_not_change_what_the_spec_says_a_run_costs(wiki: Dataset, cost: str) -> None:
    class Cheap:
        def __init__(self, _parameters: NoParameters) -> None:
            """Nothing to remember."""

        def initialize(self, context: Any) -> None:
            getattr(context, f"set_{cost}")(None)

        def handle_data(self, _context: Any, _data: Any) -> None:
            """Never reached."""

    strategy = Strategy("cheap", "test", "Wants to trade for nothing.", NoParameters, algorithm=Cheap)
    with pytest.raises(StrategyFailed, match=f"ValueError: {cost} is part of a run's spec"):
        list(simulate(complete_spec(wiki, "cheap", ["GOOG"], "2006-01-03", "2006-01-10"), strategy, wiki))


def test_closing_the_iterator_in_the_middle_leaves_nothing_that_disturbs_the_next_run(wiki: Dataset) -> None:
    spec = complete_spec(wiki, "buy_and_hold", ["GOOG"], "2006-01-03", "2006-03-31")
    strategy = load_strategies()["buy_and_hold"]
    whole = list(simulate(spec, strategy, wiki))
    broken_off = simulate(spec, strategy, wiki)
    next(broken_off)
    broken_off.close()
    assert list(simulate(spec, strategy, wiki)) == whole


def test_random_generators_are_seeded_by_the_spec(wiki: Dataset) -> None:
    drawn: list[tuple[float, float]] = []

    class Dice:
        def __init__(self, _parameters: NoParameters) -> None:
            """Nothing to remember."""

        def initialize(self, _context: Any) -> None:
            drawn.append((random.random(), float(np.random.random())))

        def handle_data(self, _context: Any, _data: Any) -> None:
            """Nothing to trade."""

    strategy = Strategy("dice", "test", "Rolls dice.", NoParameters, algorithm=Dice)
    spec = complete_spec(wiki, "dice", ["GOOG"], "2006-01-03", "2006-01-10")
    for seed in (1, 1, 2):
        spec.seed = seed
        list(simulate(spec, strategy, wiki))
    assert drawn[0] == drawn[1] != drawn[2]
