"""The SQL of strategy versions, of the runs of each, and of suggestions."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, literal, select
from sqlalchemy.dialects import postgresql

from store_service.conversions import RUN_COLUMNS, SUGGESTION_COLUMNS, VERSION_COLUMNS
from store_service.filter_fields import Condition
from store_service.models import is_kept, runs
from store_service.paging import OrderBy
from store_service.strategy_models import run_iterations, strategy_versions, suggestions

MAX_LINEAGE = 1_000
"""Versions of one tree: more than a person looks at, and few enough for one message."""

_known = strategy_versions.alias("known")

NEWEST_FIRST = OrderBy("create_time", strategy_versions.c.create_time, (strategy_versions.c.version_id,), descending=True)
"""The order of ListStrategyVersions."""

BY_PRIORITY = OrderBy("priority", suggestions.c.priority, (suggestions.c.create_time, suggestions.c.suggestion_id), descending=False)
"""The order of ListSuggestions."""

BY_ITERATION = OrderBy("iteration", run_iterations.c.iteration, (), descending=False)
"""The order of ListStrategyVersionRuns."""

INSERT_VERSION = (
    postgresql.insert(strategy_versions)
    .on_conflict_do_nothing(index_elements=["name", "source_digest"])
    .returning(strategy_versions.c.version_id)
)
VERSION_OF_SOURCE = select(strategy_versions.c.version_id).where(
    strategy_versions.c.name == bindparam("name"), strategy_versions.c.source_digest == bindparam("source_digest")
)
NEWEST_VERSION = (
    select(strategy_versions.c.version_id)
    .where(strategy_versions.c.name == bindparam("name"))
    .order_by(strategy_versions.c.create_time.desc(), strategy_versions.c.version_id.desc())
    .limit(1)
)
GET_VERSION = select(*VERSION_COLUMNS, strategy_versions.c.source_code).where(strategy_versions.c.version_id == bindparam("version_id"))

INSERT_SUGGESTION = (
    postgresql.insert(suggestions).on_conflict_do_nothing(index_elements=["request_id"]).returning(suggestions.c.suggestion_id)
)
GET_SUGGESTION = select(*SUGGESTION_COLUMNS).join(runs).where(suggestions.c.suggestion_id == bindparam("suggestion_id"))
SUGGESTION_OF_REQUEST = select(suggestions.c.suggestion_id, suggestions.c.request_digest).where(
    suggestions.c.request_id == bindparam("request_id")
)
# NO KEY UPDATE: the run can't be removed before the suggestion is there, and suggestions wait for each other, so that their limit holds.
LOCK_RUN = select(runs.c.delete_time).where(runs.c.run_id == bindparam("run_id")).with_for_update(key_share=True)
COUNT_SUGGESTIONS = select(func.count()).where(suggestions.c.run_id == bindparam("run_id"))
DELETE_SUGGESTION = delete(suggestions).where(suggestions.c.suggestion_id == bindparam("wanted"))


def list_versions(condition: Condition) -> Select[Any]:
    """Versions without their source code, in no order yet."""
    return select(*VERSION_COLUMNS).where(condition)


def lineage(version_id: uuid.UUID, limit: int) -> Select[Any]:
    """The versions of a tree: its root, and generation by generation what was made of that."""
    up = select(_known.c.version_id, _known.c.parent_version_id).where(_known.c.version_id == version_id).cte("up", recursive=True)
    parent = strategy_versions.alias("parent")
    up = up.union(select(parent.c.version_id, parent.c.parent_version_id).join(up, parent.c.version_id == up.c.parent_version_id))
    down = select(up.c.version_id, literal(0).label("generation")).where(up.c.parent_version_id.is_(None)).cte("down", recursive=True)
    child = strategy_versions.alias("child")
    down = down.union_all(select(child.c.version_id, down.c.generation + 1).join(down, child.c.parent_version_id == down.c.version_id))
    return (
        select(*VERSION_COLUMNS)
        .join(down, down.c.version_id == strategy_versions.c.version_id)
        .order_by(down.c.generation, strategy_versions.c.create_time, strategy_versions.c.version_id)
        .limit(limit)
    )


def list_runs(version_id: uuid.UUID) -> Select[Any]:
    """The runs of a version that are not deleted, in no order yet."""
    version = select(strategy_versions.c.name, strategy_versions.c.source_digest).where(strategy_versions.c.version_id == version_id)
    name, digest = (version.with_only_columns(column).scalar_subquery() for column in version.selected_columns)
    return (
        select(*RUN_COLUMNS)
        .join_from(run_iterations, runs)
        .where(run_iterations.c.strategy == name, run_iterations.c.source_digest == digest, is_kept)
    )


def list_suggestions(condition: Condition) -> Select[Any]:
    """Suggestions about runs that are not deleted, in no order yet."""
    return select(*SUGGESTION_COLUMNS).join(runs).where(is_kept, condition)
