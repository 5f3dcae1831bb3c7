"""Datasets for parity: the sample, and invented markets full of what breaks ledgers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from engine_service.datasets import Catalogue, Dataset
from engine_service.ingest import ingest, ingest_sample
from tests.fix_datasets import synthetic_draft, xnys_sessions

SPLIT_RATIOS = (0.5, 2.0, 1 / 3, 3.0, 2 / 3, 3 / 2, 7 / 3, 0.1, 10.0, 20 / 21, 25.0, 0.05)

MARKETS_KEPT = 64
"""A campaign returns to few markets, so that making them takes none of its time."""


@lru_cache(MARKETS_KEPT)
def open_dataset(number: int, folder: Path) -> Dataset:
    """Market 0 is the sample; the others follow from their number.

    Args:
        number: Which.
        folder: Where datasets are kept between calls.
    """
    catalogue = Catalogue(folder)
    name = f"market{number}" if number else "wiki"
    known = catalogue.latest(name)
    if known is not None:
        return known
    return invent(number, folder) if number else ingest_sample(folder)


def invent(number: int, folder: Path) -> Dataset:
    """Random walks with missing bars, no volume, late listings, early ends, splits with fractions, dividends paid after positions close."""
    generator = np.random.default_rng(number)
    count = int(generator.integers(120, 420))
    sessions = xnys_sessions("2019-01-02", count)
    closes, volumes = {}, {}
    for symbol in ("EEE", "AAA", "DDD", "BBB", "CCC"):
        closes[symbol], volumes[symbol] = _walk(generator, count)
    splits, dividends = [], []
    for symbol, own in closes.items():
        bars = np.flatnonzero(~np.isnan(own))
        rows = np.unique(generator.integers(bars[0], bars[-1] + 1, generator.integers(0, 7)))
        splits += [(symbol, sessions[row], float(generator.choice(SPLIT_RATIOS))) for row in rows]
        for row in generator.integers(bars[0] + 1, bars[-1] + 1, generator.integers(0, 12)):
            before = own[:row][~np.isnan(own[:row])][-1]
            amount = float(np.round(before * generator.uniform(0.001, 0.2), generator.integers(2, 7)))
            pay = min(row + int(generator.choice([0, 1, 5, 40])), count - 1)
            if 0 < amount < before:
                dividends.append((symbol, sessions[row], None if generator.random() < 0.2 else sessions[pay], amount))
    draft = synthetic_draft(
        {symbol: list(own) for symbol, own in closes.items()},
        start="2019-01-02",
        volumes={symbol: list(own) for symbol, own in volumes.items()},
        splits=splits,
        dividends=list(dict.fromkeys(dividends)),
        name=f"market{number}",
    )
    return ingest(draft, folder)


def _walk(generator: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Closes and volumes of a symbol."""
    level, volatility = 10 ** generator.uniform(-1, 3.5), generator.uniform(0.005, 0.06)
    close = (level * np.cumprod(1 + np.clip(generator.normal(0, volatility, count), -0.5, 1.0))).round(int(generator.integers(2, 7)))
    close = np.maximum(close, 0.01)
    volume = np.floor(10 ** generator.uniform(1, 8) * generator.lognormal(0, 1, count))
    if generator.random() < 0.2:
        volume[:] = volume[0]
    volume[generator.random(count) < generator.choice([0.0, 0.05, 0.3])] = 0.0
    gaps = generator.random(count) < generator.choice([0.0, 0.02, 0.1, 0.4])
    begin = int(generator.integers(0, count // 2)) if generator.random() < 0.3 else 0
    end = int(generator.integers(begin + 20, count)) if generator.random() < 0.4 else count
    gaps[:begin], gaps[end:] = True, True
    gaps[begin], gaps[end - 1] = False, False
    return np.where(gaps, np.nan, close), volume
