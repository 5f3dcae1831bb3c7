"""Indicators against their definitions, on real prices; that not a bit of those in use has changed is shown by `test_same_bits`."""

from __future__ import annotations

import numpy as np
import pytest

from engine_service.datasets import Dataset
from engine_service.strategies.indicators import Values, deviation, ema, gain, on_bars, rsi, sma, volatility

WINDOW = 14
NAN = np.nan


@pytest.fixture(scope="module")
def closes(wiki: Dataset) -> Values:
    return wiki.adjusted("close", "AAPL")[:600]


def windows(values: Values, window: int = WINDOW) -> Values:
    return np.lib.stride_tricks.sliding_window_view(values, window)


def test_sma_is_the_mean_of_the_window(closes: Values) -> None:
    assert np.isnan(sma(closes, WINDOW)[: WINDOW - 1]).all()
    np.testing.assert_allclose(sma(closes, WINDOW)[WINDOW - 1 :], windows(closes).mean(axis=1), rtol=1e-13)


def test_deviation_is_the_standard_deviation_of_the_window(closes: Values) -> None:
    assert np.isnan(deviation(closes, WINDOW)[: WINDOW - 1]).all()
    np.testing.assert_allclose(deviation(closes, WINDOW)[WINDOW - 1 :], windows(closes).std(axis=1), rtol=1e-9)


def test_volatility_is_the_annual_one_of_the_changes_in_the_window(closes: Values) -> None:
    changes = closes[1:] / closes[:-1] - 1
    assert np.isnan(volatility(closes, WINDOW)[:WINDOW]).all()
    expected = windows(changes).std(axis=1, ddof=1) * np.sqrt(252)
    np.testing.assert_allclose(volatility(closes, WINDOW)[WINDOW:], expected, rtol=1e-9)


def test_gain_is_the_change_over_the_lookback(closes: Values) -> None:
    np.testing.assert_array_equal(gain(closes, 5), [*[NAN] * 5, *(closes[row] / closes[row - 5] - 1 for row in range(5, len(closes)))])


def test_ema_goes_part_of_the_way_to_each_close_from_the_first_one_on(closes: Values) -> None:
    average, expected = closes[0], []
    for row, close in enumerate(closes):
        average += (close - average) * 2 / (WINDOW + 1)
        expected.append(average if row >= WINDOW - 1 else NAN)
    np.testing.assert_allclose(ema(closes, WINDOW), expected, rtol=1e-12)


def test_rsi_is_the_share_of_rises_in_exponentially_averaged_changes(closes: Values) -> None:
    rise, fall = max(closes[1] - closes[0], 0.0), max(closes[0] - closes[1], 0.0)
    expected = [NAN, NAN]
    for row in range(2, len(closes)):
        change = closes[row] - closes[row - 1]
        rise, fall = rise + (max(change, 0.0) - rise) / WINDOW, fall + (max(-change, 0.0) - fall) / WINDOW
        expected.append(100 * rise / (rise + fall) if row >= WINDOW else NAN)
    np.testing.assert_allclose(rsi(closes, WINDOW), expected, rtol=1e-9)


def test_prices_that_never_changed_have_no_rsi() -> None:
    assert np.isnan(rsi(np.full(30, 5.0), WINDOW)).all()


def test_sessions_without_a_bar_are_skipped_and_stay_without_a_value() -> None:
    values = np.array([NAN, 1.0, NAN, 3.0, 5.0])
    np.testing.assert_array_equal(sma(values, 2), [NAN, NAN, NAN, 2.0, 4.0])
    np.testing.assert_array_equal(gain(values, 1), [NAN, NAN, NAN, 2.0, 5 / 3 - 1])
    np.testing.assert_array_equal(on_bars(values, np.cumsum), [NAN, 1.0, NAN, 4.0, 9.0])


@pytest.mark.parametrize("indicator", [sma, ema, deviation, gain, rsi, volatility])
@pytest.mark.parametrize("bar_count", [0, 1, 2, 5, WINDOW])
def test_with_too_few_bars_there_is_no_value(indicator: object, bar_count: int) -> None:
    assert callable(indicator)
    values = indicator(np.array([*range(1, bar_count + 1), *[NAN] * 3], dtype=np.float64), WINDOW + 1)
    np.testing.assert_array_equal(values, np.full(bar_count + 3, NAN))


@pytest.mark.parametrize("indicator", [sma, ema, deviation, gain, rsi, volatility])
def test_a_cut_end_changes_no_bit(indicator: object, closes: Values) -> None:
    assert callable(indicator)
    for count in range(0, len(closes), 37):
        np.testing.assert_array_equal(indicator(closes[:count], WINDOW), indicator(closes, WINDOW)[:count], strict=True)
