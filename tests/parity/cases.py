"""Random runs, each made of its seed alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.session_facts import iso_date, session_of
from engine_service.simulation import target_weights
from engine_service.strategies import load_strategies
from tapedeck.v1 import run_pb2
from tests.parity.markets import open_dataset
from tests.specs import complete_spec, fixed_basis_points, per_share

MARKETS = 40
"""Markets in use, the sample among them; a third of all cases trade the sample."""

SHORTEST, LONGEST = 20, 400
"""Sessions of a case: long enough for events to meet, short enough for thousands of zipline runs."""

STRATEGIES = {
    "buy_and_hold": {},
    "sma_crossover": {"fast": (2, 8), "slow": (9, 30)},
    "rsi_mean_reversion": {},
    "momentum": {},
    "bollinger_bands": {},
    "cross_sectional_momentum": {"lookback": (3, 40)},
}
"""Strategies that trade on real prices, with the bounds of parameters that must be small enough for a short run."""


@dataclass(frozen=True)
class Case:
    """A run and what it trades."""

    spec: run_pb2.RunSpec
    targets: NDArray[np.float64]
    """[sessions x symbols]."""
    dataset: Dataset


def random_case(seed: int, folder: Path) -> Case:
    """The case of a seed; datasets are kept in the folder."""
    generator = np.random.default_rng(seed)
    number = 0 if generator.random() < 1 / 3 else int(generator.integers(1, MARKETS))
    dataset = open_dataset(number, folder)
    length = min(int(generator.integers(SHORTEST, LONGEST if generator.random() < 0.3 else 120)), len(dataset.sessions))
    first = int(generator.integers(0, len(dataset.sessions) - length + 1))
    names = [coverage.symbol for coverage in dataset.symbols]
    symbols = [str(name) for name in generator.permutation(names)[: generator.integers(1, len(names) + 1)]]
    spec = complete_spec(
        dataset,
        "random",
        symbols,
        iso_date(int(dataset.sessions[first])),
        iso_date(int(dataset.sessions[first + length - 1])),
        slippage=random_slippage(generator),
        commission=random_commission(generator),
        capital_base=float(np.round(10 ** generator.uniform(2.5, 10.5), 2)),
    )
    if generator.random() < 0.3:
        return Case(spec, strategy_targets(generator, spec, dataset), dataset)
    return Case(spec, mask(random_targets(generator, length, len(symbols)), spec, dataset), dataset)


def random_targets(generator: np.random.Generator, sessions: int, columns: int) -> NDArray[np.float64]:
    """Weights of any density and size, long or short, some of them zero, some again and again."""
    low, high = [(0.0, 1.0), (-1.0, 0.0), (-0.8, 0.9), (-3.0, 3.0)][generator.integers(4)]
    weights = generator.uniform(low, high, (sessions, columns)) / (columns if generator.random() < 0.7 else 1)
    if generator.random() < 0.5:
        weights = weights.round(2)
    weights[generator.random((sessions, columns)) < 0.2] = 0.0
    density = generator.choice([0.01, 0.05, 0.2, 0.7])
    return np.where(generator.random((sessions, columns)) < density, weights, np.nan)


def mask(targets: NDArray[np.float64], spec: run_pb2.RunSpec, dataset: Dataset) -> NDArray[np.float64]:
    """Without targets outside the listing of their symbol."""
    rows = row_of(dataset, spec.start_date)
    for column, symbol in enumerate(spec.symbols):
        coverage = dataset.coverage(symbol)
        targets[: max(0, row_of(dataset, coverage.start_date) - rows), column] = np.nan
        targets[max(0, row_of(dataset, coverage.end_date) + 1 - rows) :, column] = np.nan
    return targets


def row_of(dataset: Dataset, date: str) -> int:
    """Row of a session in a dataset."""
    return int(np.searchsorted(dataset.sessions, session_of(date)))


def strategy_targets(generator: np.random.Generator, spec: run_pb2.RunSpec, dataset: Dataset) -> NDArray[np.float64]:
    """What a built-in strategy with random parameters trades."""
    strategies = load_strategies()
    names = [name for name in STRATEGIES if strategies[name].minimum_symbols <= len(spec.symbols)]
    strategy = strategies[str(generator.choice(names))]
    chosen = {name: int(generator.integers(*bounds)) for name, bounds in STRATEGIES[strategy.name].items()}
    complete = run_pb2.RunSpec()
    complete.CopyFrom(spec)
    complete.parameters.update(strategy.parameters.model_validate(chosen).model_dump())
    return target_weights(complete, strategy, dataset)


def random_slippage(generator: np.random.Generator) -> run_pb2.Slippage:
    """Each model, with limits that bind and limits that never do."""
    kind, limit = generator.integers(3), float(generator.choice([0.0005, 0.01, 0.025, 0.1, 1.0, 2.5]))
    if kind == 0:
        return run_pb2.Slippage(none=run_pb2.NoSlippage())
    if kind == 1:
        return fixed_basis_points(float(generator.choice([0.0, 1.0, 5.0, 37.5, 400.0])), limit)
    impact = float(generator.choice([0.0, 0.1, 0.33, 10.0]))
    return run_pb2.Slippage(volume_share=run_pb2.VolumeShareSlippage(volume_limit=limit, price_impact=impact))


def random_commission(generator: np.random.Generator) -> run_pb2.Commission:
    """Each model, free and expensive."""
    kind = generator.integers(4)
    if kind == 0:
        return run_pb2.Commission(per_trade=run_pb2.PerTradeCommission(cost=float(generator.choice([0.0, 4.95, 100.0]))))
    if kind == 1:
        return run_pb2.Commission(per_dollar=run_pb2.PerDollarCommission(cost=float(generator.choice([0.0, 0.0015, 0.03]))))
    return per_share(float(generator.choice([0.0, 0.001, 0.0137, 1.0])), float(generator.choice([0.0, 1.0, 2500.0])))
