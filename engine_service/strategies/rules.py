"""Rules: conditions on one symbol, written as text such as rsi_below(14,30).

A rule compares an indicator with a level. Its margin says by how much it holds [sessions]: above 0 where it holds, 0 or below where it does
not, NaN where there is no bar, or too few. All rules of a list hold where the least of their margins is above 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np

from engine_service.strategies import Bars
from engine_service.strategies.indicators import Values, deviation, ema, gain, rsi, sma, volatility
from engine_service.strategies.memory import remembers

MAX_PARSED_RULES = 4096
"""Rules whose text need not be parsed again: a search over stacks combines a few dozen, thousands of times."""

MAX_RULE_CHARS = 100
"""Twice what the longest rule takes, so that those parsed take little room."""

_RULE = re.compile(r"\s*([a-z]+)_(above|below)\s*\(([^()]*)\)\s*")
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,20}(\.[0-9]{1,20})?\s*")


class Argument(NamedTuple):
    """A number that a rule takes, and its bounds, both inclusive."""

    name: str
    minimum: float
    maximum: float
    is_whole: bool = False

    def parse(self, text: str) -> float:
        """Its value.

        Raises:
            ValueError: the text is no number within the bounds.
        """
        value = float(text) if _NUMBER.fullmatch(text) else np.nan
        if not self.minimum <= value <= self.maximum or (self.is_whole and not value.is_integer()):
            kind = "a whole number" if self.is_whole else "a number"
            raise ValueError(f"{self.name} must be {kind} from {self.minimum:g} to {self.maximum:g}")
        return int(value) if self.is_whole else value


class Kind(NamedTuple):
    """What a rule compares, and with what."""

    arguments: tuple[Argument, ...]
    compare: Callable[..., tuple[Values, Values | float]]
    """(close, volume, side, *numbers) -> the indicator and its level; side is 1.0 for above and -1.0 for below."""
    warm_up: Callable[..., int]
    """(*numbers) -> bars before the first one that has a margin."""


_WINDOW = Argument("window", 2, 1000, is_whole=True)
_FAST, _SLOW = Argument("fast", 1, 1000, is_whole=True), Argument("slow", 1, 1000, is_whole=True)
_LOOKBACK = Argument("lookback", 1, 1000, is_whole=True)

KINDS = {
    "sma": Kind(
        (_FAST, _SLOW),
        lambda close, _volume, _side, fast, slow: (sma(close, fast), sma(close, slow)),
        lambda fast, slow: max(fast, slow) - 1,
    ),
    "ema": Kind(
        (_FAST, _SLOW),
        lambda close, _volume, _side, fast, slow: (ema(close, fast), ema(close, slow)),
        lambda fast, slow: max(fast, slow) - 1,
    ),
    "rsi": Kind(
        (_WINDOW, Argument("level", 0, 100)),
        lambda close, _volume, _side, window, level: (rsi(close, window), level),
        lambda window, _level: window,
    ),
    "bollinger": Kind(
        (_WINDOW, Argument("width", 0, 10)),
        lambda close, _volume, side, window, width: (close, sma(close, window) + side * width * deviation(close, window)),
        lambda window, _width: window - 1,
    ),
    "momentum": Kind(
        (_LOOKBACK, Argument("threshold", -1, 10)),
        lambda close, _volume, _side, lookback, threshold: (gain(close, lookback), threshold),
        lambda lookback, _threshold: lookback,
    ),
    "volume": Kind(
        (_WINDOW, Argument("multiple", 0, 1000)),
        lambda _close, volume, _side, window, multiple: (volume, multiple * sma(volume, window)),
        lambda window, _multiple: window - 1,
    ),
    "volatility": Kind(
        (_WINDOW, Argument("level", 0, 100)),
        lambda close, _volume, _side, window, level: (volatility(close, window), level),
        lambda window, _level: window,
    ),
}
"""By name; each makes two rules, NAME_above and NAME_below."""

SIGNATURES = ", ".join(f"{name}({', '.join(argument.name for argument in kind.arguments)})" for name, kind in KINDS.items())
"""The kinds and what they take, for people."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; its text is the same however it was written."""

    kind: str
    """One of KINDS."""
    is_above: bool
    """Whether the indicator must be above its level; below it otherwise."""
    numbers: tuple[float, ...]
    """Values of the kind's arguments."""

    def __str__(self) -> str:
        numbers = (np.format_float_positional(number, trim="-") for number in self.numbers)
        return f"{self.kind}_{'above' if self.is_above else 'below'}({','.join(numbers)})"

    @property
    def warm_up(self) -> int:
        """Bars before the first one that has a margin."""
        return KINDS[self.kind].warm_up(*self.numbers)


@lru_cache(maxsize=MAX_PARSED_RULES)
def parse_rule(text: str) -> Rule:
    """The rule that a text means.

    Raises:
        ValueError: it means none; the message names the kinds of rules and their arguments, or the argument that is wrong.
    """
    written = _RULE.fullmatch(text) if len(text) <= MAX_RULE_CHARS else None
    kind = KINDS.get(written[1]) if written else None
    if not written or not kind:
        raise ValueError(f"must be one of {SIGNATURES}, with _above or _below after the name, such as rsi_below(14,30)")
    texts = written[3].split(",")
    if len(texts) != len(kind.arguments):
        names = ",".join(argument.name for argument in kind.arguments)
        raise ValueError(f"must be written {written[1]}_{written[2]}({names}), with {len(kind.arguments)} numbers")
    numbers = tuple(argument.parse(number) for argument, number in zip(kind.arguments, texts, strict=True))
    return Rule(written[1], written[2] == "above", numbers)


def least_margin(bars: Bars, column: int, rules: Iterable[Rule]) -> Values:
    """By how much all of the rules hold for a symbol [sessions]; NaN where any of them has no margin.

    Args:
        bars: Bars of all symbols.
        column: Place of the symbol in bars.symbols.
        rules: At least one.
    """
    return reduce(np.minimum, [_margin(bars, column, rule) for rule in rules])


@remembers
def _margin(bars: Bars, column: int, rule: Rule) -> Values:
    side = 1.0 if rule.is_above else -1.0
    value, level = KINDS[rule.kind].compare(bars.close[column], bars.volume[column], side, *rule.numbers)
    return side * (value - level)
