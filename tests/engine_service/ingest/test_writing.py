from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine_service.datasets import Catalogue, Dataset
from engine_service.ingest import ingest
from engine_service.ingest.draft import Draft
from tests.fix_datasets import MakeDataset, synthetic_draft

CLOSES = {"AAA": [1.0, 2.0, 3.0], "BBB": [4.0, 5.0, 6.0]}


def changed_close(draft: Draft) -> Draft:
    return replace(
        draft, bars=draft.bars.with_columns(pl.when(pl.col("close") == 5.0).then(5.01).otherwise(pl.col("close")).alias("close"))
    )


CHANGES: dict[str, Callable[[Draft], Draft]] = {
    "a close": changed_close,
    "the currency": lambda draft: replace(draft, currency="EUR"),
    "the calendar": lambda draft: replace(draft, calendar="XTSE"),
    "a split": lambda draft: replace(draft, splits=synthetic_draft(CLOSES, splits=[("AAA", "2020-01-03", 0.5)]).splits),
    "a dividend": lambda draft: replace(draft, dividends=synthetic_draft(CLOSES, dividends=[("AAA", "2020-01-03", None, 0.5)]).dividends),
    "a bar less": lambda draft: replace(draft, bars=draft.bars.head(5)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_run_can_see_changes_the_fingerprint(tmp_path: Path, change: str) -> None:
    draft = synthetic_draft(CLOSES)
    assert ingest(draft, tmp_path).fingerprint != ingest(CHANGES[change](draft), tmp_path).fingerprint


def test_what_a_run_can_not_see_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    draft = synthetic_draft(CLOSES)
    other = replace(draft, name="other", source="elsewhere", licence="another")
    assert ingest(draft, tmp_path).fingerprint == ingest(other, tmp_path).fingerprint


def test_what_is_written_is_what_was_given(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [1.0, np.nan, 3.0], "BBB": [4.0, 5.0]}, volumes={"AAA": [10.0, 0.0, 30.0], "BBB": [1.5, -0.0]})
    np.testing.assert_array_equal(dataset.raw("close", "AAA"), [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(dataset.raw("volume", "BBB"), [1.5, 0.0, np.nan])
    assert not np.signbit(dataset.raw("volume", "BBB")[1])
    aaa, bbb = dataset.symbols
    assert (aaa.bar_count, aaa.start_date, aaa.end_date, aaa.auto_close_date) == (2, "2020-01-02", "2020-01-06", "2020-01-07")
    assert (bbb.bar_count, bbb.start_date, bbb.end_date, bbb.auto_close_date) == (2, "2020-01-02", "2020-01-03", "2020-01-06")
    assert (dataset.calendar_start_date, dataset.calendar_end_date) == ("2019-12-31", "2020-01-07")
    assert pl.read_parquet(dataset.folder / "bars.parquet")["close"].to_list() == [1.0, 3.0, 4.0, 5.0]


def test_pay_dates_are_rolled_to_the_next_session_and_missing_ones_are_the_ex_date(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(
        {"AAA": [10.0] * 6},
        dividends=[("AAA", "2020-01-06", "2020-01-11", 0.1), ("AAA", "2020-01-07", None, 0.2), ("AAA", "2020-01-03", "2020-03-14", 0.3)],
    )
    assert [(dividend.ex_date, dividend.pay_date) for dividend in dataset.dividends] == [
        (20200103, 20200316),
        (20200106, 20200113),
        (20200107, 20200107),
    ]
    assert [str(date) for date in pl.read_parquet(dataset.folder / "dividends.parquet")["pay_date"]] == [
        "2020-03-16",
        "2020-01-13",
        "2020-01-07",
    ]


def test_any_printable_source_and_licence_is_kept_as_it_is(tmp_path: Path) -> None:
    source = 'Börse "Zürich" \\ 株 🙂'
    assert ingest(replace(synthetic_draft(CLOSES), source=source), tmp_path).source == source


def test_nothing_unfinished_is_left_behind(make_dataset: MakeDataset, tmp_path: Path) -> None:
    dataset = make_dataset(CLOSES)
    assert {path.name for path in dataset.folder.parent.iterdir()} == {dataset.fingerprint, "versions"}
    assert {path.name for path in tmp_path.iterdir()} == {"datasets"}


# pandas silences this warning of its own where it makes a calendar, but not safely when threads make one at the same time.
@pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning")
def test_the_same_data_ingested_at_the_same_time_make_one_version(tmp_path: Path) -> None:
    made: list[Dataset] = []
    threads = [threading.Thread(target=lambda: made.append(ingest(synthetic_draft(CLOSES), tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert Catalogue(tmp_path).fingerprints("synthetic") == (made[0].fingerprint,)
