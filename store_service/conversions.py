"""Between rows and messages, and between ids as callers write them and as the database keeps them."""

from __future__ import annotations

import re
import uuid
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Row, select

from store_service.models import RESULT_METRICS, SORTABLE_METRICS, current_state, runs, sweep_results, sweeps
from store_service.violations import refuse
from tapedeck.v1 import run_pb2, store_service_pb2, sweep_pb2
from tapedeck_rpc import errors

TERMINAL_STATES = frozenset({run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED})
"""States in which nothing happens to a run any more."""

RUN_COLUMNS = (
    runs.c.run_id,
    current_state.label("state"),
    runs.c.started,
    runs.c.finished,
    runs.c.labels,
    runs.c.finish_time,
    runs.c.sessions_recorded,
    runs.c.next_sequence,
    runs.c.replay_of,
    runs.c.verdict,
)
"""What a Run is made of. Most of it stands in its first and last event as they arrived: two parses instead of fifty columns."""

SWEEP_COLUMNS = (sweeps.c.sweep_id, sweeps.c.state, sweeps.c.source, sweeps.c.finish_time, sweeps.c.started, sweeps.c.finished)
"""What a Sweep is made of."""

RESULT_COLUMNS = (
    *(sweep_results.c.sweep_id, sweep_results.c.number, sweep_results.c.symbol, sweep_results.c.parameters, sweep_results.c.create_time),
    *(sweep_results.c[name] for name in RESULT_METRICS),
    sweeps.c.strategy,
    select(runs.c.run_id)
    .where(runs.c.sweep_id == sweep_results.c.sweep_id, runs.c.sweep_number == sweep_results.c.number)
    .order_by(runs.c.create_time.desc())
    .limit(1)
    .scalar_subquery()
    .label("promoted_run_id"),
)
"""What a SweepResult is made of. Which run was made of it is known from the runs."""

RunRow = Row[*tuple[Any, ...]]
"""A row of RUN_COLUMNS, and maybe more."""

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def id_violations(text: str, field: str, noun: str) -> list[errors.Violation]:
    """What is wrong with the id of a run or a sweep: nothing, or one violation."""
    return [] if _UUID.fullmatch(text) else [errors.Violation(field, f'is not the id of a {noun}, which is a UUID: "{text[:40]}"')]


def run_id_violations(text: str, field: str = "run_id") -> list[errors.Violation]:
    """What is wrong with the id of a run: nothing, or one violation."""
    return id_violations(text, field, "run")


def parse_run_id(text: str) -> uuid.UUID:
    """The id of a run.

    Raises:
        InvalidArgument: the text is no UUID.
    """
    violations = run_id_violations(text)
    if violations:
        raise errors.InvalidArgument(violations=violations)
    return uuid.UUID(text)


def parse_sweep_id(text: str) -> uuid.UUID:
    """The id of a sweep.

    Raises:
        InvalidArgument: the text is no UUID.
    """
    violations = id_violations(text, "sweep_id", "sweep")
    if violations:
        raise errors.InvalidArgument(violations=violations)
    return uuid.UUID(text)


def is_full(view: int, *, by_default: bool) -> bool:
    """Whether a view is the FULL one.

    Raises:
        InvalidArgument: there is no such view.
    """
    if view not in store_service_pb2.RunView.values():
        raise refuse("view", f"is no view: {view}")
    return by_default if view == store_service_pb2.RUN_VIEW_UNSPECIFIED else view == store_service_pb2.RUN_VIEW_FULL


def to_run(row: RunRow, *, full: bool) -> run_pb2.Run:
    """The run that a row of RUN_COLUMNS describes, in the FULL view or the BASIC one."""
    started = run_pb2.RunStarted.FromString(row.started)
    finished = run_pb2.RunFinished.FromString(row.finished or b"")
    run = run_pb2.Run(
        run_id=started.run_id,
        spec=started.spec,
        state=row.state,
        metrics=finished.metrics if finished.HasField("metrics") else None,
        error=finished.error if finished.HasField("error") else None,
        labels=row.labels,
        create_time=started.create_time,
        finish_time=_timestamp(row.finish_time),
        execution_seconds=finished.execution_seconds,
        session_count=started.session_count,
        sessions_recorded=row.sessions_recorded,
        strategy_type=started.strategy_type,
        spec_digest=started.spec_digest,
        result_digest=finished.result_digest,
        replay=started.replay if started.HasField("replay") else None,
        sweep=started.sweep if started.HasField("sweep") else None,
        engine_kind=finished.engine_kind or started.provenance.engine_kind,
        verdict=None if row.verdict is None else run_pb2.ReplayVerdict.FromString(row.verdict),
    )
    if full:
        run.provenance.CopyFrom(started.provenance)
        run.request_id = started.request_id
        run.next_sequence = row.next_sequence
    return run


def to_sweep(row: Row[*tuple[Any, ...]]) -> sweep_pb2.Sweep:
    """The sweep that a row of SWEEP_COLUMNS describes."""
    started = sweep_pb2.SweepStarted.FromString(row.started)
    finished = sweep_pb2.SweepFinished.FromString(row.finished)
    return sweep_pb2.Sweep(
        sweep_id=started.sweep_id,
        sweep=started.sweep,
        state=row.state,
        error=finished.error if finished.HasField("error") else None,
        source=row.source,
        labels=started.labels,
        create_time=started.create_time,
        finish_time=_timestamp(row.finish_time),
        result_count=finished.result_count,
        skipped_count=started.skipped_count,
        failed_count=finished.failed_count,
        session_count=started.session_count,
        strategy_type=started.strategy_type,
        provenance=started.provenance,
        result_digest=finished.result_digest,
        execution_seconds=finished.execution_seconds,
        request_id=started.request_id,
    )


def to_sweep_result(row: Row[*tuple[Any, ...]]) -> sweep_pb2.SweepResult:
    """The result that a row of RESULT_COLUMNS describes."""
    values = row._mapping
    return sweep_pb2.SweepResult(
        sweep_id=str(row.sweep_id),
        number=row.number,
        strategy=row.strategy,
        symbol=row.symbol,
        parameters=row.parameters,
        metrics=run_pb2.Metrics(**{name: values[name] for name in SORTABLE_METRICS}),
        edge_score=row.edge_score,
        create_time=_timestamp(row.create_time),
        promoted_run_id="" if row.promoted_run_id is None else str(row.promoted_run_id),
    )


def _timestamp(time: Any) -> Timestamp | None:
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
