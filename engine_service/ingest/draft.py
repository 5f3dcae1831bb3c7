"""What a source gives, before it is checked: the same shape for files, zipline bundles and the sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

BARS = {
    "symbol": pl.String,
    "date": pl.Date,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}
"""Columns of bars: raw prices and volumes, one row per symbol and session."""

SPLITS = {"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64}
"""Columns of splits; a ratio is units before / units after, so 0.5 for 2:1."""

DIVIDENDS = {"symbol": pl.String, "ex_date": pl.Date, "pay_date": pl.Date, "amount": pl.Float64}
"""Columns of cash dividends of one unit. A missing pay_date means that the source does not say."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset in the making. Bars are in the order of the source, by symbol and date if the source is in order."""

    name: str
    calendar: str
    currency: str
    source: str
    licence: str
    bars: pl.DataFrame
    splits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SPLITS))
    dividends: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DIVIDENDS))


class IngestRefused(Exception):
    """The data can't become a dataset; `problems` says everything that is wrong with it, a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
