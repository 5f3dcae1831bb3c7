"""The SQL of reading, changing and deleting runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, Column, Delete, Select, Update, Uuid, any_, bindparam, delete, func, literal, select, update

from store_service.conversions import RUN_COLUMNS, is_live
from store_service.filter_fields import Condition
from store_service.models import SORTABLE_METRICS, is_kept, run_batches, runs

SORT_KEYS: Mapping[str, Column[Any]] = {
    name: runs.c[name]
    for name in (
        *("create_time", "finish_time", "start_date", "end_date", "capital_base", "execution_seconds", "session_count"),
        *SORTABLE_METRICS,
    )
}
"""What runs are sorted by. create_time and every metric have an index; the others are sorted when they are asked for."""

TIES = (runs.c.run_id,)
"""What orders runs whose keys are equal."""

GET_RUN = select(*RUN_COLUMNS).where(runs.c.run_id == bindparam("run_id"))
GET_RUNS = select(*RUN_COLUMNS).where(runs.c.run_id.in_(bindparam("run_ids", expanding=True)))
GET_CURVES = (
    select(run_batches.c.run_id, run_batches.c.session_dates, run_batches.c.portfolio_values)
    .where(run_batches.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(run_batches.c.run_id, run_batches.c.sequence)
)

GET_PROGRESS = select(runs.c.state, runs.c.next_sequence).where(runs.c.run_id == bindparam("run_id"))


def keep_verdict(run_id: uuid.UUID, verdict: bytes) -> Update:
    """Store the verdict on a replay; the first one stays."""
    return update(runs).where(runs.c.run_id == run_id, runs.c.verdict.is_(None)).values(verdict=verdict)


def count(condition: Condition, *, show_deleted: bool = False) -> Select[int]:
    """Number of runs."""
    return select(func.count()).select_from(runs).where(*_listed(show_deleted), condition)


def list_runs(condition: Condition, *, show_deleted: bool = False) -> Select[Any]:
    """Runs, in no order yet."""
    return select(*RUN_COLUMNS).where(*_listed(show_deleted), condition)


def _listed(show_deleted: bool) -> Sequence[Condition]:
    return () if show_deleted else (is_kept,)


# NO KEY UPDATE: batches and round trips of the run may be written meanwhile.
LOCK_CHANGEABLE = (
    select(runs.c.labels, runs.c.note, runs.c.delete_time).where(runs.c.run_id == bindparam("run_id")).with_for_update(key_share=True)
)


def change(run_id: uuid.UUID, labels: Mapping[str, str], note: str | None) -> Update:
    """Set what can be changed of a run."""
    return update(runs).where(runs.c.run_id == run_id).values(labels=labels, note=note)


def named(run_ids: Sequence[uuid.UUID]) -> Condition:
    """Whether a run is one of these."""
    return runs.c.run_id == any_(literal(run_ids, ARRAY(Uuid)))


def deletable(condition: Condition, limit: int, *, lock: bool) -> Select[Any]:
    """Runs to delete, and what is to know of them before. Locked in one order, so that two callers never wait for each other."""
    found = select(runs.c.run_id, is_live.label("is_live"), is_kept.label("is_kept")).where(condition).order_by(runs.c.run_id).limit(limit)
    return found.with_for_update(key_share=True) if lock else found


def delete_runs(run_ids: Sequence[uuid.UUID], purge_after: timedelta) -> Update:
    """Mark runs as deleted."""
    return update(runs).where(named(run_ids)).values(delete_time=func.now(), purge_time=func.now() + purge_after)


def undelete_run(run_id: uuid.UUID) -> Update:
    """Mark a run as not deleted; no row when there is no such run, or it is not deleted."""
    return update(runs).where(runs.c.run_id == run_id, ~is_kept).values(delete_time=None, purge_time=None)


def lock_purgeable(limit: int, *, at_once: bool) -> Select[Any]:
    """Deleted runs to remove for good, locked; those that somebody else removes or brings back are passed over."""
    due = () if at_once else (runs.c.purge_time <= func.now(),)
    found = select(runs.c.run_id).where(runs.c.delete_time.is_not(None), *due).order_by(runs.c.purge_time).limit(limit)
    return found.with_for_update(skip_locked=True)


def purge_runs(run_ids: Sequence[uuid.UUID]) -> Delete:
    """Remove runs and, by their foreign keys, all that belongs to them."""
    return delete(runs).where(named(run_ids))
