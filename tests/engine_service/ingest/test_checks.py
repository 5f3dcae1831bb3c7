from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from engine_service.ingest.checks import problems
from engine_service.ingest.draft import BARS, Draft
from tests.fix_datasets import synthetic_draft, xnys_sessions

SESSIONS = [dt.date.fromisoformat(date) for date in xnys_sessions("2020-01-02", 10)]
GOOD = synthetic_draft({"AAA": [10.0] * 5, "BBB": [20.0] * 5})


def with_bar(draft: Draft, **changes: object) -> Draft:
    """The draft with the third bar of AAA changed."""
    bars = draft.bars.to_dicts()
    bars[2] |= changes
    return replace(draft, bars=pl.DataFrame(bars, schema=BARS))


def test_good_data_have_no_problems() -> None:
    assert problems(GOOD, SESSIONS) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"close": 0.0}, "AAA 2020-01-06: close must be a number above 0"),
        ({"open": -1.0}, "AAA 2020-01-06: open must be a number above 0"),
        ({"high": None}, "AAA 2020-01-06: high must be a number above 0"),
        ({"low": float("nan"), "high": float("inf")}, "AAA 2020-01-06: low must be a number above 0"),
        ({"high": 9.0}, "AAA 2020-01-06: high is below low"),
        ({"volume": -1.0}, "AAA 2020-01-06: volume must be a number, 0 or more"),
        ({"volume": None}, "AAA 2020-01-06: volume must be a number, 0 or more"),
        ({"date": dt.date(2020, 1, 4)}, "AAA 2020-01-04: is no session of the calendar"),
        ({"date": dt.date(2020, 1, 3)}, "AAA 2020-01-03: there is a bar already"),
        ({"date": dt.date(2020, 1, 9)}, "AAA 2020-01-07: comes after a later date"),
        ({"symbol": "A B"}, "'A B' is no symbol: it must match [A-Za-z0-9][A-Za-z0-9.^=_/-]{0,31}"),
        ({"symbol": None}, "None is no symbol: it must match [A-Za-z0-9][A-Za-z0-9.^=_/-]{0,31}"),
        ({"symbol": "b-bb"}, "the symbols b-bb, BBB are the same to zipline: rename them"),
    ],
)
def test_a_bad_bar_is_named_by_symbol_and_date(changes: dict[str, object], problem: str) -> None:
    assert problem in problems(with_bar(GOOD, **changes), SESSIONS)


def test_all_problems_are_found_at_once() -> None:
    found = problems(with_bar(replace(GOOD, name="No Name", currency="dollars", licence="two\nlines"), close=-1.0, volume=-1.0), SESSIONS)
    assert [problem.split(" ")[0:2] for problem in found] == [["the", "name"], ["the", "currency"], ["the", "licence"]] + [
        ["AAA", "2020-01-06:"]
    ] * 2


def test_no_bars_are_no_dataset() -> None:
    assert problems(replace(GOOD, bars=GOOD.bars.clear()), SESSIONS) == ["there are no bars"]


@pytest.mark.parametrize(
    ("split", "problem"),
    [
        (("AAA", "2020-01-04", 0.5), "AAA 2020-01-04: the ex-date of a split must be a session of the calendar"),
        (("AAA", "2020-01-09", 0.5), "AAA 2020-01-09: the ex-date of a split must lie within the bars, 2020-01-02 to 2020-01-08"),
        (("CCC", "2020-01-06", 0.5), "CCC 2020-01-06: there is a split but no bar"),
        (("AAA", "2020-01-06", 0.0), "AAA 2020-01-06: the ratio of a split must be above 0 and not 1, not 0.0"),
        (("AAA", "2020-01-06", 1.0), "AAA 2020-01-06: the ratio of a split must be above 0 and not 1, not 1.0"),
        (("AAA", "2020-01-06", float("nan")), "AAA 2020-01-06: the ratio of a split must be above 0 and not 1, not nan"),
        (("AAA", "2020-01-06", None), "AAA 2020-01-06: the ratio of a split must be above 0 and not 1, not None"),
    ],
)
def test_a_bad_split_is_refused(split: tuple[str, str, float], problem: str) -> None:
    draft = synthetic_draft({"AAA": [10.0] * 5, "BBB": [20.0] * 6}, splits=[split])
    assert problems(draft, SESSIONS) == [problem]


@pytest.mark.parametrize(
    ("dividend", "problem"),
    [
        (("AAA", "2020-01-05", None, 1.0), "AAA 2020-01-05: the ex-date of a dividend must be a session of the calendar"),
        (("AAA", "2020-01-09", None, 1.0), "AAA 2020-01-09: the ex-date of a dividend must lie within the bars, 2020-01-02 to 2020-01-08"),
        (("CCC", "2020-01-06", None, 1.0), "CCC 2020-01-06: there is a dividend but no bar"),
        (("AAA", "2020-01-06", None, 0.0), "AAA 2020-01-06: the amount of a dividend must be above 0, not 0.0"),
        (("AAA", "2020-01-06", None, 10.0), "AAA 2020-01-06: a dividend of 10.0 is not below the last close before it, 10.0"),
        (("AAA", "2020-01-06", "2020-01-03", 1.0), "AAA 2020-01-06: the dividend would be paid before its ex-date, on 2020-01-03"),
    ],
)
def test_a_bad_dividend_is_refused(dividend: tuple[str, str, str | None, float], problem: str) -> None:
    draft = synthetic_draft({"AAA": [10.0] * 5, "BBB": [20.0] * 6}, dividends=[dividend])
    assert problems(draft, SESSIONS) == [problem]


def test_an_event_that_is_there_twice_is_refused_but_two_different_dividends_of_a_day_are_fine() -> None:
    twice = synthetic_draft(
        {"AAA": [10.0] * 5},
        splits=[("AAA", "2020-01-06", 0.5), ("AAA", "2020-01-06", 0.25)],
        dividends=[("AAA", "2020-01-07", None, 1.0), ("AAA", "2020-01-07", None, 1.0), ("AAA", "2020-01-07", None, 2.0)],
    )
    assert problems(twice, SESSIONS) == ["AAA 2020-01-06: there are two splits", "AAA 2020-01-07: there are two equal dividends"]
