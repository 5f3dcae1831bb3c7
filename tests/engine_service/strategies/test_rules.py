from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_service.datasets import Dataset
from engine_service.simulation import bars_until
from engine_service.strategies import Bars
from engine_service.strategies.rules import KINDS, Argument, Rule, least_margin, parse_rule
from tests.bars import make_bars

NAN = np.nan


@pytest.fixture(scope="module")
def bars(wiki: Dataset) -> Bars:
    return bars_until(wiki, ("AAPL", "IBM"), 800)


def values_of(argument: Argument) -> st.SearchStrategy[float]:
    if argument.is_whole:
        return st.integers(int(argument.minimum), int(argument.maximum))
    return st.floats(argument.minimum, argument.maximum).map(lambda value: round(value, 6))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(sorted(KINDS)))
    return Rule(kind, draw(st.booleans()), tuple(draw(values_of(argument)) for argument in KINDS[kind].arguments))


def holds(bars: Bars, *texts: str, column: int = 0) -> list[bool | None]:
    """Whether all of the rules hold on each session; None where that is unknown."""
    margins = least_margin(bars, column, [parse_rule(text) for text in texts])
    return [None if np.isnan(margin) else bool(margin > 0) for margin in margins]


@given(rules())
def test_the_text_of_a_rule_means_that_rule(rule: Rule) -> None:
    assert parse_rule(str(rule)) == rule


def test_however_it_is_written_a_rule_has_one_text() -> None:
    assert str(parse_rule("  rsi_below ( 14 , +30.50 ) ")) == "rsi_below(14,30.5)"
    assert str(parse_rule("sma_above(10.0,30)")) == "sma_above(10,30)"
    assert str(parse_rule("momentum_above(20,0.00001)")) == "momentum_above(20,0.00001)"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"must be one of sma\(fast, slow\), .*volatility\(window, level\), with _above or _below after the name"),
        ("sma(10,30)", "must be one of sma"),
        ("macd_above(10,30)", "must be one of sma"),
        ("rsi_below(14,30) or rsi_above(14,70)", "must be one of sma"),
        ("rsi_below(14,(30))", "must be one of sma"),
        ("RSI_below(14,30)", "must be one of sma"),
        ("rsi_below(14)", r"must be written rsi_below\(window,level\), with 2 numbers"),
        ("rsi_below(14,30,)", "with 2 numbers"),
        ("rsi_below()", "with 2 numbers"),
        ("rsi_below(14,101)", "level must be a number from 0 to 100"),
        ("rsi_below(14,nan)", "level must be a number"),
        ("rsi_below(14,1e1)", "level must be a number"),
        ("rsi_below(14,٣٠)", "level must be a number"),
        ("rsi_below(1,30)", "window must be a whole number from 2 to 1000"),
        ("sma_above(1.5,30)", "fast must be a whole number from 1 to 1000"),
        ("rsi_below(14,30)" + " " * 100, "must be one of sma"),
        ("sma_above(__import__('os'),30)", "must be one of sma"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_it_should_be(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_rule(text)


def test_averages_are_compared_with_each_other() -> None:
    bars = make_bars({"A": [1.0, 2.0, 3.0, 1.0, 1.0]})
    assert holds(bars, "sma_above(1,2)") == [None, True, True, False, False]
    assert holds(bars, "sma_below(1,2)") == [None, False, False, True, False]
    assert holds(bars, "ema_above(1,2)") == [None, True, True, False, False]
    assert holds(bars, "ema_below(2,1)") == [None, True, True, False, False]


def test_the_close_is_compared_with_its_bands() -> None:
    bars = make_bars({"A": [5.0, 5.0, 9.0, 5.0, 1.0]})
    assert holds(bars, "bollinger_above(3,1)") == [None, None, True, False, False]
    assert holds(bars, "bollinger_below(3,1)") == [None, None, False, False, True]


def test_the_return_over_the_lookback_is_compared_with_a_threshold() -> None:
    bars = make_bars({"A": [10.0, 11.0, 11.0, 9.0]})
    assert holds(bars, "momentum_above(1,0.05)") == [None, True, False, False]
    assert holds(bars, "momentum_below(1,-0.1)") == [None, False, False, True]


def test_volume_is_compared_with_a_multiple_of_its_average(bars: Bars) -> None:
    volume = bars.volume[1]
    for row, held in enumerate(holds(bars, "volume_above(20,1.5)", column=1)):
        assert held == (None if row < 19 else bool(volume[row] > 1.5 * volume[row - 19 : row + 1].mean()))


def test_the_annual_volatility_is_compared_with_a_level(bars: Bars) -> None:
    changes = bars.close[0][1:] / bars.close[0][:-1] - 1
    for row, held in enumerate(holds(bars, "volatility_below(20,0.4)")):
        assert held == (None if row < 20 else bool(changes[row - 20 : row].std(ddof=1) * np.sqrt(252) < 0.4))


def test_the_strength_index_is_compared_with_a_level() -> None:
    bars = make_bars({"A": [5.0, 6.0, 7.0, 8.0, 1.0, 1.0]})
    assert holds(bars, "rsi_above(2,70)") == [None, None, True, True, False, False]
    assert holds(bars, "rsi_below(2,70)") == [None, None, False, False, True, True]


def test_several_rules_hold_where_each_of_them_holds(bars: Bars) -> None:
    texts = ("sma_above(5,20)", "rsi_below(14,60)", "volume_above(10,0.8)")
    each = [holds(bars, text) for text in texts]
    expected = [None if None in at_once else all(at_once) for at_once in zip(*each, strict=True)]
    assert holds(bars, *texts) == expected
    assert {True, False, None} == set(expected)


@given(rules(), st.integers(0, 2**32 - 1))
def test_above_and_below_never_hold_at_once(rule: Rule, seed: int) -> None:
    bars = random_bars(seed)
    above, below = (least_margin(bars, 0, [Rule(rule.kind, side, rule.numbers)]) for side in (True, False))
    assert not ((above > 0) & (below > 0)).any()
    np.testing.assert_array_equal(np.isnan(above), np.isnan(below))


@given(rules(), st.integers(0, 2**32 - 1))
def test_a_rule_has_its_first_margin_right_after_its_warm_up(rule: Rule, seed: int) -> None:
    known = ~np.isnan(least_margin(random_bars(seed), 0, [rule]))
    assert not known[: rule.warm_up].any()
    assert known[rule.warm_up :].all()


def random_bars(seed: int) -> Bars:
    return make_bars({"A": 100 * np.cumprod(1 + np.random.default_rng(seed).normal(0, 0.02, 1200))})
