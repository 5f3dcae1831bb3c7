"""The tables of strategies: `strategy_versions`, `strategy_statistics`, `suggestions`, and `run_iterations` with their counter."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    column,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from store_service.models import SORTABLE_METRICS, is_kept, metadata, runs
from store_service.words import searched_words

MAX_SEARCHED_CHARS = 200_000
"""How much of a source is searched, from its beginning: six thousand lines. Their words always fit into the megabyte that PostgreSQL has
for them, five bytes for each character."""

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
    Column("words", TSVECTOR, Computed(searched_words(column("name"), func.left(column("source_code"), text(str(MAX_SEARCHED_CHARS)))))),
    UniqueConstraint("name", "source_digest"),
    CheckConstraint("parent_version_id <> version_id", name="parent_is_another"),
)

Index("ix_strategy_versions_create_time", strategy_versions.c.create_time, strategy_versions.c.version_id)
Index("ix_strategy_versions_name", strategy_versions.c.name, strategy_versions.c.create_time, strategy_versions.c.version_id)
Index("ix_strategy_versions_parent_version_id", strategy_versions.c.parent_version_id)

Index("ix_strategy_versions_words", strategy_versions.c.words, postgresql_using="gin")

# Versions by one number each, by which an index has their runs in the order of time: with both texts it would be three times as large. Two
# of a million versions have the same number once in 37 million stores.
run_version_hash = func.hashtextextended(
    func.textcat(runs.c.strategy, runs.c.provenance.op("->>")(text("'strategy_source_digest'::text"))), text("0")
)
version_hash = func.hashtextextended(func.textcat(strategy_versions.c.name, strategy_versions.c.source_digest), text("0"))
Index("ix_runs_version", run_version_hash, runs.c.create_time.desc(), runs.c.run_id.desc(), postgresql_where=is_kept)

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

is_of_version, is_counted = (
    (strategy_versions.c.name == table.c.strategy) & (strategy_versions.c.source_digest == table.c.source_digest)
    for table in (run_iterations, strategy_iterations)
)
"""What joins a version with its runs, and with their number."""

# What the runs of a strategy that succeeded and are not deleted have in common, in some rows for each strategy (strategies/rollups.py). A
# metric that is added later is undefined for the runs that are there, which is what the defaults say.
strategy_statistics = Table(
    "strategy_statistics",
    metadata,
    Column("strategy", Text, primary_key=True),
    Column("slot", SmallInteger, primary_key=True),
    # Whether a run was deleted or brought back since it was computed.
    Column("is_stale", Boolean, nullable=False, server_default=false()),
    Column("run_count", Integer, nullable=False, server_default=text("0")),
    Column("newest_create_time", DateTime(timezone=True)),
    *(
        each
        for metric in SORTABLE_METRICS
        for each in (
            Column(f"{metric}_count", Integer, nullable=False, server_default=text("0")),
            Column(f"{metric}_sum", Double, nullable=False, server_default=text("0")),
            Column(f"{metric}_lowest", Double),
            Column(f"{metric}_highest", Double),
        )
    ),
    # Room for the next version of a row on its page: no index follows it.
    postgresql_with={"fillfactor": "50"},
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
