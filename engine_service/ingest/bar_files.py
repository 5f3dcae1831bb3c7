"""CSV and Parquet files -> a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from polars.datatypes import DataTypeClass

from engine_service.ingest.adjusted_close import DividendRule, derive_events
from engine_service.ingest.draft import BARS, DIVIDENDS, SPLITS, Draft, IngestRefused

HEADERS = {"symbol": ("symbol", "ticker"), "date": ("date", "session"), "ex_date": ("ex_date", "ex-date", "date")}
"""Headers that mean a column, compared in lower case; any other column is looked for by its own name."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """Where the data are and how to read them."""

    name: str
    calendar: str
    currency: str
    source: str
    licence: str
    bars: tuple[Path, ...]
    """Without a column of symbols, a file holds the bars of the symbol that it is named after."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Headers in the files of bars, by the name of our column; those left out are found by their usual names."""
    splits: Path | None = None
    dividends: Path | None = None
    adjusted_close: str | None = None
    """Header of an adjusted close to derive splits and dividends from, instead of files of them."""
    dividend_rule: DividendRule = "previous-close"


def read_files(source: FileSource) -> Draft:
    """Read everything into one draft.

    Raises:
        IngestRefused: a file can't be read, lacks a column, or has values of another type.
    """
    if source.adjusted_close and (source.splits or source.dividends):
        raise IngestRefused(["give either an adjusted close or files of splits and dividends, not both"])
    frames = [_read(path) for path in source.bars]
    tables = [_bars(frame, path, source) for frame, path in zip(frames, source.bars, strict=True)]
    bars = pl.concat([table.select(*BARS) for table in tables]) if tables else pl.DataFrame(schema=BARS)
    splits, dividends = pl.DataFrame(schema=SPLITS), pl.DataFrame(schema=DIVIDENDS)
    if source.adjusted_close:
        splits, dividends = derive_events(bars, pl.concat([table["adjusted"] for table in tables]), source.dividend_rule)
    if source.splits:
        splits = _pick(_read(source.splits), SPLITS, {}, source.splits)
    if source.dividends:
        frame = _read(source.dividends)
        if "pay_date" not in {header.lower() for header in frame.columns}:
            frame = frame.with_columns(pl.lit(None, dtype=pl.Date).alias("pay_date"))
        dividends = _pick(frame, DIVIDENDS, {}, source.dividends)
    return Draft(source.name, source.calendar, source.currency, source.source, source.licence, bars, splits, dividends)


def _bars(frame: pl.DataFrame, path: Path, source: FileSource) -> pl.DataFrame:
    if "symbol" not in source.columns and not _headers(frame, "symbol"):
        frame = frame.with_columns(pl.lit(path.name.split(".")[0]).alias("symbol"))
    _check_currency(frame, path, source.currency)
    schema, columns = dict(BARS), dict(source.columns)
    if source.adjusted_close:
        schema["adjusted"], columns["adjusted"] = pl.Float64, source.adjusted_close
    return _pick(frame, schema, columns, path)


def _check_currency(frame: pl.DataFrame, path: Path, currency: str) -> None:
    for header in _headers(frame, "currency"):
        others = set(frame[header].to_list()) - {currency}
        if others:
            raise IngestRefused([f"{path.name}: a dataset has one currency, {currency}, not also {', '.join(sorted(map(str, others)))}"])


def _pick(frame: pl.DataFrame, schema: Mapping[str, DataTypeClass], columns: Mapping[str, str], path: Path) -> pl.DataFrame:
    """The columns of a schema, found by header, in its types."""
    picked, problems = [], []
    for name, dtype in schema.items():
        found = [columns[name]] if columns.get(name) in frame.columns else [] if name in columns else _headers(frame, name)
        if len(found) != 1:
            wanted = columns.get(name) or " or ".join(HEADERS.get(name, (name,)))
            problems.append(f"{path.name}: there must be one column {wanted}; there are: {', '.join(frame.columns)}")
            continue
        try:
            picked.append(_cast(frame[found[0]], dtype).alias(name))
        except pl.exceptions.PolarsError:
            problems.append(f"{path.name}: column {found[0]} holds something that is no {'date' if dtype == pl.Date else 'number'}")
    if problems:
        raise IngestRefused(problems)
    return pl.DataFrame(picked)


def _cast(values: pl.Series, dtype: DataTypeClass) -> pl.Series:
    if dtype == pl.Date and values.dtype == pl.String:
        return values.str.to_date()
    return values.cast(dtype)


def _headers(frame: pl.DataFrame, name: str) -> list[str]:
    return [header for usual in HEADERS.get(name, (name,)) for header in frame.columns if header.lower() == usual][:1]


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        # All rows decide the types: a column whose first thousand values are whole numbers may go on with fractions.
        return pl.read_csv(path, infer_schema_length=None, try_parse_dates=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise IngestRefused([f"{path}: can't be read: {str(error).splitlines()[0]}"]) from error


def sample(path: Path) -> FileSource:
    """The sample that is shipped: five symbols, 2000 to 2013, unadjusted, with an adjusted close to derive events from."""
    return FileSource(
        name="wiki",
        calendar="XNYS",
        currency="USD",
        source="Quandl WIKI Prices, as in bokeh-sampledata 2026.1; it has no pay dates, so dividends are paid on their ex-date",
        licence="public domain",
        bars=(path,),
        adjusted_close="Adj Close",
        dividend_rule="ex-close",
    )
