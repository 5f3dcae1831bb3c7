"""A run that comes as a whole, after it has ended: checked and written as one that is recorded, with what became of it since."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.models import MAX_NOTE_CHARS, runs
from store_service.recording import rows
from store_service.recording.changes import Changes
from store_service.recording.checks import Problems, check_text
from store_service.recording.driver import DriverStatement, pipelined
from store_service.runs.organizing import MAX_LABEL_KEY_CHARS, MAX_LABEL_VALUE_CHARS, MAX_LABELS

_VERSION, _VARIANT = 7 << 76, 2 << 62
_RANDOM_BITS = ~(0xF << 76 | 0x3 << 62)

# All columns are given: unlike a run that is recorded while it is executed, it ended at a time of its own.
_INSERT = DriverStatement(postgresql.insert(runs).on_conflict_do_nothing(), [column.name for column in runs.columns])


@dataclass(frozen=True, slots=True)
class WholeRun:
    """A run that has ended."""

    run_id: uuid.UUID
    changes: Changes
    """What its events make of a run that has none."""
    values: rows.Row
    """Columns of `runs` that its events don't say, or not rightly any more."""


def derived_id(milliseconds: int, digest: bytes) -> uuid.UUID:
    """A UUID, version 7, of an instant and of at least 10 bytes that stand for a content: equal for equal ones, at every time."""
    bits = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(digest[:10], "big")
    return uuid.UUID(int=bits & _RANDOM_BITS | _VERSION | _VARIANT)


def check_labels_and_note(labels: Mapping[str, str], note: str, path: str, problems: Problems) -> None:
    """Check what can be changed of a run later, by the rules that hold then; labels of sweeps are like those of runs.

    Args:
        labels: All of them.
        note: The note, or "".
        path: Where both are, with the dot that follows; or "".
        problems: Where to add what is wrong.
    """
    if len(labels) > MAX_LABELS:
        problems.add(f"{path}labels", f"has {len(labels)} labels, at most {MAX_LABELS} are kept")
    for key, value in labels.items():
        check_text(key + value, f"{path}labels[{key[:80]!r}]", problems)
        if not 0 < len(key) <= MAX_LABEL_KEY_CHARS or len(value) > MAX_LABEL_VALUE_CHARS:
            limits = f"a key has 1 to {MAX_LABEL_KEY_CHARS} characters, a value at most {MAX_LABEL_VALUE_CHARS}"
            problems.add(f"{path}labels[{key[:80]!r}]", limits)
    check_text(note, f"{path}note", problems)
    if len(note) > MAX_NOTE_CHARS:
        problems.add(f"{path}note", f"has at most {MAX_NOTE_CHARS:,} characters, not {len(note):,}")


async def insert_head(connection: AsyncConnection, run: WholeRun) -> bool:
    """Insert the row of `runs`; False when the run or its request_id is there already."""
    return (await insert_heads(connection, [run]))[0]


async def insert_heads(connection: AsyncConnection, whole_runs: Sequence[WholeRun]) -> list[bool]:
    """Insert the rows of `runs`, one after the other; False for each that is there already, or whose request_id is."""
    async with pipelined(connection):
        cursors = [await _INSERT.run(connection, _head(run)) for run in whole_runs]
    return [cursor.rowcount == 1 for cursor in cursors]


def _head(run: WholeRun) -> rows.Row:
    row = {"writer_epoch": 1, "claim_count": 0, "cancel_requested": False, "run_id": run.run_id}
    progress = {field.name: getattr(run.changes.progress, field.name) for field in fields(run.changes.progress)}  # asdict copies deep
    return {**row, **run.changes.values, **progress, **run.values}


def trips_of(stored: Sequence[WholeRun]) -> list[rows.Record]:
    """The rows of `round_trips` of some runs."""
    return [trip for run in stored for trip in run.changes.trips]
