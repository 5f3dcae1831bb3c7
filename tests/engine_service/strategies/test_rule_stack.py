from __future__ import annotations

from typing import Any

import numpy as np
import pydantic
import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from engine_service.datasets import Dataset
from engine_service.simulation import bars_until
from engine_service.strategies import Bars
from engine_service.strategies.look_ahead import first_peek
from engine_service.strategies.memory import remembered
from engine_service.strategies.rule_stack import MAX_RULES, STRATEGY, RuleStack, signals
from engine_service.strategies.rules import least_margin
from engine_service.strategies.sma_crossover import SmaCrossover
from engine_service.strategies.sma_crossover import signals as sma_signals
from tests.bars import make_bars

NAN = np.nan
RULES = [
    "sma_above(10,30)",
    "sma_below(5,60)",
    "ema_above(12,26)",
    "rsi_below(14,45)",
    "rsi_above(7,60)",
    "bollinger_below(20,0.5)",
    "bollinger_above(20,1)",
    "momentum_above(60,0)",
    "volume_above(20,1.1)",
    "volatility_below(20,0.5)",
]
STACKS = st.lists(st.sampled_from(RULES), min_size=1, max_size=3, unique=True)


@pytest.fixture(scope="module")
def bars(wiki: Dataset) -> Bars:
    return bars_until(wiki, ("GOOG", "AAPL", "IBM"), len(wiki.sessions))


def stack(*entry: str, leave: tuple[str, ...] = (), weight: float = 1.0) -> RuleStack:
    return RuleStack.model_validate({"entry": entry, "exit": leave, "weight": weight})


def complaints(**parameters: Any) -> dict[str, str]:
    with pytest.raises(pydantic.ValidationError) as raised:
        RuleStack(**parameters)
    return {".".join(map(str, problem["loc"])): problem["msg"] for problem in raised.value.errors()}


def test_without_exit_rules_it_is_in_while_the_entry_rules_hold(bars: Bars) -> None:
    crossover = sma_signals(bars, SmaCrossover(fast=10, slow=30))
    np.testing.assert_array_equal(signals(bars, stack("sma_above(10,30)", weight=0.95)), crossover, strict=True)


def test_with_exit_rules_it_stays_in_until_all_of_them_hold() -> None:
    bars = make_bars({"A": [10.0, 11.0, 10.0, 10.0, 8.0, 8.0, 9.0]})
    decided = signals(bars, stack("momentum_above(1,0)", leave=("momentum_below(1,0)", "momentum_below(2,-0.1)")))
    np.testing.assert_array_equal(decided[:, 0], [NAN, NAN, NAN, NAN, 0.0, NAN, 1.0])


def test_exit_wins_where_both_hold_and_it_enters_again_when_only_entry_does() -> None:
    bars = make_bars({"A": [10.0, 11.0, 12.0, 15.0, 16.0]})
    decided = signals(bars, stack("momentum_above(1,0)", leave=("momentum_above(1,0.2)",)))
    np.testing.assert_array_equal(decided[:, 0], [NAN, 1.0, NAN, 0.0, 1.0])


@given(STACKS, st.lists(st.sampled_from(RULES), max_size=3, unique=True))
def test_it_is_held_as_its_rules_say_session_by_session(entry: list[str], leave: list[str]) -> None:
    bars = random_bars()
    parameters = stack(*entry, leave=tuple(leave))
    decided = signals(bars, parameters)[:, 0]
    wanted = least_margin(bars, 0, parameters.entry)
    unwanted = least_margin(bars, 0, parameters.exit) if leave else np.where(wanted > 0, -1.0, np.where(wanted <= 0, 1.0, NAN))
    held, seen = NAN, NAN
    for row in range(len(decided)):
        seen = seen if np.isnan(decided[row]) else decided[row]
        if not np.isnan(wanted[row]) and not np.isnan(unwanted[row]):
            held = 0.0 if unwanted[row] > 0 else 1.0 if wanted[row] > 0 else held
        assert seen == held or (np.isnan(seen) and np.isnan(held))


@given(STACKS, st.lists(st.sampled_from(RULES), max_size=2, unique=True))
def test_the_first_decision_is_never_before_the_warm_up_of_all_rules(entry: list[str], leave: list[str]) -> None:
    parameters = stack(*entry, leave=tuple(leave))
    assert np.isnan(signals(random_bars(), parameters)[: STRATEGY.warm_up(parameters)]).all()


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_looks_ahead(rule: str, bars: Bars) -> None:
    assert first_peek(STRATEGY, bars, stack(rule, leave=("rsi_above(14,65)",))) is None


def test_a_search_over_stacks_decides_the_same_with_a_memory(bars: Bars) -> None:
    stacks = [stack(one, other, leave=(another,)) for one, other, another in zip(RULES, RULES[1:], RULES[2:], strict=False)]
    alone = [signals(bars, parameters) for parameters in stacks]
    with remembered():
        for _ in range(2):
            for parameters, expected in zip(stacks, alone, strict=True):
                np.testing.assert_array_equal(signals(bars, parameters), expected, strict=True)


def test_every_wrong_rule_is_named_by_its_place() -> None:
    found = complaints(entry=["sma_above(10,30)", "macd_above(1,2)", 3], exit=["rsi_above(14,170)"])
    assert found.keys() == {"entry.1", "entry.2", "exit.0"}
    assert "must be one of sma(fast, slow), ema(fast, slow), rsi(window, level)" in found["entry.1"]
    assert "must be a text" in found["entry.2"]
    assert "level must be a number from 0 to 100" in found["exit.0"]


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ([], "must have at least one rule"),
        ({"rule": "rsi"}, "must be a list of rules"),
        (14, "must be a list of rules"),
        (["sma_above(1,2)", "sma_above( 1, 2.0 )"], "must not repeat sma_above(1,2)"),
        ([f"rsi_below({window},30)" for window in range(2, MAX_RULES + 3)], f"must be at most {MAX_RULES} rules, not {MAX_RULES + 1}"),
    ],
)
def test_what_is_no_list_of_rules_is_refused(entry: Any, complaint: str) -> None:
    assert complaint in complaints(entry=entry)["entry"]


def test_one_rule_need_not_be_a_list() -> None:
    assert RuleStack.model_validate({"entry": "rsi_below(14,30)"}) == stack("rsi_below(14,30)", weight=0.95)


def test_a_spec_holds_it_as_the_lists_of_texts_that_it_was_made_of() -> None:
    parameters = stack("rsi_below( 14, 30.0 )", "momentum_above(20,0.05)", leave=("sma_below(10,30)",))
    spec = struct_pb2.Struct()
    spec.update(parameters.model_dump(mode="json"))
    held = json_format.MessageToDict(spec)
    assert held == {"entry": ["rsi_below(14,30)", "momentum_above(20,0.05)"], "exit": ["sma_below(10,30)"], "weight": 1.0}
    assert RuleStack.model_validate(held) == parameters


def random_bars() -> Bars:
    generator = np.random.default_rng(5)
    closes = 100 * np.cumprod(1 + generator.normal(0, 0.02, 400))
    return make_bars({"A": np.where(generator.random(400) < 0.05, NAN, closes)})
