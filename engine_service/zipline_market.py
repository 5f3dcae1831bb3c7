"""A dataset as zipline sees it: calendar, assets, raw bars, corporate actions.

All in memory: no bundle, no ~/.zipline, no network, no file.

Loads zipline, so only workers and the fork server import it.
"""

from __future__ import annotations

import math
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from zipline.assets import Asset, AssetDBWriter, AssetFinder
from zipline.data.adjustments import SQLiteAdjustmentReader, SQLiteAdjustmentWriter
from zipline.data.bar_reader import NoDataAfterDate, NoDataBeforeDate
from zipline.data.data_portal import DataPortal
from zipline.data.session_bars import CurrencyAwareSessionBarReader
from zipline.utils.calendar_utils import TradingCalendar, get_calendar

from engine_service.datasets import FIELDS, Dataset

CALENDARS_KEPT = 16
"""Calendars built once per process, some 2 MB each for a decade: one per dataset in use."""

EXCHANGE = "EXCHANGE"
"""zipline wants assets to have an exchange; a dataset has one calendar and one currency, so one is enough."""


@dataclass(frozen=True, slots=True)
class Market:
    """What a run trades on."""

    calendar: TradingCalendar
    assets: tuple[Asset, ...]
    """In the order of the symbols asked for."""
    portal: DataPortal


@contextmanager
def open_market(dataset: Dataset, symbols: Sequence[str]) -> Iterator[Market]:
    """Give zipline some symbols of a dataset; on leaving, the databases in memory are closed."""
    calendar = dataset_calendar(dataset)
    database = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    try:
        finder = _asset_finder(database, dataset, symbols)
        reader = _BarReader(calendar, dataset, symbols)
        adjustments = _adjustment_reader(reader, dataset, symbols)
        try:
            portal = DataPortal(
                finder,
                calendar,
                first_trading_day=reader.first_trading_day,
                equity_daily_reader=reader,
                adjustment_reader=adjustments,
            )
            yield Market(calendar, tuple(finder.retrieve_all(range(len(symbols)))), portal)
        finally:
            if adjustments is not None:
                adjustments.close()
    finally:
        database.dispose()


@lru_cache(CALENDARS_KEPT)
def _calendar(name: str, start_date: str, end_date: str) -> TradingCalendar:
    # Explicit bounds: the defaults move with the wall clock. A cache of our own: the library keeps one calendar of a name only.
    return get_calendar(name, start=pd.Timestamp(start_date), end=pd.Timestamp(end_date))


def dataset_calendar(dataset: Dataset) -> TradingCalendar:
    """The dataset's calendar, with the bounds that it names.

    Raises:
        RuntimeError: the installed calendar has other sessions than the dataset was made with.
    """
    calendar = _calendar(dataset.calendar, dataset.calendar_start_date, dataset.calendar_end_date)
    known = _sessions(calendar, dataset)
    if not np.array_equal(known.year * 10_000 + known.month * 100 + known.day, dataset.sessions):
        raise RuntimeError(f"the sessions of {dataset.calendar} have changed since dataset {dataset.name} was made: ingest it again")
    return calendar


def _sessions(calendar: TradingCalendar, dataset: Dataset) -> pd.DatetimeIndex:
    """The calendar's sessions from the dataset's first bar to its last."""
    return calendar.sessions_in_range(_date(dataset.sessions[0]), _date(dataset.sessions[-1]))


class _BarReader(CurrencyAwareSessionBarReader):  # type: ignore[misc]  # zipline has no types
    """Reads a dataset's raw arrays; sids are places in the list of symbols."""

    data_frequency = "session"

    def __init__(self, calendar: TradingCalendar, dataset: Dataset, symbols: Sequence[str]) -> None:
        self._calendar = calendar
        self._currency = dataset.currency
        self._sessions = _sessions(calendar, dataset)
        self._rows = {session.value: row for row, session in enumerate(self._sessions)}
        self._columns = {field: [dataset.raw(field, symbol) for symbol in symbols] for field in FIELDS}

    @property
    def trading_calendar(self) -> TradingCalendar:
        return self._calendar

    @property
    def sessions(self) -> pd.DatetimeIndex:
        return self._sessions

    @property
    def first_trading_day(self) -> pd.Timestamp:
        return self._sessions[0]

    @property
    def last_available_dt(self) -> pd.Timestamp:
        return self._sessions[-1]

    def get_value(self, sid: Any, dt: pd.Timestamp, field: str) -> float:
        row = self._rows.get(dt.value)
        if row is None:
            raise (NoDataBeforeDate if dt < self._sessions[0] else NoDataAfterDate)(str(dt))
        value = float(self._columns[field][sid][row])
        return 0.0 if field == "volume" and math.isnan(value) else value

    def get_last_traded_dt(self, asset: Asset, dt: pd.Timestamp) -> pd.Timestamp:
        traded = np.flatnonzero(self._columns["volume"][asset][: self._sessions.searchsorted(dt, side="right")] > 0)
        return self._sessions[traded[-1]] if len(traded) else pd.NaT

    def load_raw_arrays(self, columns: Sequence[str], start: pd.Timestamp, end: pd.Timestamp, assets: Sequence[Any]) -> list[Any]:
        rows = slice(self._sessions.searchsorted(start), self._sessions.searchsorted(end, side="right"))
        arrays = [np.column_stack([self._columns[field][int(asset)][rows] for asset in assets]) for field in columns]
        return [np.nan_to_num(array) if field == "volume" else array for field, array in zip(columns, arrays, strict=True)]

    def currency_codes(self, sids: Sequence[int]) -> Any:
        return np.full(len(sids), self._currency, dtype=object)


def _asset_finder(database: Any, dataset: Dataset, symbols: Sequence[str]) -> AssetFinder:
    coverages = [dataset.coverage(symbol) for symbol in symbols]
    equities = pd.DataFrame(
        {
            "symbol": symbols,
            "asset_name": symbols,
            "start_date": pd.to_datetime([coverage.start_date for coverage in coverages]),
            "end_date": pd.to_datetime([coverage.end_date for coverage in coverages]),
            "auto_close_date": pd.to_datetime([coverage.auto_close_date for coverage in coverages]),
            "exchange": EXCHANGE,
        }
    )
    exchanges = pd.DataFrame([{"exchange": EXCHANGE, "canonical_name": EXCHANGE, "country_code": "??"}])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pandas' groupby.apply, in zipline's writer
        AssetDBWriter(database).write(equities=equities, exchanges=exchanges)
    return AssetFinder(database)


def _adjustment_reader(reader: _BarReader, dataset: Dataset, symbols: Sequence[str]) -> SQLiteAdjustmentReader | None:
    """The symbols' splits and dividends in date order, which zipline needs but does not check; None when there are none."""
    sids = {symbol: sid for sid, symbol in enumerate(symbols)}
    splits = [(sids[split.symbol], _seconds(split.ex_date), split.ratio) for split in dataset.splits if split.symbol in sids]
    dividends = [
        (sids[dividend.symbol], _date(dividend.ex_date), _date(dividend.pay_date), dividend.amount)
        for dividend in dataset.dividends
        if dividend.symbol in sids
    ]
    if not splits and not dividends:
        return None
    paid = pd.DataFrame(dividends, columns=["sid", "ex_date", "pay_date", "amount"])
    writer = SQLiteAdjustmentWriter(sqlite3.connect(":memory:"), reader)
    writer.write(
        splits=pd.DataFrame(splits, columns=["sid", "effective_date", "ratio"]).astype({"effective_date": "datetime64[s]"}),
        # zipline wants a declared and a record date and reads neither.
        dividends=paid.assign(declared_date=paid["ex_date"], record_date=paid["ex_date"]),
    )
    return SQLiteAdjustmentReader(writer.conn)


def _date(session_date: int) -> pd.Timestamp:
    return pd.Timestamp(session_date // 10_000, session_date // 100 % 100, session_date % 100)


def _seconds(session_date: int) -> int:
    return int(_date(session_date).timestamp())
