"""Bundles are made as zipline's users make them: registered, and ingested by zipline into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from zipline.data import bundles

from engine_service.datasets import Dataset
from engine_service.ingest import IngestRefused, ingest
from engine_service.ingest.bundle import read_bundle

DATES = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose ZIPLINE_ROOT holds the bundles `shares` and `mergers`."""
    environ = {"ZIPLINE_ROOT": str(tmp_path / "zipline")}
    (tmp_path / "zipline").mkdir()
    for name in ("shares", "mergers"):
        bundles.register(
            name, writer_of(name), calendar_name="XNYS", start_session=pd.Timestamp(DATES[0]), end_session=pd.Timestamp(DATES[-1])
        )
        bundles.ingest(name, environ=environ, show_progress=False)
    yield environ
    for name in ("shares", "mergers"):
        bundles.unregister(name)


def writer_of(bundle: str) -> Any:
    def write(
        environ: Any, assets: Any, minutes: Any, daily: Any, adjustments: Any, calendar: Any, start: Any, end: Any, *others: Any
    ) -> None:
        sessions = calendar.sessions_in_range(start, end)
        equities = pd.DataFrame(
            {"symbol": ["AAA", "BBB"], "start_date": sessions[0], "end_date": [sessions[-1], sessions[1]], "exchange": "NYSE"}
        )
        exchanges = pd.DataFrame([{"exchange": "NYSE", "canonical_name": "NYSE", "country_code": "US"}])
        assets.write(equities=equities, exchanges=exchanges)
        daily.write([(0, bars(sessions, [10.0, 10.5, 5.25, 5.0])), (1, bars(sessions[:2], [7.0, 7.125]))])
        splits = pd.DataFrame({"sid": [0], "ratio": [0.5], "effective_date": [sessions[2]]})
        paid = pd.DataFrame({"sid": [0], "amount": [0.25], "ex_date": [sessions[3]], "pay_date": [pd.Timestamp("2020-01-18")]})
        dividends = paid.assign(record_date=sessions[3], declared_date=sessions[3])
        adjustments.write(splits=splits, dividends=dividends, mergers=splits if bundle == "mergers" else None)

    return write


def bars(sessions: pd.DatetimeIndex, closes: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"open": closes, "high": closes, "low": closes, "close": closes, "volume": 100}, index=sessions)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
class TestBundle:
    def test_it_becomes_a_dataset_with_its_events(self, root: dict[str, str], tmp_path: Path) -> None:
        draft = read_bundle("shares", "mine", "USD", "my bundle", "mine", root)
        dataset: Dataset = ingest(draft, tmp_path)
        assert [(one.symbol, one.bar_count, one.end_date) for one in dataset.symbols] == [("AAA", 4, DATES[-1]), ("BBB", 2, DATES[1])]
        np.testing.assert_array_equal(dataset.raw("close", "AAA"), [10.0, 10.5, 5.25, 5.0])
        np.testing.assert_array_equal(dataset.raw("close", "BBB"), [7.0, 7.125, np.nan, np.nan])
        assert [(split.symbol, split.ex_date, split.ratio) for split in dataset.splits] == [("AAA", 20200106, 0.5)]
        assert [(paid.ex_date, paid.pay_date, paid.amount) for paid in dataset.dividends] == [(20200107, 20200121, 0.25)]

    def test_mergers_are_refused(self, root: dict[str, str]) -> None:
        with pytest.raises(IngestRefused, match="the bundle has 1 mergers, which a dataset can't hold"):
            read_bundle("mergers", "mine", "USD", "", "", root)

    def test_an_unknown_bundle_is_refused(self, root: dict[str, str]) -> None:
        with pytest.raises(IngestRefused, match="the bundle nowhere can't be read"):
            read_bundle("nowhere", "mine", "USD", "", "", root)
