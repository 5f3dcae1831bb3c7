from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from zipline.data.bar_reader import NoDataAfterDate, NoDataBeforeDate

from engine_service.datasets import Dataset
from engine_service.zipline_market import dataset_calendar, open_market
from tests.fix_datasets import MakeDataset

WATCHED_RUN = """
import json, sys
from pathlib import Path
from engine_service.datasets import Catalogue
from engine_service.simulation import simulate, warm
from engine_service.strategies import decisions
from engine_service.strategies import load_strategies
from tests.specs import complete_spec

dataset = Catalogue(Path(sys.argv[1])).latest("wiki")
warm(dataset)  # libraries may look around when they are imported, and compiled code is kept on disk
decisions.warm()
spec = complete_spec(dataset, "sma_crossover", ["MSFT", "IBM"], "2003-01-02", "2003-06-30")
seen = []

def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.mkdir", "os.rename", "os.remove")) or event == "sqlite3.connect":
        seen.append([event, str(arguments[0])])
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append([event, str(arguments[0])])

sys.dont_write_bytecode = True
sys.addaudithook(watch)
sessions = list(simulate(spec, load_strategies()["sma_crossover"], dataset))
print(json.dumps([len(sessions), seen]))
"""


def test_a_run_opens_no_socket_and_writes_no_file(data_dir: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())])}
    environment.pop("COVERAGE_PROCESS_START", None)  # coverage writes a file, and only coverage
    done = subprocess.run([sys.executable, "-c", WATCHED_RUN, str(data_dir)], env=environment, check=True, capture_output=True, text=True)
    session_count, seen = json.loads(done.stdout)
    assert session_count == 124
    assert {(event, target) for event, target in seen} == {("sqlite3.connect", ":memory:")}
    assert list(tmp_path.iterdir()) == [], "no ~/.zipline"


def test_a_calendar_that_has_changed_since_the_dataset_was_made_is_refused(wiki: Dataset) -> None:
    moved = dataclasses.replace(wiki, name="moved")
    moved.__dict__["sessions"] = np.append(wiki.sessions[:-1], np.int32(20130302))
    with pytest.raises(RuntimeError, match="the sessions of XNYS have changed since dataset moved was made"):
        dataset_calendar(moved)


def test_calendars_of_one_name_with_other_bounds_do_not_drive_each_other_out(wiki: Dataset, make_dataset: MakeDataset) -> None:
    other = make_dataset({"AAA": [1.0] * 5})
    assert dataset_calendar(wiki) is not dataset_calendar(other)
    assert dataset_calendar(wiki) is dataset_calendar(wiki)


def test_bars_are_read_as_zipline_wants_them(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [1.0, np.nan, 3.0], "BBB": [4.0, 5.0, 6.0]}, volumes={"AAA": [7.0, 8.0, 0.0], "BBB": [1.0, 2.0, 3.0]})
    with open_market(dataset, ["BBB", "AAA"]) as market:
        reader = market.portal._pricing_readers["daily"]
        first, second, last = reader.sessions
        bbb, aaa = market.assets
        assert [asset.asset_name for asset in market.assets] == ["BBB", "AAA"]
        assert [reader.get_value(asset, last, "close") for asset in (bbb, aaa)] == [6.0, 3.0]
        assert np.isnan(reader.get_value(aaa, second, "close"))
        assert reader.get_value(aaa, second, "volume") == 0.0
        assert reader.get_last_traded_dt(aaa, last) == first, "a bar without volume is no trade"
        assert reader.get_last_traded_dt(bbb, last) == last
        closes, volumes = reader.load_raw_arrays(["close", "volume"], first, second, [1, 0])
        np.testing.assert_array_equal(closes, [[1.0, 4.0], [np.nan, 5.0]])
        np.testing.assert_array_equal(volumes, [[7, 1], [0, 2]])
        with pytest.raises(NoDataBeforeDate):
            reader.get_value(aaa, first - pd.Timedelta(days=1), "close")
        with pytest.raises(NoDataAfterDate):
            reader.get_value(aaa, last + pd.Timedelta(days=1), "close")


def test_a_symbol_that_never_traded_has_no_last_trade(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [1.0, 1.0]}, volumes={"AAA": [0.0, 0.0]})
    with open_market(dataset, ["AAA"]) as market:
        reader = market.portal._pricing_readers["daily"]
        assert reader.get_last_traded_dt(market.assets[0], reader.sessions[-1]) is pd.NaT


def test_assets_carry_the_automatic_close_and_currency_of_the_dataset(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [1.0, 1.0], "BBB": [1.0] * 4})
    with open_market(dataset, ["AAA", "BBB"]) as market:
        assert [asset.auto_close_date.date().isoformat() for asset in market.assets] == ["2020-01-06", "2020-01-08"]
        assert [asset.end_date.date().isoformat() for asset in market.assets] == ["2020-01-03", "2020-01-07"]


def test_history_is_adjusted_for_splits_and_dividends(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(
        {"AAA": [10.0, 10.0, 5.0, 5.0]}, splits=[("AAA", "2020-01-06", 0.5)], dividends=[("AAA", "2020-01-07", None, 1.0)]
    )
    with open_market(dataset, ["AAA"]) as market:
        last = market.calendar.sessions_in_range("2020-01-02", "2020-01-07")[-1]
        window = market.portal.get_history_window(list(market.assets), last, 4, "1d", "close", "daily")
        np.testing.assert_allclose(window.to_numpy().ravel(), [4.0, 4.0, 4.0, 5.0])
