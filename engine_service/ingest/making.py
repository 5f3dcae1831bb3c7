"""A source gives a draft; a draft without problems becomes a version of a dataset on disk."""

from __future__ import annotations

import dataclasses
import datetime as dt
from importlib.resources import as_file, files
from pathlib import Path

import exchange_calendars

from engine_service.datasets import Dataset
from engine_service.ingest.bar_files import read_files, sample
from engine_service.ingest.checks import problems
from engine_service.ingest.draft import Draft, IngestRefused
from engine_service.ingest.writing import write_dataset

ROOM_DAYS = 31
"""How far the calendar reaches beyond both ends of the data: no exchange in use has closed for longer, so a session before and one after
are in it. zipline needs the one before: to it, midnight of a calendar's first session lies outside the calendar."""


def ingest(draft: Draft, data_dir: Path) -> Dataset:
    """Check a draft and write it as the latest version of its dataset.

    Raises:
        IngestRefused: with everything that is wrong with the data.
    """
    calendar = _calendar(draft)
    draft = dataclasses.replace(draft, calendar=calendar.name)  # an alias, such as NYSE, becomes the calendar's own name
    sessions = [session.date() for session in calendar.sessions]
    if found := problems(draft, sessions):
        raise IngestRefused(found)
    return write_dataset(draft, sessions, data_dir)


def ingest_sample(data_dir: Path) -> Dataset:
    """Make the dataset `wiki` from the prices that are shipped."""
    with as_file(files("engine_service") / "sample" / "wiki_prices.csv.gz") as path:
        return ingest(read_files(sample(path)), data_dir)


def _calendar(draft: Draft) -> exchange_calendars.ExchangeCalendar:
    """The draft's calendar from before its first bar to beyond its last bar and pay date."""
    names = exchange_calendars.get_calendar_names()
    if draft.calendar not in names:
        raise IngestRefused([f"there is no calendar {draft.calendar}; there are: {', '.join(names)}"])
    dates = [*draft.bars["date"].drop_nulls(), *draft.dividends["pay_date"].drop_nulls()]
    if not dates:
        raise IngestRefused(["there are no bars"])
    room = dt.timedelta(days=ROOM_DAYS)
    try:
        return exchange_calendars.get_calendar(draft.calendar, start=min(dates) - room, end=max(dates) + room, side="right")
    except ValueError as error:
        raise IngestRefused([f"the calendar {draft.calendar} does not cover the data: {error}"]) from error
