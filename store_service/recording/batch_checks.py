"""What sessions may be stored: dates in order, columns of one length, symbols of the spec, finite numbers.

Columns are checked as a whole, all of a kind at once; which value is wrong is looked for only when one is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from store_service.recording.checks import Problems
from store_service.recording.columns import DENSE, SPARSE, UNKNOWN_SYMBOL, Array, BatchColumns, SparseField, SparseGroup

_PATHS = {name: f"{name}[{{}}]" for name in DENSE} | {
    field.column: f"{group.field}[{{}}].{field.name}" for group in SPARSE for field in group.columns
}
"""Where a value of a column is in its batch."""

_SPARSE_FIELDS = [(group, field) for group in SPARSE for field in group.columns]
_DENSE_FLOATS = [name for name, dtype in DENSE.items() if dtype.kind == "f"]
_SPARSE_FLOATS = [(group, field) for group, field in _SPARSE_FIELDS if field.dtype.kind == "f"]
_FLOATS = [*_DENSE_FLOATS, *(field.column for _, field in _SPARSE_FLOATS)]
_SYMBOLS = [(group, field) for group, field in _SPARSE_FIELDS if field.is_symbol]
_OPTIONAL_DATES = [(group, field) for group, field in _SPARSE_FIELDS if field.is_optional and field.dtype.kind == "i"]
_ENTRY_DATES = [group.columns[0].column for group in SPARSE]

_FIRST_DATE, _LAST_DATE = 1_01_01, 9999_12_31
_LEAP_DAY = 2_29
_DAYS = np.zeros(10_000, np.bool_)
"""Whether month * 100 + day is a day of a leap year."""
for _month, _length in enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1):
    _DAYS[_month * 100 + 1 : _month * 100 + _length + 1] = True


def check_batches(
    columns: BatchColumns, paths: Sequence[str], last_session_date: int | None, problems: Problems, *, needs_cash: bool = True
) -> None:
    """Check the sessions of a message.

    Args:
        columns: Its batches.
        paths: Where each batch is in the request, such as "events[3].sessions".
        last_session_date: The last session that is stored, as yyyymmdd; None when none is.
        problems: Where to add what is wrong.
        needs_cash: Whether every batch must have cash; else one may have none.
    """
    if not columns.batches:
        return
    _check_lengths(columns, paths, problems, needs_cash=needs_cash)
    if _check_dates(columns, paths, last_session_date, problems):
        _check_entry_dates(columns, paths, problems)
    _check_symbols(columns, paths, problems)
    _check_optional_dates(columns, paths, problems)
    _check_finite(columns, paths, problems)


def are_dates(yyyymmdd: Array) -> Array:
    """Which of the numbers are dates of the years 1 to 9999."""
    years = yyyymmdd // 10_000
    days = yyyymmdd - years * 10_000
    right: Array = _DAYS[days] & (yyyymmdd >= _FIRST_DATE) & (yyyymmdd <= _LAST_DATE)
    for place in np.flatnonzero(days == _LEAP_DAY).tolist():
        year = int(years[place])
        right[place] &= year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return right


def _check_lengths(columns: BatchColumns, paths: Sequence[str], problems: Problems, *, needs_cash: bool) -> None:
    bounds = columns.bounds["session_dates"]
    if bounds == columns.bounds["portfolio_values"] == columns.bounds["cash"] and all(start < end for start, end in pairwise(bounds)):
        return
    for batch, path in zip(columns.batches, paths, strict=True):
        count = len(batch.session_dates)
        if not 0 < count == len(batch.portfolio_values) == (len(batch.cash) if needs_cash or batch.cash else count):
            problems.add(path, "session_dates, portfolio_values and cash must have the same length, at least 1")


def _check_dates(columns: BatchColumns, paths: Sequence[str], last_session_date: int | None, problems: Problems) -> bool:
    dates = columns.arrays["session_dates"]
    wrong = ~are_dates(dates)
    unordered = np.empty(len(dates), np.bool_)
    unordered[:1] = dates[:1] <= (last_session_date or 0)
    unordered[1:] = dates[1:] <= dates[:-1]
    if wrong.any():
        problems.add(_path(columns, "session_dates", int(np.argmax(wrong)), paths), "must be a date as yyyymmdd")
    if unordered.any():
        path = _path(columns, "session_dates", int(np.argmax(unordered)), paths)
        problems.add(path, "must be after the session before it, also from one batch to the next")
    return not (wrong.any() or unordered.any())


def _check_entry_dates(columns: BatchColumns, paths: Sequence[str], problems: Problems) -> None:
    """Entries of all kinds belong to sessions of their own batch, and those of a kind are in order."""
    kinds = [columns.arrays[column] for column in _ENTRY_DATES]
    dates, sessions = np.concatenate(kinds), columns.arrays["session_dates"]
    if not len(dates) or not len(sessions):  # that there are none is said already
        return
    counts = [end - start for column in _ENTRY_DATES for start, end in pairwise(columns.bounds[column])]
    bounds = columns.bounds["session_dates"]
    first, after_last = (np.repeat(edge * len(kinds), counts) for edge in (bounds[:-1], bounds[1:]))
    at = np.searchsorted(sessions, dates)
    wrong = (at < first) | (at >= after_last) | (sessions[np.minimum(at, len(sessions) - 1)] != dates)
    is_before = np.append(False, dates[1:] < dates[:-1])
    starts = list(accumulate(map(len, kinds), initial=0))
    is_before[[start for start in starts if start < len(dates)]] = False
    wrong |= is_before
    if wrong.any():
        for column, (start, end) in zip(_ENTRY_DATES, pairwise(starts), strict=True):
            if wrong[start:end].any():
                path = _path(columns, column, int(np.argmax(wrong[start:end])), paths)
                problems.add(path, "must be a session of its batch, not before the entry before")


def _check_symbols(columns: BatchColumns, paths: Sequence[str], problems: Problems) -> None:
    for group, field in _SYMBOLS:
        for index in np.flatnonzero(columns.arrays[field.column] == UNKNOWN_SYMBOL).tolist():
            symbol = _entry(columns, group, field, index).symbol
            problems.add(_path(columns, field.column, index, paths), f"{symbol!r} is not one of the spec's symbols")


def _check_optional_dates(columns: BatchColumns, paths: Sequence[str], problems: Problems) -> None:
    """Dates that are there must not look like dates that are absent."""
    for group, field in _OPTIONAL_DATES:
        right = are_dates(columns.arrays[field.column])
        if len(right) - np.count_nonzero(right) == columns.absent_counts[field.column]:
            continue
        for index in np.flatnonzero(~right).tolist():
            if _entry(columns, group, field, index).HasField(field.name):
                problems.add(_path(columns, field.column, index, paths), "must be a date as yyyymmdd")


def _check_finite(columns: BatchColumns, paths: Sequence[str], problems: Problems) -> None:
    """Numbers are finite; those that are absent are NaN, so there must be no more of what is not finite."""
    values = np.concatenate([columns.arrays[name] for name in _FLOATS])
    absent = sum(columns.absent_counts[field.column] for _, field in _SPARSE_FLOATS if field.is_optional)
    if len(values) - np.count_nonzero(np.isfinite(values)) == absent:
        return
    for name in _DENSE_FLOATS:
        for index in np.flatnonzero(~np.isfinite(columns.arrays[name])).tolist():
            problems.add_unstorable(_path(columns, name, index, paths), _not_finite(float(columns.arrays[name][index])))
    for group, field in _SPARSE_FLOATS:
        for index in np.flatnonzero(~np.isfinite(columns.arrays[field.column])).tolist():
            entry = _entry(columns, group, field, index)
            if not field.is_optional or entry.HasField(field.name):
                problems.add_unstorable(_path(columns, field.column, index, paths), _not_finite(getattr(entry, field.name)))


def _path(columns: BatchColumns, column: str, index: int, paths: Sequence[str]) -> str:
    """Where a value is in the request."""
    number, place = columns.locate(column, index)
    return f"{paths[number]}.{_PATHS[column].format(place)}"


def _entry(columns: BatchColumns, group: SparseGroup, field: SparseField, index: int) -> Any:
    """The message that a value of a sparse column comes from."""
    number, place = columns.locate(field.column, index)
    return getattr(columns.batches[number], group.field)[place]


def _not_finite(value: float) -> str:
    return f"is {value}; only finite numbers are stored"
