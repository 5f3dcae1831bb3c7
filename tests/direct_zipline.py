"""The same run done directly: a plain TradingAlgorithm on data frames, with zipline's default metrics. Shares no code with the engine."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from zipline.algorithm import TradingAlgorithm
from zipline.assets import AssetDBWriter, AssetFinder
from zipline.data.adjustments import SQLiteAdjustmentReader, SQLiteAdjustmentWriter
from zipline.data.bar_reader import NoDataOnDate
from zipline.data.data_portal import DataPortal
from zipline.data.in_memory_daily_bars import InMemoryDailyBarReader
from zipline.finance.blotter import SimulationBlotter
from zipline.finance.trading import SimulationParameters
from zipline.utils.calendar_utils import get_calendar

from engine_service.datasets import Dataset

Fill = tuple[str, str, float, float]
"""ISO date, symbol, quantity, price."""


@dataclass(frozen=True)
class DirectRun:
    """What zipline's own results say."""

    portfolio_values: NDArray[np.float64]
    cash: NDArray[np.float64]
    fills: list[Fill]
    """Without automatic closes."""
    automatic_closes: list[Fill]
    positions: list[dict[str, tuple[float, float, float]]]
    """Of each session: quantity, cost basis and last price by symbol."""
    commissions: dict[int, float]
    """What each order, numbered by its place, was charged in all."""


class FrameReader(InMemoryDailyBarReader):  # type: ignore[misc]  # zipline has no types
    """zipline's reader of data frames, mended: as it is, it can't run an algorithm (it reads an attribute that it never sets)."""

    @property
    def frames(self) -> Any:
        return self._frames

    @property
    def last_available_dt(self) -> Any:
        return self._sessions[-1]

    def get_value(self, sid: Any, dt: pd.Timestamp, field: str) -> Any:
        if dt not in self._sessions:
            raise NoDataOnDate(dt)
        return super().get_value(int(sid), dt, field)


def run_directly(
    dataset: Dataset,
    symbols: Sequence[str],
    start_date: str,
    end_date: str,
    targets: Mapping[str, Mapping[str, float]],
    *,
    slippage: Any = None,
    commission: Any = None,
    capital_base: float = 100_000.0,
) -> DirectRun:
    """Order `targets` (weights by symbol, by ISO date) at the close of their sessions, symbol by symbol."""
    calendar = get_calendar(dataset.calendar, start=pd.Timestamp("1999-01-04"), end=pd.Timestamp("2030-12-31"))
    reader = _reader(dataset, symbols, calendar)
    finder = _finder(dataset, symbols)
    portal = DataPortal(
        finder,
        trading_calendar=calendar,
        first_trading_day=reader.first_trading_day,
        equity_daily_reader=reader,
        adjustment_reader=_adjustments(dataset, symbols, reader),
    )
    parameters = SimulationParameters(
        pd.Timestamp(start_date), pd.Timestamp(end_date), trading_calendar=calendar, capital_base=capital_base, data_frequency="daily"
    )

    def session_of(minute: pd.Timestamp) -> str:
        # A session may end after midnight.
        return str(calendar.minute_to_session(minute).date())

    def handle_data(context: Any, _data: Any) -> None:
        today = targets.get(session_of(context.get_datetime()), {})
        for symbol in symbols:
            if symbol in today:
                context.order_target_percent(context.symbol(symbol), today[symbol])

    algorithm = TradingAlgorithm(
        sim_params=parameters,
        data_portal=portal,
        initialize=lambda _context: None,
        handle_data=handle_data,
        blotter=SimulationBlotter(equity_slippage=slippage, equity_commission=commission),
        benchmark_returns=pd.Series(0.0, index=parameters.sessions),
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # empyrical's, about the first sessions
        return _result(algorithm.run(), algorithm.blotter, session_of)


def _result(performance: pd.DataFrame, blotter: SimulationBlotter, session_of: Callable[[pd.Timestamp], str]) -> DirectRun:
    fills: list[Fill] = []
    closes: list[Fill] = []
    for transaction in (one for session in performance["transactions"] for one in session):
        row = (session_of(transaction["dt"]), transaction["sid"].symbol, float(transaction["amount"]), float(transaction["price"]))
        (closes if transaction["order_id"] is None else fills).append(row)
    return DirectRun(
        performance["portfolio_value"].to_numpy(),
        performance["ending_cash"].to_numpy(),
        fills,
        closes,
        [
            {held["sid"].symbol: (float(held["amount"]), float(held["cost_basis"]), float(held["last_sale_price"])) for held in session}
            for session in performance["positions"]
        ],
        {number: float(order.commission) for number, order in enumerate(blotter.orders.values(), 1)},
    )


def _reader(dataset: Dataset, symbols: Sequence[str], calendar: Any) -> FrameReader:
    bars = pl.read_parquet(dataset.folder / "bars.parquet")
    dates = bars["date"].unique().sort()
    sessions = calendar.sessions_in_range(pd.Timestamp(dates[0]), pd.Timestamp(dates[-1]))
    frames = {}
    for field in ("open", "high", "low", "close", "volume"):
        columns = {}
        for sid, symbol in enumerate(symbols):
            own = bars.filter(pl.col("symbol") == symbol)
            columns[sid] = pd.Series(own[field].to_list(), index=pd.DatetimeIndex(own["date"].to_list())).reindex(sessions)
        frame = pd.DataFrame(columns)
        frames[field] = frame.fillna(0.0) if field == "volume" else frame
    currencies = pd.Series(dataset.currency, index=range(len(symbols)))
    return FrameReader(frames, calendar, currencies, verify_indices=False)


def _finder(dataset: Dataset, symbols: Sequence[str]) -> AssetFinder:
    bars = pl.read_parquet(dataset.folder / "bars.parquet")
    closes = {coverage.symbol: coverage.auto_close_date for coverage in dataset.symbols}
    rows = {}
    for sid, symbol in enumerate(symbols):
        dates = bars.filter(pl.col("symbol") == symbol)["date"]
        rows[sid] = {
            "symbol": symbol,
            "start_date": pd.Timestamp(dates.min()),
            "end_date": pd.Timestamp(dates.max()),
            "auto_close_date": pd.Timestamp(closes[symbol]),
            "exchange": "TEST",
        }
    database = create_engine("sqlite://", poolclass=StaticPool)
    exchanges = pd.DataFrame([{"exchange": "TEST", "canonical_name": "TEST", "country_code": "US"}])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        AssetDBWriter(database).write(equities=pd.DataFrame.from_dict(rows, orient="index"), exchanges=exchanges)
    return AssetFinder(database)


def _adjustments(dataset: Dataset, symbols: Sequence[str], reader: FrameReader) -> SQLiteAdjustmentReader:
    sids = {symbol: sid for sid, symbol in enumerate(symbols)}
    splits = pl.read_parquet(dataset.folder / "splits.parquet").filter(pl.col("symbol").is_in(symbols)).to_dicts()
    dividends = pl.read_parquet(dataset.folder / "dividends.parquet").filter(pl.col("symbol").is_in(symbols)).to_dicts()
    split_frame = pd.DataFrame(
        {
            "sid": [sids[split["symbol"]] for split in splits],
            "effective_date": pd.DatetimeIndex([split["ex_date"] for split in splits]),
            "ratio": [split["ratio"] for split in splits],
        }
    )
    dividend_frame = pd.DataFrame({"sid": [sids[dividend["symbol"]] for dividend in dividends]})
    for column, source in (("ex_date", "ex_date"), ("pay_date", "pay_date"), ("record_date", "ex_date"), ("declared_date", "ex_date")):
        dividend_frame[column] = pd.DatetimeIndex([dividend[source] for dividend in dividends])
    dividend_frame["amount"] = [dividend["amount"] for dividend in dividends]
    connection = sqlite3.connect(":memory:")
    SQLiteAdjustmentWriter(connection, reader).write(splits=split_frame, dividends=dividend_frame)
    return SQLiteAdjustmentReader(connection)
