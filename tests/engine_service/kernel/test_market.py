from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine_service.datasets import Dataset
from engine_service.kernel.market import CLOSE, DIVIDEND, EVENT, NEVER, PAYMENT, SPLIT, open_market, zipline_price
from engine_service.zipline_market import open_market as open_zipline_market
from tests.fix_datasets import MakeDataset, xnys_sessions
from tests.parity.markets import open_dataset

NAN = float("nan")
DATES = xnys_sessions("2020-01-02", 12)


def events_of(dataset: Dataset, symbols: list[str], first: int, last: int) -> list[tuple[int, int, int, float, int]]:
    events: list[tuple[int, int, int, float, int]] = open_market(dataset, symbols, first, last).events.tolist()
    return events


@pytest.mark.parametrize("number", [0, 3, 7, 12])
def test_price_is_what_zipline_shows_a_strategy(number: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    dataset = open_dataset(number, tmp_path_factory.mktemp("markets"))
    symbols = [coverage.symbol for coverage in dataset.symbols]
    with open_zipline_market(dataset, symbols) as market:
        for symbol, asset in zip(symbols, market.assets, strict=True):
            price, close = zipline_price(dataset, symbol), dataset.raw("close", symbol)
            bars = np.flatnonzero(~np.isnan(close))
            gaps = [row for row in range(bars[0], bars[-1]) if np.isnan(close[row])]
            for row in {*gaps, *bars[::20].tolist()}:
                session = pd.Timestamp(str(dataset.sessions[row]), tz="UTC")
                assert market.portal.get_spot_value(asset, "price", session, "daily") == price[row]


def test_before_its_first_bar_a_symbol_has_no_price_and_after_its_last_it_keeps_it(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [NAN, 10.0, NAN, 12.0], "BBB": [5.0] * 6})
    market = open_market(dataset, ["BBB", "AAA"], 0, 5)
    assert market.price[1].tolist()[1:] == [10.0, 10.0, 12.0, 12.0, 12.0]
    assert np.isnan(market.price[1, 0])
    assert market.volume[1].tolist() == [0.0, 1e6, 0.0, 1e6, 0.0, 0.0]
    assert (market.last_row.tolist(), market.close_row.tolist()) == ([5, 3], [6, 4])
    assert market.events.tolist() == [(4, CLOSE, 1, 0.0, NEVER)]


def test_a_missing_bar_shows_the_last_close_times_splits_then_dividends(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(
        {"AAA": [10.0, 9.0, NAN, NAN, NAN, 4.0]},
        splits=[("AAA", DATES[3], 0.5), ("AAA", DATES[4], 3.0)],
        dividends=[("AAA", DATES[2], None, 0.9)],
    )
    ratio = 1.0 - 0.9 / 9.0
    assert zipline_price(dataset, "AAA").tolist() == [10.0, 9.0, 9.0 * ratio, 9.0 * (0.5 * ratio), 9.0 * (0.5 * 3.0 * ratio), 4.0]


def test_events_come_as_zipline_handles_them_whatever_the_order_of_the_symbols(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(
        {"AAA": [10.0] * 12, "BBB": [10.0] * 12},
        splits=[("BBB", DATES[5], 0.5), ("AAA", DATES[5], 2.0)],
        dividends=[("BBB", DATES[5], DATES[7], 0.1), ("AAA", DATES[5], DATES[5], 0.2)],
    )
    assert events_of(dataset, ["BBB", "AAA"], 2, 11) == [
        (3, DIVIDEND, 1, 0.2, 3),
        (3, DIVIDEND, 0, 0.1, 5),
        (3, PAYMENT, 1, 0.0, 3),
        (3, SPLIT, 1, 2.0, NEVER),
        (3, SPLIT, 0, 0.5, NEVER),
        (5, PAYMENT, 0, 0.0, 5),
    ]


def test_a_dividend_paid_after_the_run_is_never_paid_and_one_before_it_is_not_there(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [10.0] * 12}, dividends=[("AAA", DATES[1], DATES[9], 0.1), ("AAA", DATES[6], DATES[9], 0.2)])
    assert events_of(dataset, ["AAA"], 4, 8) == [(2, DIVIDEND, 0, 0.2, NEVER)]


def test_a_run_reads_only_its_own_sessions_in_contiguous_arrays(wiki: Dataset, tmp_path: Path) -> None:
    market = open_market(wiki, ["GOOG", "IBM"], 1_200, 1_300)
    assert market.price.shape == market.volume.shape == (2, 101)
    assert market.price.flags.c_contiguous
    assert market.price[1].tolist() == wiki.raw("close", "IBM")[1_200:1_301].tolist()
    assert market.events.dtype == EVENT
