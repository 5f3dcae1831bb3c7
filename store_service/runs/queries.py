"""The SQL of reading runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Select, Update, bindparam, func, select, update

from store_service.conversions import RUN_COLUMNS
from store_service.filter_fields import Condition
from store_service.models import SORTABLE_METRICS, run_batches, runs

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


def count(condition: Condition) -> Select[int]:
    """Number of runs."""
    return select(func.count()).select_from(runs).where(condition)


def list_runs(condition: Condition) -> Select[Any]:
    """Runs, in no order yet."""
    return select(*RUN_COLUMNS).where(condition)
