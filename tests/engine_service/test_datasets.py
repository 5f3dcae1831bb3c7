from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_service.corporate_actions import Dividend, Split
from engine_service.datasets import FIELDS, Catalogue, Dataset
from tests.fix_datasets import MakeDataset


def test_the_sample_covers_what_its_source_does(wiki: Dataset) -> None:
    covered = {one.symbol: (one.start_date, one.end_date, one.bar_count, one.split_count, one.dividend_count) for one in wiki.symbols}
    assert covered == {
        "AAPL": ("2000-03-01", "2013-03-01", 3270, 2, 3),
        "FB": ("2012-05-18", "2013-03-01", 196, 0, 0),
        "GOOG": ("2004-08-19", "2013-03-01", 2148, 0, 0),
        "IBM": ("2000-03-01", "2013-03-01", 3270, 0, 52),
        "MSFT": ("2000-03-01", "2013-03-01", 3270, 1, 37),
    }
    assert {one.auto_close_date for one in wiki.symbols} == {"2013-03-04"}
    assert (wiki.calendar, wiki.currency, wiki.intervals, wiki.licence) == ("XNYS", "USD", ("1d",), "public domain")
    assert (wiki.sessions[0], wiki.sessions[-1], len(wiki.sessions)) == (20000301, 20130301, 3270)


def test_arrays_are_contiguous_read_only_and_empty_where_there_is_no_bar(wiki: Dataset) -> None:
    for field in FIELDS:
        for values in (wiki.raw(field, "GOOG"), wiki.adjusted(field, "GOOG")):
            assert values.shape == wiki.sessions.shape
            assert values.flags.c_contiguous
            assert not values.flags.writeable
            assert np.count_nonzero(~np.isnan(values)) == 2148
    assert wiki.raw("close", "GOOG")[-1] == 806.19


def test_an_unknown_symbol_is_a_key_error(wiki: Dataset) -> None:
    for look_up in (lambda: wiki.raw("close", "TSLA"), lambda: wiki.adjusted("close", "TSLA"), lambda: wiki.coverage("TSLA")):
        with pytest.raises(KeyError):
            look_up()


def test_events_come_in_date_order(wiki: Dataset) -> None:
    assert wiki.splits == (Split("AAPL", 20000621, 0.5), Split("MSFT", 20030218, 0.5), Split("AAPL", 20050228, 0.5))
    assert [dividend.ex_date for dividend in wiki.dividends] == sorted(dividend.ex_date for dividend in wiki.dividends)
    assert Dividend("AAPL", 20120809, 20120809, 2.65) in wiki.dividends


def test_several_versions_stay_and_the_latest_comes_first(make_dataset: MakeDataset, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    assert catalogue.names() == []
    first = make_dataset({"AAA": [1.0, 2.0]})
    second = make_dataset({"AAA": [1.0, 2.5]})
    assert catalogue.names() == ["synthetic"]
    assert catalogue.fingerprints("synthetic") == (second.fingerprint, first.fingerprint)
    assert catalogue.latest("synthetic") == second
    assert catalogue.version("synthetic", first.fingerprint) == first
    make_dataset({"AAA": [1.0, 2.0]})
    assert catalogue.fingerprints("synthetic") == (first.fingerprint, second.fingerprint), "ingested again, it is the latest again"


def test_a_version_that_is_removed_is_gone_at_the_next_call(make_dataset: MakeDataset, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    dataset = make_dataset({"AAA": [1.0, 2.0]})
    assert catalogue.latest("synthetic") == dataset
    shutil.rmtree(dataset.folder)
    assert catalogue.latest("synthetic") is None
    assert catalogue.version("synthetic", dataset.fingerprint) is None
    assert catalogue.names() == []


def test_what_has_not_changed_is_not_read_again(make_dataset: MakeDataset, tmp_path: Path) -> None:
    make_dataset({"AAA": [1.0, 2.0]})
    catalogue = Catalogue(tmp_path)
    assert catalogue.latest("synthetic") is catalogue.latest("synthetic")


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_name_or_fingerprint_reaches_outside_the_data_directory(name: str, fingerprint: str) -> None:
    catalogue = Catalogue(Path("/nowhere"))
    assert catalogue.latest(name) is None
    assert catalogue.version(name, fingerprint) is None


@pytest.mark.parametrize("name", ["../datasets/synthetic", "synthetic/.", ".", "..", "", "SYNTHETIC", "synthetic\0"])
def test_a_path_is_no_name(make_dataset: MakeDataset, tmp_path: Path, name: str) -> None:
    dataset = make_dataset({"AAA": [1.0, 2.0]})
    catalogue = Catalogue(tmp_path)
    assert catalogue.latest(name) is None
    assert catalogue.version(name, dataset.fingerprint) is None
    assert catalogue.version("synthetic", f"../synthetic/{dataset.fingerprint}") is None
