"""The datasets on disk.

    DATA_DIR/datasets/<name>/versions                     fingerprints, the latest first
    DATA_DIR/datasets/<name>/<fingerprint>/dataset.toml   what it is and what it covers
                                           bars.parquet, splits.parquet, dividends.parquet     for people and other programs
                                           arrays/<field>.npy     raw values [symbols x sessions], a symbol contiguous; NaN where no bar
                                           arrays/sessions.npy, splits.npy, dividends.npy

A version never changes once it is there, and stays until somebody removes its folder: a replay reads the version its run was made from.
`engine_service.ingest` writes datasets. The server process reads them, so nothing heavy is imported here.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine_service.corporate_actions import Dividend, Split, forward_factors

FIELDS = ("open", "high", "low", "close", "volume")
"""What a bar has."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""What a dataset may be called: it names a folder, and callers send it."""

FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SymbolCoverage:
    """What a dataset has of a symbol. Dates are ISO dates of sessions."""

    symbol: str
    start_date: str
    """First session with a bar."""
    end_date: str
    """Last session with a bar."""
    auto_close_date: str
    """The session after end_date, on which zipline closes what is still held or ordered; it may lie after the dataset's end."""
    bar_count: int
    split_count: int
    dividend_count: int


@dataclass(frozen=True)
class Dataset:
    """One version of a dataset. Arrays are memory-mapped and read-only; pages are shared by all processes."""

    name: str
    fingerprint: str
    """SHA-256 of the content, as hexadecimal digits."""
    calendar: str
    calendar_start_date: str
    calendar_end_date: str
    currency: str
    intervals: tuple[str, ...]
    source: str
    licence: str
    symbols: tuple[SymbolCoverage, ...]
    """By symbol."""
    folder: Path

    @cached_property
    def sessions(self) -> NDArray[np.int32]:
        """Every session of the calendar from the dataset's first bar to its last, as yyyymmdd."""
        return self._array("sessions")

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        """By ex-date, then by symbol."""
        return tuple(Split(self._symbol(row), int(row["ex_date"]), float(row["ratio"])) for row in self._array("splits"))

    @cached_property
    def dividends(self) -> tuple[Dividend, ...]:
        """By ex-date, then by symbol."""
        return tuple(
            Dividend(self._symbol(row), int(row["ex_date"]), int(row["pay_date"]), float(row["amount"])) for row in self._array("dividends")
        )

    def coverage(self, symbol: str) -> SymbolCoverage:
        """What there is of a symbol; KeyError when there is nothing."""
        return self.symbols[self._rows[symbol]]

    def raw(self, field: str, symbol: str) -> NDArray[np.float64]:
        """Values as they were traded [sessions]: prices in the dataset's currency, volumes in units; NaN where there is no bar.

        Args:
            field: One of FIELDS.
            symbol: A symbol of the dataset; KeyError when it is not.
        """
        values: NDArray[np.float64] = self._matrices[field][self._rows[symbol]]
        return values

    def adjusted(self, field: str, symbol: str) -> NDArray[np.float64]:
        """Raw values times the factor of the splits and dividends since the first bar [sessions]; later bars never change them."""
        price, volume = self._factors(symbol)
        values = self.raw(field, symbol) * (volume if field == "volume" else price)
        values.flags.writeable = False
        return values

    def _factors(self, symbol: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if symbol not in self._factors_by_symbol:
            splits, dividends = self._events
            self._factors_by_symbol[symbol] = forward_factors(self.raw("close", symbol), self.sessions, splits[symbol], dividends[symbol])
        return self._factors_by_symbol[symbol]

    @cached_property
    def _factors_by_symbol(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return {}

    @cached_property
    def _events(self) -> tuple[Mapping[str, list[Split]], Mapping[str, list[Dividend]]]:
        splits: defaultdict[str, list[Split]] = defaultdict(list)
        dividends: defaultdict[str, list[Dividend]] = defaultdict(list)
        for split in self.splits:
            splits[split.symbol].append(split)
        for dividend in self.dividends:
            dividends[dividend.symbol].append(dividend)
        return splits, dividends

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {coverage.symbol: row for row, coverage in enumerate(self.symbols)}

    @cached_property
    def _matrices(self) -> dict[str, NDArray[np.float64]]:
        return {field: self._array(field) for field in FIELDS}

    def _symbol(self, event: Any) -> str:
        return self.symbols[int(event["symbol"])].symbol

    def _array(self, name: str) -> NDArray[Any]:
        return np.asarray(np.load(self.folder / "arrays" / f"{name}.npy", mmap_mode="r"))


class Catalogue:
    """What is on disk now. Every call looks again; what has not changed is not read again."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "datasets"
        self._known: dict[Path, tuple[int, Dataset]] = {}

    def names(self) -> list[str]:
        """Names of the datasets, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(folder.name for folder in self._root.iterdir() if self.fingerprints(folder.name))

    def fingerprints(self, name: str) -> tuple[str, ...]:
        """Versions of a dataset that are still there, the latest first."""
        try:
            listed = self._folder(name).joinpath("versions").read_text(encoding="ascii").split()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(fingerprint for fingerprint in listed if self._definition(name, fingerprint).is_file())

    def latest(self, name: str) -> Dataset | None:
        """The latest version of a dataset, or None when there is no such dataset."""
        known = self.fingerprints(name)
        return self.version(name, known[0]) if known else None

    def version(self, name: str, fingerprint: str) -> Dataset | None:
        """A version of a dataset, or None when it is not there."""
        if not FINGERPRINT.fullmatch(fingerprint):
            return None
        path = self._definition(name, fingerprint)
        try:
            changed = path.stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            self._known.pop(path, None)
            return None
        if self._known.get(path, (0, None))[0] != changed:
            self._known[path] = changed, read_dataset(path.parent)
        return self._known[path][1]

    def _folder(self, name: str) -> Path:
        # A name that could not be a dataset's must not become a path.
        return self._root / name if NAME.fullmatch(name) else self._root / "-"

    def _definition(self, name: str, fingerprint: str) -> Path:
        return self._folder(name) / fingerprint / "dataset.toml"


def read_dataset(folder: Path) -> Dataset:
    """Read what a version's dataset.toml says; arrays are opened when they are asked for."""
    definition = tomllib.loads(folder.joinpath("dataset.toml").read_text(encoding="utf-8"))
    symbols = tuple(SymbolCoverage(**coverage) for coverage in definition.pop("symbols"))
    return Dataset(**definition | {"intervals": tuple(definition["intervals"]), "symbols": symbols, "folder": folder})
