from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engine_service.ingest import IngestRefused
from engine_service.ingest.bar_files import FileSource, read_files

BARS = """symbol,date,open,high,low,close,volume
AAA,2020-01-02,10,11,9,10.5,100
AAA,2020-01-03,10.5,12,10,11,200
"""


def source(*bars: Path, **options: object) -> FileSource:
    known = {"name": "mine", "calendar": "XNYS", "currency": "USD", "source": "", "licence": ""}
    return FileSource(bars=bars, **known | options)  # type: ignore[arg-type]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_csv_and_parquet_give_the_same_draft(tmp_path: Path) -> None:
    csv = written(tmp_path / "bars.csv", BARS)
    pl.read_csv(csv, try_parse_dates=True).write_parquet(tmp_path / "bars.parquet")
    first, second = read_files(source(csv)), read_files(source(tmp_path / "bars.parquet"))
    assert_frame_equal(first.bars, second.bars)
    assert first.bars.rows()[0][2:] == (10.0, 11.0, 9.0, 10.5, 100.0)


def test_columns_are_found_by_usual_names_in_any_case_or_by_the_mapping(tmp_path: Path) -> None:
    csv = written(tmp_path / "bars.csv", BARS.replace("symbol,date", "Ticker,Date").replace("close", "Last"))
    assert read_files(source(csv, columns={"close": "Last"})).bars["close"].to_list() == [10.5, 11.0]


def test_a_file_without_symbols_is_named_after_its_symbol(tmp_path: Path) -> None:
    text = BARS.replace("symbol,", "").replace("AAA,", "")
    files = [written(tmp_path / f"{symbol}.csv", text) for symbol in ("AAA", "BBB")]
    assert read_files(source(*files)).bars["symbol"].to_list() == ["AAA", "AAA", "BBB", "BBB"]


def test_events_come_from_files(tmp_path: Path) -> None:
    csv = written(tmp_path / "bars.csv", BARS)
    splits = written(tmp_path / "splits.csv", "symbol,ex_date,ratio\nAAA,2020-01-03,0.5\n")
    dividends = written(tmp_path / "dividends.csv", "symbol,ex_date,amount\nAAA,2020-01-03,0.25\n")
    paid = written(tmp_path / "paid.csv", "symbol,ex_date,pay_date,amount\nAAA,2020-01-03,2020-01-31,0.25\n")
    draft = read_files(source(csv, splits=splits, dividends=dividends))
    assert [str(value) for value in draft.splits.rows()[0]] == ["AAA", "2020-01-03", "0.5"]
    assert [str(value) for value in draft.dividends.rows()[0]] == ["AAA", "2020-01-03", "None", "0.25"]
    assert str(read_files(source(csv, dividends=paid)).dividends["pay_date"][0]) == "2020-01-31"


def test_events_are_derived_from_an_adjusted_close(tmp_path: Path) -> None:
    csv = written(
        tmp_path / "AAA.csv",
        "date,open,high,low,close,volume,Adj Close\n2020-01-02,10,10,10,10,1,5\n2020-01-03,5,5,5,5,1,5\n",
    )
    assert read_files(source(csv, adjusted_close="Adj Close")).splits["ratio"].to_list() == [0.5]


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        (
            BARS.replace("close", "last"),
            {},
            "bars.csv: there must be one column close; there are: symbol, date, open, high, low, last, volume",
        ),
        (BARS, {"columns": {"close": "Last"}}, "there must be one column Last"),
        (BARS.replace("date", "day"), {}, "there must be one column date or session"),
        (BARS.replace("10.5,100", "much,100"), {}, "bars.csv: column close holds something that is no number"),
        (BARS.replace("2020-01-02", "yesterday"), {}, "bars.csv: column date holds something that is no date"),
        (BARS.replace("\n", ",currency\n", 1).replace("00\n", "00,EUR\n"), {}, "a dataset has one currency, USD, not also EUR"),
        (BARS, {"adjusted_close": "close", "splits": Path("x.csv")}, "either an adjusted close or files"),
        ("", {}, "bars.csv: can't be read"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, text: str, options: dict[str, object], complaint: str) -> None:
    with pytest.raises(IngestRefused) as refused:
        read_files(source(written(tmp_path / "bars.csv", text), **options))
    assert complaint in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestRefused, match=r"nothing\.csv: can't be read"):
        read_files(source(tmp_path / "nothing.csv"))


def test_a_file_of_its_one_currency_is_fine(tmp_path: Path) -> None:
    text = BARS.replace("\n", ",Currency\n", 1).replace("00\n", "00,USD\n")
    assert read_files(source(written(tmp_path / "bars.csv", text))).currency == "USD"


def test_no_files_give_no_bars() -> None:
    assert read_files(source()).bars.is_empty()
