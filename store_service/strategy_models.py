"""The tables of strategies: `strategy_versions`, `run_iterations` with `strategy_iterations`, which counts them, and `suggestions`."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from store_service.models import metadata

# A run names its version by the name and the digest of its strategy, which its provenance has whether the store knows the version or not.
strategy_versions = Table(
    "strategy_versions",
    metadata,
    Column("version_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("name", Text, nullable=False),
    Column("source_digest", Text, nullable=False),
    Column("source_code", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("parent_version_id", Uuid, ForeignKey("strategy_versions.version_id")),
    Column("notes", Text),
    Column("create_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("name", "source_digest"),
    CheckConstraint("parent_version_id <> version_id", name="parent_is_another"),
)

Index("ix_strategy_versions_create_time", strategy_versions.c.create_time, strategy_versions.c.version_id)
Index("ix_strategy_versions_name", strategy_versions.c.name, strategy_versions.c.create_time, strategy_versions.c.version_id)
Index("ix_strategy_versions_parent_version_id", strategy_versions.c.parent_version_id)

# How many runs of a version there have been. Numbers are never given again, also when runs are removed for good.
strategy_iterations = Table(
    "strategy_iterations",
    metadata,
    Column("strategy", Text, primary_key=True),
    Column("source_digest", Text, primary_key=True),
    Column("last_iteration", Integer, nullable=False),
)

# Not columns of `runs`: a number is given last in the transaction that records the run, and changing its row would renew all its indexes.
run_iterations = Table(
    "run_iterations",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("source_digest", Text, nullable=False),
    Column("iteration", Integer, nullable=False),
    UniqueConstraint("strategy", "source_digest", "iteration"),
    CheckConstraint("iteration >= 1", name="iteration_positive"),
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("suggestion_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("run_id", Uuid, ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False),
    # SuggestionPriority: the lowest number comes first.
    Column("priority", SmallInteger, nullable=False),
    Column("description", Text, nullable=False),
    Column("specific_changes", ARRAY(Text), nullable=False),
    Column("expected_impact", Text, nullable=False),
    Column("rationale", Text, nullable=False),
    Column("references", ARRAY(Text), nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("request_id", Text, unique=True),
    # SHA-256 of the suggestion as it was asked for: what a repeated request_id is compared with.
    Column("request_digest", LargeBinary, nullable=False),
    CheckConstraint("priority BETWEEN 1 AND 3", name="priority_known"),
)

_ranked = (suggestions.c.priority, suggestions.c.create_time, suggestions.c.suggestion_id)
Index("ix_suggestions_priority", *_ranked)
Index("ix_suggestions_run_id", suggestions.c.run_id, *_ranked)
