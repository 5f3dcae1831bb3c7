from __future__ import annotations

from pathlib import Path

import pytest

from engine_service.datasets import Catalogue
from engine_service.ingest import main

BARS = "date,open,high,low,last,volume\n2020-01-02,1,1,1,1,1\n2020-01-03,{price},2,1,2,1\n"


def arguments(tmp_path: Path, price: str, rows: int = 0) -> list[str]:
    path = tmp_path / "AAA.csv"
    path.write_text(BARS.format(price=price) + "".join(f"2019-{1 + row // 28:02}-{1 + row % 28:02},1,1,1,1,-1\n" for row in range(rows)))
    options = ["--name", "mine", "--calendar", "XNYS", "--currency", "USD", "--source", "me", "--licence", "free"]
    return ["files", str(path), *options, "--column", "close=last", "--data-dir", str(tmp_path)]


def test_files_become_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path, "1.5")) == 0
    dataset = Catalogue(tmp_path).latest("mine")
    assert dataset is not None
    assert capsys.readouterr().out == f"mine: 1 symbols, 2 bars, 2020-01-02 to 2020-01-03, fingerprint {dataset.fingerprint}\n"
    assert (dataset.source, dataset.licence) == ("me", "free")


def test_problems_are_printed_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path, "-1")) == 1
    assert capsys.readouterr().err == "AAA 2020-01-03: open must be a number above 0\n"


def test_too_many_problems_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path, "1", rows=280)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 201
    assert lines[-1].startswith("... and ")


def test_the_sample_goes_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEDECK_DATA_DIR", str(tmp_path))
    assert main(["wiki"]) == 0
    assert "wiki: 5 symbols, 12154 bars, 2000-03-01 to 2013-03-01" in capsys.readouterr().out
    assert Catalogue(tmp_path).names() == ["wiki"]


def test_a_mapping_that_is_none_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*arguments(tmp_path, "1"), "--column", "nonsense"])
    assert stopped.value.code == 2
    assert "OURS=THEIRS" in capsys.readouterr().err


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ZIPLINE_ROOT", str(tmp_path))
    assert main(["bundle", "nowhere", "--name", "mine", "--currency", "USD", "--data-dir", str(tmp_path)]) == 1
    assert "the bundle nowhere can't be read" in capsys.readouterr().err
