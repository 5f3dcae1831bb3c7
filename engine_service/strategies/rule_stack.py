"""Holds while named rules say so."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy
from engine_service.strategies.decisions import in_and_out, side_by_side
from engine_service.strategies.rules import SIGNATURES, Rule, least_margin, parse_rule

MAX_RULES = 8
"""Rules of one list: with more, hardly a session satisfies all of them, and what a search finds is luck."""


def _listed(written: object) -> object:
    """A list of rules, given as such or as the text of a single one."""
    if isinstance(written, str):
        return [written]
    if not isinstance(written, list | tuple):
        raise ValueError("must be a list of rules")  # noqa: TRY004 - pydantic reports ValueErrors only
    if len(written) > MAX_RULES:
        raise ValueError(f"must be at most {MAX_RULES} rules, not {len(written)}")
    return written


def _rule(written: object) -> Rule:
    if not isinstance(written, str):
        raise ValueError("must be a text such as rsi_below(14,30)")  # noqa: TRY004 - see above
    return parse_rule(written)


def _different(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    repeated = sorted({str(rule) for rule in rules if rules.count(rule) > 1})
    if repeated:
        raise ValueError(f"must not repeat {', '.join(repeated)}")
    return rules


_Text = Annotated[
    Rule, pydantic.PlainValidator(_rule), pydantic.PlainSerializer(str, return_type=str), pydantic.WithJsonSchema({"type": "string"})
]
Rules = Annotated[tuple[_Text, ...], pydantic.BeforeValidator(_listed), pydantic.AfterValidator(_different)]


class RuleStack(Parameters):
    """The rules and the size."""

    entry: Rules = pydantic.Field(
        default=("sma_above(10,30)",),
        validate_default=True,
        json_schema_extra={"minItems": 1, "maxItems": MAX_RULES},
        description="Rules that must all hold to buy, as texts such as rsi_below(14,30). "
        f"There are {SIGNATURES}, each with _above or _below after its name. "
        "sma and ema compare two averages of closes, bollinger the close with the band that lies `width` deviations above or below its "
        "average, volume the volume with a multiple of its average; rsi, momentum (the return) and volatility (of a year) are compared "
        "with a number.",
    )
    exit: Rules = pydantic.Field(
        default=(),
        json_schema_extra={"minItems": 0, "maxItems": MAX_RULES},
        description="Rules that must all hold to sell; they win over entry. Empty: sells when the entry rules no longer all hold.",
    )
    weight: float = pydantic.Field(
        default=0.95, gt=0, le=1, description="Share of the portfolio's value to invest, split equally between the symbols."
    )

    @pydantic.field_validator("entry")
    @classmethod
    def _not_empty(cls, entry: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if not entry:
            raise ValueError("must have at least one rule")
        return entry


def signals(bars: Bars, parameters: RuleStack) -> NDArray[np.float64]:
    """In when all entry rules hold and not all exit rules; out when all exit rules hold or, without any, when an entry rule does not.

    Where any rule of the stack lacks a value, as before its window is full, there is no decision.
    """
    weight = parameters.weight / len(bars.symbols)
    columns = []
    for column in range(len(bars.symbols)):
        entry = least_margin(bars, column, parameters.entry)
        if parameters.exit:
            exits = least_margin(bars, column, parameters.exit)
            columns.append(in_and_out((entry > 0.0) & (exits <= 0.0), (exits > 0.0) & ~np.isnan(entry), weight))
        else:
            columns.append(in_and_out(entry > 0.0, entry <= 0.0, weight))
    return side_by_side(columns)


STRATEGY = Strategy(
    name="rule_stack",
    type="rules",
    doc="Buys a symbol when all of its entry rules hold and sells it when all of its exit rules do.",
    parameters=RuleStack,
    signals=signals,
    warm_up=lambda parameters: max(rule.warm_up for rule in (*parameters.entry, *parameters.exit)),
)
