from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine_service.ingest import IngestRefused, ingest, ingest_sample
from tests.fix_datasets import synthetic_draft


def test_the_sample_has_the_same_fingerprint_wherever_it_is_made(data_dir: Path, tmp_path: Path) -> None:
    assert ingest_sample(tmp_path).fingerprint == ingest_sample(data_dir).fingerprint


def test_an_unknown_calendar_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(IngestRefused, match=r"there is no calendar MARS; there are: .*XNYS"):
        ingest(replace(synthetic_draft({"AAA": [1.0]}), calendar="MARS"), tmp_path)


def test_a_calendar_that_does_not_go_back_far_enough_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestRefused, match="the calendar XKRX does not cover the data"):
        ingest(replace(synthetic_draft({"AAA": [1.0]}, start="1950-01-03"), calendar="XKRX"), tmp_path)


def test_data_with_problems_leave_nothing_on_disk(tmp_path: Path) -> None:
    with pytest.raises(IngestRefused) as refused:
        ingest(synthetic_draft({"AAA": [1.0, -1.0]}), tmp_path)
    assert refused.value.problems[0] == "AAA 2020-01-03: open must be a number above 0"
    assert list(tmp_path.iterdir()) == []


def test_a_draft_without_bars_is_refused(tmp_path: Path) -> None:
    draft = synthetic_draft({"AAA": [1.0]})
    with pytest.raises(IngestRefused, match="there are no bars"):
        ingest(replace(draft, bars=draft.bars.clear()), tmp_path)


def test_one_symbol_after_the_other_or_mixed_makes_the_same_dataset(tmp_path: Path) -> None:
    draft = synthetic_draft({"AAA": [1.0, 2.0], "BBB": [3.0, 4.0]}, splits=[("BBB", "2020-01-03", 0.5)])
    mixed = replace(draft, bars=draft.bars.sort("date", "symbol"))
    assert ingest(draft, tmp_path).fingerprint == ingest(mixed, tmp_path).fingerprint


def test_a_calendar_may_be_named_by_an_alias(tmp_path: Path) -> None:
    draft = synthetic_draft({"AAA": [1.0, 2.0]})
    dataset = ingest(replace(draft, calendar="NYSE"), tmp_path)
    assert dataset.calendar == "XNYS"
    assert dataset.fingerprint == ingest(draft, tmp_path).fingerprint
