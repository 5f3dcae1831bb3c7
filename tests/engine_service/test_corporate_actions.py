from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine_service.corporate_actions import Dividend, Split, forward_factors
from engine_service.datasets import Dataset

SESSIONS = np.arange(20200101, 20200131, dtype=np.int32)


def events(draw_rows: list[int]) -> tuple[list[Split], list[Dividend]]:
    splits = [Split("A", int(SESSIONS[row]), 0.5 if row % 2 else 3.0) for row in draw_rows[::2]]
    return splits, [Dividend("A", int(SESSIONS[row]), int(SESSIONS[row]), 0.25) for row in draw_rows[1::2]]


@given(st.lists(st.integers(0, 29), unique=True, max_size=8).map(sorted), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_factors_never_change_when_later_bars_and_events_arrive(rows: list[int], count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    close = np.where(generator.random(30) < 0.2, np.nan, generator.uniform(10, 20, 30))
    splits, dividends = events(rows)
    price, volume = forward_factors(close, SESSIONS, splits, dividends)
    last = SESSIONS[count - 1]
    cut = forward_factors(
        close[:count],
        SESSIONS[:count],
        [split for split in splits if split.ex_date <= last],
        [dividend for dividend in dividends if dividend.ex_date <= last],
    )
    np.testing.assert_array_equal(cut[0], price[:count])
    np.testing.assert_array_equal(cut[1], volume[:count])


def test_a_split_leaves_the_adjusted_value_of_a_position_and_of_the_turnover_as_it_was() -> None:
    close, sessions = np.array([10.0, 10.0, 5.0]), SESSIONS[:3]
    price, volume = forward_factors(close, sessions, [Split("A", int(sessions[2]), 0.5)], [])
    np.testing.assert_array_equal(close * price, [10.0, 10.0, 10.0])
    np.testing.assert_array_equal(np.array([100.0, 100.0, 200.0]) * volume, [100.0, 100.0, 100.0])


def test_a_dividend_is_reinvested_at_the_last_close_before_it() -> None:
    close, sessions = np.array([10.0, np.nan, 9.0]), SESSIONS[:3]
    price, volume = forward_factors(close, sessions, [], [Dividend("A", int(sessions[2]), int(sessions[2]), 1.0)])
    np.testing.assert_allclose(close * price, [10.0, np.nan, 10.0])
    np.testing.assert_array_equal(volume, [1.0, 1.0, 1.0])


def test_a_split_between_the_last_close_and_the_dividend_rescales_that_close() -> None:
    close, sessions = np.array([10.0, np.nan, 4.0]), SESSIONS[:3]
    price, _ = forward_factors(
        close, sessions, [Split("A", int(sessions[1]), 0.5)], [Dividend("A", int(sessions[2]), int(sessions[2]), 1.0)]
    )
    np.testing.assert_allclose(close * price, [10.0, np.nan, 10.0])


def test_a_dividend_before_any_close_changes_nothing() -> None:
    close, sessions = np.array([np.nan, 4.0]), SESSIONS[:2]
    price, _ = forward_factors(close, sessions, [], [Dividend("A", int(sessions[1]), int(sessions[1]), 1.0)])
    np.testing.assert_array_equal(price, [1.0, 1.0])


def test_adjusted_returns_of_real_prices_show_no_split(wiki: Dataset) -> None:
    raw, adjusted = wiki.raw("close", "AAPL"), wiki.adjusted("close", "AAPL")
    row = int(np.searchsorted(wiki.sessions, 20050228))
    assert raw[row] / raw[row - 1] < 0.51
    np.testing.assert_allclose(adjusted[row] / adjusted[row - 1], 2 * raw[row] / raw[row - 1])
