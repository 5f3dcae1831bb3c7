"""An existing zipline bundle -> a draft."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pandas as pd
import polars as pl
from zipline.data import bundles
from zipline.utils.run_algo import load_extensions

from engine_service.datasets import FIELDS
from engine_service.ingest.draft import BARS, DIVIDENDS, SPLITS, Draft, IngestRefused


def read_bundle(bundle: str, name: str, currency: str, source: str, licence: str, environ: Mapping[str, str] = os.environ) -> Draft:
    """Read the latest ingestion of a bundle, with prices as the bundle has them: rounded to 0.001.

    Args:
        bundle: Its name, built into zipline or registered by the extension.py in ZIPLINE_ROOT.
        name: Name of the dataset to make.
        currency: ISO code; a bundle does not say.
        source: Where the data come from.
        licence: Under which licence.
        environ: Where to look ZIPLINE_ROOT up.

    Raises:
        IngestRefused: there is no such bundle, or it holds what a dataset can't: mergers, dividends paid in stock.
    """
    load_extensions(default=True, extensions=[], strict=False, environ=environ)
    try:
        data = bundles.load(bundle, environ=environ)
    except (bundles.UnknownBundle, ValueError) as error:
        raise IngestRefused([f"the bundle {bundle} can't be read: {error}"]) from error
    try:
        symbols = {asset.sid: asset.symbol for asset in data.asset_finder.retrieve_all(data.asset_finder.equities_sids)}
        tables = data.adjustment_reader.unpack_db_to_component_dfs(convert_dates=True)
        problems = [
            f"the bundle has {len(tables[table])} {what}, which a dataset can't hold"
            for table, what in (("mergers", "mergers"), ("stock_dividend_payouts", "dividends paid in stock"))
            if len(tables[table])
        ]
        if problems:
            raise IngestRefused(problems)
        return Draft(
            name,
            data.equity_daily_bar_reader.trading_calendar.name,
            currency,
            source,
            licence,
            _bars(data.equity_daily_bar_reader, symbols),
            _events(tables["splits"], symbols, {"effective_date": "ex_date"}, SPLITS),
            _events(tables["dividend_payouts"], symbols, {}, DIVIDENDS),
        )
    finally:
        data.adjustment_reader.close()


def _bars(reader: object, symbols: Mapping[int, str]) -> pl.DataFrame:
    sessions = reader.sessions  # type: ignore[attr-defined]
    sids = list(symbols)
    values = reader.load_raw_arrays(list(FIELDS), sessions[0], sessions[-1], sids)  # type: ignore[attr-defined]
    dates = pl.Series("date", sessions.to_numpy()).cast(pl.Date)
    frames = [
        pl.DataFrame({"date": dates, **{field: array[:, column].astype(float) for field, array in zip(FIELDS, values, strict=True)}})
        .filter(pl.col("close").is_not_nan())
        .with_columns(pl.lit(symbols[sid]).alias("symbol"))
        .select(*BARS)
        for column, sid in enumerate(sids)
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=BARS)


def _events(table: pd.DataFrame, symbols: Mapping[int, str], renamed: Mapping[str, str], schema: Mapping[str, object]) -> pl.DataFrame:
    frame = table.rename(columns=dict(renamed)).assign(symbol=[symbols[sid] for sid in table["sid"]])
    return pl.DataFrame({column: frame[column].to_numpy() for column in schema}).cast(dict(schema))  # type: ignore[arg-type]
