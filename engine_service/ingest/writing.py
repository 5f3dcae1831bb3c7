"""A checked draft -> a version of a dataset on disk."""

from __future__ import annotations

import dataclasses
import datetime as dt
import fcntl
import hashlib
import json
import os
import tempfile
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine_service.datasets import FIELDS, Catalogue, Dataset, SymbolCoverage
from engine_service.ingest.draft import Draft

INTERVALS = ("1d",)
"""Bars are one session long."""


@dataclass(frozen=True, slots=True)
class _Content:
    """Everything that the fingerprint covers, in canonical order."""

    header: Mapping[str, Any]
    symbols: tuple[SymbolCoverage, ...]
    arrays: Mapping[str, NDArray[Any]]
    """By file name without .npy."""

    def fingerprint(self) -> str:
        """SHA-256 of calendar, sessions, currency, intervals, symbols with their automatic close, raw bars and events."""
        header = {"header": dict(self.header), "symbols": [dataclasses.asdict(symbol) for symbol in self.symbols]}
        digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
        for name, array in sorted(self.arrays.items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def write_dataset(draft: Draft, calendar_sessions: Sequence[dt.date], data_dir: Path) -> Dataset:
    """Write a draft without problems and make it the latest version of its name; a version that is there already is left as it is.

    Args:
        draft: Checked by `checks.problems`.
        calendar_sessions: Sorted sessions of its calendar, from before its first bar to beyond its last bar and pay date.
        data_dir: Where datasets are kept.
    """
    draft = _canonical(draft, calendar_sessions)
    content = _content(draft, calendar_sessions)
    fingerprint = content.fingerprint()
    home = data_dir / "datasets" / draft.name
    home.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue(data_dir)
    with _locked(home):
        if not (home / fingerprint).exists():
            with tempfile.TemporaryDirectory(prefix=".", dir=home) as scratch:
                folder = Path(scratch, fingerprint)
                _write_version(folder, draft, content, fingerprint)
                folder.rename(home / fingerprint)
        others = [other for other in catalogue.fingerprints(draft.name) if other != fingerprint]
        _replace_text(home / "versions", "".join(f"{one}\n" for one in (fingerprint, *others)))
    dataset = catalogue.version(draft.name, fingerprint)
    assert dataset is not None
    return dataset


def _content(draft: Draft, calendar_sessions: Sequence[dt.date]) -> _Content:
    bars = draft.bars
    first, last = bars["date"].min(), bars["date"].max()
    assert isinstance(first, dt.date)
    assert isinstance(last, dt.date)
    begin = bisect_left(calendar_sessions, first)
    sessions = calendar_sessions[begin : bisect_right(calendar_sessions, last)]
    symbols = tuple(_coverage(draft, calendar_sessions))
    header = {
        "calendar": draft.calendar,
        "calendar_start_date": calendar_sessions[begin - 1].isoformat(),
        "calendar_end_date": max(symbol.auto_close_date for symbol in symbols),
        "currency": draft.currency,
        "intervals": list(INTERVALS),
    }
    names = [symbol.symbol for symbol in symbols]
    arrays = {
        **_matrices(bars, names, sessions),
        "sessions": np.array([_number(date) for date in sessions], dtype="<i4"),
        "splits": _events(draft.splits, names, {"ratio": "<f8"}),
        "dividends": _events(draft.dividends, names, {"pay_date": "<i4", "amount": "<f8"}),
    }
    return _Content(header, symbols, arrays)


def _canonical(draft: Draft, calendar_sessions: Sequence[dt.date]) -> Draft:
    """The same data in one order, and every dividend with the session on which it is paid.

    That is the first session on or after its pay date (zipline never pays on another day), or its ex-date when no pay date is known: then
    cash replaces what the price loses, and the portfolio's value shows no dip that the source can't date.
    """
    pay = [
        calendar_sessions[bisect_left(calendar_sessions, pay_date or ex_date)]
        for ex_date, pay_date in draft.dividends.select("ex_date", "pay_date").iter_rows()
    ]
    return dataclasses.replace(
        draft,
        bars=draft.bars.sort("symbol", "date"),
        splits=draft.splits.sort("ex_date", "symbol"),
        dividends=draft.dividends.with_columns(pl.Series("pay_date", pay, dtype=pl.Date)).sort("ex_date", "symbol", "pay_date", "amount"),
    )


def _coverage(draft: Draft, calendar_sessions: Sequence[dt.date]) -> Iterable[SymbolCoverage]:
    bars, splits, dividends = draft.bars, draft.splits, draft.dividends
    split_counts, dividend_counts = Counter(splits["symbol"].to_list()), Counter(dividends["symbol"].to_list())
    spans = bars.group_by("symbol", maintain_order=True).agg(
        pl.col("date").min().alias("first"), pl.col("date").max().alias("last"), pl.len().alias("count")
    )
    for symbol, first, last, count in spans.iter_rows():
        after = calendar_sessions[bisect_right(calendar_sessions, last)]
        yield SymbolCoverage(
            symbol, first.isoformat(), last.isoformat(), after.isoformat(), count, split_counts[symbol], dividend_counts[symbol]
        )


def _matrices(bars: pl.DataFrame, names: list[str], sessions: Sequence[dt.date]) -> dict[str, NDArray[np.float64]]:
    columns = np.searchsorted(np.array(sessions, dtype="datetime64[D]"), bars["date"].to_numpy())
    rows = np.searchsorted(np.array(names, dtype=str), bars["symbol"].to_numpy().astype(str))
    matrices = {}
    for field in FIELDS:
        matrix = np.full((len(names), len(sessions)), np.nan, dtype="<f8")
        matrix[rows, columns] = bars[field].to_numpy() + 0.0  # no negative zeros: equal content, equal fingerprint
        matrices[field] = matrix
    return matrices


def _events(events: pl.DataFrame, names: list[str], columns: Mapping[str, str]) -> NDArray[Any]:
    """Events as records, with the symbol as its place among the names and dates as yyyymmdd."""
    ordered = events.with_columns(
        pl.col("symbol").replace_strict({name: place for place, name in enumerate(names)}, return_dtype=pl.Int32),
        *(pl.col(date).dt.strftime("%Y%m%d").cast(pl.Int32) for date in events.columns if events.schema[date] == pl.Date),
    )
    dtype = np.dtype([("symbol", "<i4"), ("ex_date", "<i4"), *columns.items()])
    return np.array(ordered.select(dtype.names).rows(), dtype=dtype)


def _write_version(folder: Path, draft: Draft, content: _Content, fingerprint: str) -> None:
    folder.joinpath("arrays").mkdir(parents=True)
    for name, array in content.arrays.items():
        np.save(folder / "arrays" / f"{name}.npy", array, allow_pickle=False)
    draft.bars.write_parquet(folder / "bars.parquet")
    draft.splits.write_parquet(folder / "splits.parquet")
    draft.dividends.write_parquet(folder / "dividends.parquet")
    header = {"name": draft.name, "fingerprint": fingerprint, **content.header, "source": draft.source, "licence": draft.licence}
    tables = ["\n[[symbols]]\n" + _toml(dataclasses.asdict(symbol)) for symbol in content.symbols]
    folder.joinpath("dataset.toml").write_text(_toml(header) + "".join(tables), encoding="utf-8")


def _toml(values: Mapping[str, Any]) -> str:
    # Printable text, numbers and lists of them are written the same in JSON and TOML.
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder for oneself; others who lock it wait."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace_text(path: Path, text: str) -> None:
    """Readers, who do not lock, see the old text or the new one, never a part."""
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(text, encoding="ascii")
    scratch.replace(path)


def _number(date: dt.date) -> int:
    return date.year * 10_000 + date.month * 100 + date.day
