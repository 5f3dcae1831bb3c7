"""Between rows and messages, and between ids as callers write them and as the database keeps them."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import ColumnElement, Row, and_, case, func, literal_column, select

from store_service.models import RESULT_METRICS, SORTABLE_METRICS, is_kept, runs, sweep_results, sweeps
from store_service.strategy_models import run_iterations, strategy_iterations, strategy_versions, suggestions
from store_service.violations import refuse
from tapedeck.v1 import run_pb2, store_service_pb2, strategy_pb2, sweep_pb2
from tapedeck_rpc import errors

LIVE_STATES = (run_pb2.RUN_STATE_QUEUED, run_pb2.RUN_STATE_RUNNING)
"""States of a run that has not ended; STALE is one of them whose lease has expired, and is never stored."""

TERMINAL_STATES = frozenset({run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED})
"""States in which nothing happens to a run any more."""

is_live: ColumnElement[bool] = runs.c.state.in_([literal_column(str(int(state))) for state in LIVE_STATES])
"""Whether the run has not ended, written so that it uses ix_runs_live."""

is_stale: ColumnElement[bool] = and_(is_live, runs.c.lease_expire_time < func.now())
"""Whether the run's engine has not been heard of for longer than its lease, by the database's clock."""

current_state: ColumnElement[int] = case((is_stale, int(run_pb2.RUN_STATE_STALE)), else_=runs.c.state)
"""The run's state as callers see it: STALE is derived, not stored."""

has_succeeded: ColumnElement[bool] = and_(runs.c.state == literal_column(str(int(run_pb2.RUN_STATE_SUCCEEDED))), is_kept)
"""Whether the run has a result and is not deleted, written so that it uses ix_runs_similar."""

_iteration = select(run_iterations.c.iteration).where(run_iterations.c.run_id == runs.c.run_id).correlate(runs).scalar_subquery()
_version = (
    select(strategy_versions.c.version_id)
    .join(
        run_iterations,
        and_(run_iterations.c.strategy == strategy_versions.c.name, run_iterations.c.source_digest == strategy_versions.c.source_digest),
    )
    .where(run_iterations.c.run_id == runs.c.run_id)
    .correlate(runs)
    .scalar_subquery()
)

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
    *(runs.c.note, runs.c.delete_time, runs.c.purge_time, runs.c.flags),
    *(_iteration.label("iteration"), _version.label("strategy_version")),
)
"""What a Run is made of. Most of it stands in its first and last event as they arrived: two parses instead of fifty columns."""

SWEEP_COLUMNS = (sweeps.c.sweep_id, sweeps.c.state, sweeps.c.source, sweeps.c.finish_time, sweeps.c.started, sweeps.c.finished)
"""What a Sweep is made of."""

RESULT_COLUMNS = (
    *(sweep_results.c.sweep_id, sweep_results.c.number, sweep_results.c.symbol, sweep_results.c.parameters, sweep_results.c.create_time),
    *(sweep_results.c[name] for name in RESULT_METRICS),
    sweeps.c.strategy,
    select(runs.c.run_id)
    .where(runs.c.sweep_id == sweep_results.c.sweep_id, runs.c.sweep_number == sweep_results.c.number, is_kept)
    .order_by(runs.c.create_time.desc())
    .limit(1)
    .scalar_subquery()
    .label("promoted_run_id"),
)
"""What a SweepResult is made of. Which run was made of it is known from the runs."""

VERSION_COLUMNS = (
    *(strategy_versions.c.version_id, strategy_versions.c.name, strategy_versions.c.source_digest, strategy_versions.c.parameters),
    *(strategy_versions.c.parent_version_id, strategy_versions.c.notes, strategy_versions.c.create_time),
    select(strategy_iterations.c.last_iteration)
    .where(
        strategy_iterations.c.strategy == strategy_versions.c.name,
        strategy_iterations.c.source_digest == strategy_versions.c.source_digest,
    )
    .scalar_subquery()
    .label("iteration_count"),
)
"""What a StrategyVersion is made of, but for its source code."""

SUGGESTION_COLUMNS = (
    *(suggestions.c.suggestion_id, suggestions.c.run_id, runs.c.strategy, suggestions.c.priority, suggestions.c.description),
    *(suggestions.c.specific_changes, suggestions.c.expected_impact, suggestions.c.rationale, suggestions.c.references),
    suggestions.c.create_time,
)
"""What a Suggestion is made of."""

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
        note=row.note,
        etag=etag_of(row.labels, row.note),
        delete_time=_timestamp(row.delete_time),
        purge_time=_timestamp(row.purge_time),
        strategy_version=_text_of(row.strategy_version),
        iteration=row.iteration or 0,
        flags=row.flags,
    )
    if full:
        run.provenance.CopyFrom(started.provenance)
        run.request_id = started.request_id
        run.next_sequence = row.next_sequence
    return run


def etag_of(labels: Mapping[str, str], note: str | None) -> str:
    """A name of what can be changed of a run, equal while that is the same: 16 hexadecimal digits."""
    changeable = json.dumps([dict(labels), note], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(changeable.encode()).hexdigest()[:16]


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


def to_version(row: Row[*tuple[Any, ...]], source_code: str = "") -> strategy_pb2.StrategyVersion:
    """The version that a row of VERSION_COLUMNS describes."""
    return strategy_pb2.StrategyVersion(
        version_id=str(row.version_id),
        name=row.name,
        source_digest=row.source_digest,
        source_code=source_code,
        parameters=row.parameters,
        parent_version_id=_text_of(row.parent_version_id),
        notes=row.notes or "",
        create_time=_timestamp(row.create_time),
        iteration_count=row.iteration_count or 0,
    )


def to_suggestion(row: Row[*tuple[Any, ...]]) -> strategy_pb2.Suggestion:
    """The suggestion that a row of SUGGESTION_COLUMNS describes."""
    return strategy_pb2.Suggestion(
        suggestion_id=str(row.suggestion_id),
        run_id=str(row.run_id),
        strategy=row.strategy,
        priority=row.priority,
        description=row.description,
        specific_changes=row.specific_changes,
        expected_impact=row.expected_impact,
        rationale=row.rationale,
        references=row.references,
        create_time=_timestamp(row.create_time),
    )


def _text_of(key: uuid.UUID | None) -> str:
    return "" if key is None else str(key)


def _timestamp(time: Any) -> Timestamp | None:
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
