"""Runs in which one bit decides: random ones hardly ever get there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine_service.ingest import ingest
from engine_service.kernel.ledger import NEARLY_WHOLE
from engine_service.session_facts import iso_date
from tapedeck.v1 import run_pb2
from tests.fix_datasets import synthetic_draft, xnys_sessions
from tests.parity.cases import Case
from tests.specs import complete_spec, per_share

SESSIONS = 6
DATES = xnys_sessions("2020-01-02", SESSIONS)

Weights = Mapping[tuple[int, int], float]
"""Targets by session and symbol."""


def corners(folder: Path) -> dict[str, Case]:
    """All of them, by what they show; datasets are kept in the folder."""
    made = (nearly_whole, order_of_multiplication, order_of_values, fractions_of_two_splits)
    return {function.__name__: function(folder) for function in made}


def free_case(folder: Path, name: str, prices: Sequence[float], capital_base: float, weights: Weights, ratio: float | None = None) -> Case:
    """A run without costs on prices that never change; with a ratio, all symbols split on the fourth session."""
    symbols = [f"S{column}" for column in range(len(prices))]
    splits = [(symbol, DATES[3], ratio) for symbol in symbols] if ratio else []
    closes = {symbol: [price] * SESSIONS for symbol, price in zip(symbols, prices, strict=True)}
    dataset = ingest(synthetic_draft(closes, splits=splits, name=name), folder)
    spec = complete_spec(
        dataset,
        name,
        symbols,
        DATES[0],
        iso_date(int(dataset.sessions[-1])),
        slippage=run_pb2.Slippage(none=run_pb2.NoSlippage()),
        commission=per_share(0.0),
        capital_base=capital_base,
    )
    targets = np.full((SESSIONS, len(prices)), np.nan)
    for place, weight in weights.items():
        targets[place] = weight
    return Case(spec, targets, dataset)


def units(wanted: float) -> float:
    """How many are ordered."""
    whole = round(wanted)
    return whole if abs(wanted - whole) <= NEARLY_WHOLE else math.trunc(wanted)


def nearly_whole(folder: Path) -> Case:
    """1000 * 0.22 / 8.8 is a little less than 25."""
    assert 1000.0 * 0.22 / 8.8 < 25.0
    return free_case(folder, "nearly_whole", [8.8], 1000.0, {(0, 0): 0.22})


def order_of_multiplication(folder: Path) -> Case:
    """(value * weight) / price is one unit more or less than value * (weight / price)."""
    price, value = 39.52, 764_657.28
    weight = deciding_weight(value, price, lambda weight: value * (weight / price))
    return free_case(folder, "order_of_multiplication", [price], value, {(0, 0): weight})


def order_of_values(folder: Path) -> Case:
    """Longs and shorts are summed apart, and the sum decides about a unit."""
    prices, weights = (10.13, 20.37, 30.71), (0.31, -0.43, 0.57)
    for capital in (100_000.0 + cents / 100 for cents in range(10_000)):
        held = [units(capital * weight / price) for weight, price in zip(weights, prices, strict=True)]
        first, second, third = (quantity * price for quantity, price in zip(held, prices, strict=True))
        cash = capital - first - second - third
        apart, together = cash + (first + third + second), cash + (first + second + third)
        if apart != together:
            break
    weight = deciding_weight(apart, 1.37, lambda weight: together * weight / 1.37)
    placed = {(0, column): one for column, one in enumerate(weights)}
    return free_case(folder, "order_of_values", [*prices, 1.37], capital, {**placed, (2, 3): weight})


def fractions_of_two_splits(folder: Path) -> Case:
    """The cash of both is summed before it is added to the rest."""
    prices, weights, ratio = (10.13, 20.37), (0.31, 0.43), 7.0
    for capital in (100_000.0 + cents / 100 for cents in range(10_000)):
        held = [units(capital * weight / price) for weight, price in zip(weights, prices, strict=True)]
        cash = capital - held[0] * prices[0] - held[1] * prices[1]
        first, second = (
            round((quantity / ratio - quantity // ratio) * round(price * ratio, 2), 2) for quantity, price in zip(held, prices, strict=True)
        )
        if cash + (first + second) != cash + first + second:
            break
    return free_case(folder, "fractions_of_two_splits", prices, capital, {(0, 0): weights[0], (0, 1): weights[1]}, ratio)


def deciding_weight(value: float, price: float, other: Callable[[float], float]) -> float:
    """A weight at which `other` makes another order than zipline's formula does."""
    for weight in _weights_on_the_edge(value, price):
        if units(value * weight / price) != units(other(weight)):
            return weight
    raise AssertionError("there is none near")


def _weights_on_the_edge(value: float, price: float) -> Iterator[float]:
    for whole in range(100, 3_000):
        weight = (whole - NEARLY_WHOLE) * price / value
        for _ in range(20):
            weight = math.nextafter(weight, 0.0)
        for _ in range(40):
            weight = math.nextafter(weight, 1.0)
            yield weight
