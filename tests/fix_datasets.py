"""Datasets: the real sample, and small invented ones for corners that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import exchange_calendars
import numpy as np
import polars as pl
import pytest

from engine_service.datasets import Catalogue, Dataset
from engine_service.ingest import Draft, ingest, ingest_sample
from engine_service.ingest.draft import BARS, DIVIDENDS, SPLITS

MakeDataset = Callable[..., Dataset]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that holds the sample `wiki`."""
    path = tmp_path_factory.mktemp("data")
    ingest_sample(path)
    return path


@pytest.fixture(scope="session")
def wiki(data_dir: Path) -> Dataset:
    """The sample: AAPL, FB, GOOG, IBM, MSFT, 2000 to 2013."""
    dataset = Catalogue(data_dir).latest("wiki")
    assert dataset is not None
    return dataset


def xnys_sessions(start: str, count: int) -> list[str]:
    """ISO dates of sessions in New York."""
    calendar = exchange_calendars.get_calendar("XNYS", start=start, end=f"{int(start[:4]) + 1 + count // 200}{start[4:]}", side="right")
    return [session.date().isoformat() for session in calendar.sessions[:count]]


def synthetic_draft(
    closes: Mapping[str, Sequence[float]],
    *,
    start: str = "2020-01-02",
    volume: float = 1e6,
    volumes: Mapping[str, Sequence[float]] | None = None,
    splits: Sequence[tuple[str, str, float]] = (),
    dividends: Sequence[tuple[str, str, str | None, float]] = (),
    name: str = "synthetic",
) -> Draft:
    """A draft on New York's calendar whose symbols have these closes from `start` on; NaN is a session without a bar.

    Opens, highs and lows equal the close.
    """
    sessions = xnys_sessions(start, max(map(len, closes.values())))
    rows = [
        (symbol, session, close, close, close, close, traded)
        for symbol, own in closes.items()
        for session, close, traded in zip(sessions, own, (volumes or {}).get(symbol, [volume] * len(own)), strict=False)
        if not np.isnan(close)
    ]
    return Draft(
        name=name,
        calendar="XNYS",
        currency="USD",
        source="invented",
        licence="none",
        bars=_frame(rows, BARS),
        splits=_frame(splits, SPLITS),
        dividends=_frame(dividends, DIVIDENDS),
    )


def _frame(rows: Sequence[tuple[object, ...]], schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    text = {name: pl.String if dtype == pl.Date else dtype for name, dtype in schema.items()}
    dates = [pl.col(name).str.to_date() for name, dtype in schema.items() if dtype == pl.Date]
    return pl.DataFrame([tuple(row) for row in rows], schema=text, orient="row").with_columns(dates)


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """Ingests `synthetic_draft(...)`; every call is a new version of the same name, unless it is given another one."""

    def make(closes: Mapping[str, Sequence[float]], **options: object) -> Dataset:
        return ingest(synthetic_draft(closes, **options), tmp_path)  # type: ignore[arg-type]

    return make
