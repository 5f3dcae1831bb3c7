from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.ingest import IngestRefused
from engine_service.ingest.adjusted_close import DividendRule, derive_events

DATES = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(200)]
RATIOS = [0.5, 1 / 3, 2 / 3, 0.2, 0.1, 0.75, 4 / 5, 2.0, 5.0, 10.0]


def bars(close: NDArray[np.float64]) -> pl.DataFrame:
    return pl.DataFrame({"symbol": ["A"] * len(close), "date": DATES[: len(close)], "close": close})


def adjust(close: NDArray[np.float64], splits: dict[int, float], dividends: dict[int, float], rule: DividendRule) -> NDArray[np.float64]:
    """Adjusted closes as a source would publish them."""
    factor = np.ones(len(close))
    for row, ratio in splits.items():
        factor[:row] *= ratio
    for row, amount in dividends.items():
        factor[:row] *= 1 - amount / close[row - 1] if rule == "previous-close" else close[row] / (close[row] + amount)
    return close * factor


@given(
    st.dictionaries(st.integers(1, 199), st.sampled_from(RATIOS), max_size=3),
    st.dictionaries(st.integers(1, 199), st.integers(10, 400).map(lambda cents: cents / 100), max_size=6),
    st.sampled_from(["previous-close", "ex-close"]),
    st.integers(0, 2**32 - 1),
)
def test_events_are_found_again_with_their_kind_date_and_size(
    splits: dict[int, float], dividends: dict[int, float], rule: DividendRule, seed: int
) -> None:
    assume(not splits.keys() & dividends.keys())
    close = np.round(50 * np.cumprod(1 + np.random.default_rng(seed).normal(0, 0.01, len(DATES))), 2)
    for row, ratio in splits.items():
        close[row:] = np.round(close[row:] * ratio, 4)
    assume(close.min() > 20)
    found_splits, found_dividends = derive_events(bars(close), pl.Series(adjust(close, splits, dividends, rule)), rule)
    assert [(date, ratio) for _, date, ratio in found_splits.iter_rows()] == [(DATES[row], splits[row]) for row in sorted(splits)]
    assert [(date, amount) for _, date, _, amount in found_dividends.iter_rows()] == [
        (DATES[row], dividends[row]) for row in sorted(dividends)
    ]


def test_known_events_of_the_sample_are_found(wiki: Dataset) -> None:
    splits = {(split.symbol, split.ex_date): split.ratio for split in wiki.splits}
    assert splits == {("AAPL", 20000621): 0.5, ("AAPL", 20050228): 0.5, ("MSFT", 20030218): 0.5}
    amounts = {(dividend.symbol, dividend.ex_date): dividend.amount for dividend in wiki.dividends}
    assert amounts["AAPL", 20120809] == 2.65
    assert amounts["MSFT", 20041115] == 3.08, "three dollars at once: a tenth of the price, and no split"
    assert amounts["IBM", 20130206] == 0.85
    assert all(round(amount, 2) == amount for amount in amounts.values()), "declared in whole cents"


def test_a_price_that_halves_for_a_dividend_is_no_split() -> None:
    close = np.full(40, 10.0)
    with pytest.raises(IngestRefused, match=r"A 2020-01-21: the adjusted close jumps by 0.5, which is neither a split nor a dividend"):
        derive_events(bars(close), pl.Series(adjust(close, {}, {20: 5.0}, "previous-close")), "previous-close")


def test_coarsely_rounded_adjusted_closes_are_refused() -> None:
    close = np.round(np.linspace(50, 60, 150), 2)
    with pytest.raises(IngestRefused, match="A: the adjusted close is rounded too coarsely"):
        derive_events(bars(close), pl.Series(np.round(close * 0.237, 2)), "previous-close")


def test_an_adjusted_close_that_is_no_price_is_refused() -> None:
    with pytest.raises(IngestRefused, match="A: an adjusted close must be a number above 0"):
        derive_events(bars(np.full(3, 10.0)), pl.Series([10.0, 0.0, 10.0]), "previous-close")
