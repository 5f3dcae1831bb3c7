"""Strategy versions, the iterations of runs within them, and suggestions.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CREATE = (
    """
    CREATE TABLE strategy_versions (
        version_id uuid NOT NULL DEFAULT gen_random_uuid(),
        name text NOT NULL,
        source_digest text NOT NULL,
        source_code text NOT NULL,
        parameters jsonb NOT NULL,
        parent_version_id uuid,
        notes text,
        create_time timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_strategy_versions PRIMARY KEY (version_id),
        CONSTRAINT uq_strategy_versions_name UNIQUE (name, source_digest),
        CONSTRAINT fk_strategy_versions_parent_version_id FOREIGN KEY (parent_version_id) REFERENCES strategy_versions,
        CONSTRAINT ck_strategy_versions_parent_is_another CHECK (parent_version_id <> version_id)
    )
    """,
    "CREATE INDEX ix_strategy_versions_create_time ON strategy_versions (create_time, version_id)",
    "CREATE INDEX ix_strategy_versions_name ON strategy_versions (name, create_time, version_id)",
    "CREATE INDEX ix_strategy_versions_parent_version_id ON strategy_versions (parent_version_id)",
    """
    CREATE TABLE strategy_iterations (
        strategy text NOT NULL,
        source_digest text NOT NULL,
        last_iteration integer NOT NULL,
        CONSTRAINT pk_strategy_iterations PRIMARY KEY (strategy, source_digest)
    )
    """,
    """
    CREATE TABLE run_iterations (
        run_id uuid NOT NULL,
        strategy text NOT NULL,
        source_digest text NOT NULL,
        iteration integer NOT NULL
    )
    """,
    # The runs that are there, in the order in which they were made.
    """
    INSERT INTO run_iterations (run_id, strategy, source_digest, iteration)
    SELECT run_id, strategy, provenance ->> 'strategy_source_digest', row_number() OVER (
        PARTITION BY strategy, provenance ->> 'strategy_source_digest' ORDER BY create_time, run_id
    )
    FROM runs WHERE char_length(provenance ->> 'strategy_source_digest') = 64
    """,
    """
    INSERT INTO strategy_iterations (strategy, source_digest, last_iteration)
    SELECT strategy, source_digest, max(iteration) FROM run_iterations GROUP BY strategy, source_digest
    """,
    """
    ALTER TABLE run_iterations
        ADD CONSTRAINT pk_run_iterations PRIMARY KEY (run_id),
        ADD CONSTRAINT uq_run_iterations_strategy UNIQUE (strategy, source_digest, iteration),
        ADD CONSTRAINT fk_run_iterations_run_id FOREIGN KEY (run_id) REFERENCES runs ON DELETE CASCADE,
        ADD CONSTRAINT ck_run_iterations_iteration_positive CHECK (iteration >= 1)
    """,
    """
    CREATE TABLE suggestions (
        suggestion_id uuid NOT NULL DEFAULT gen_random_uuid(),
        run_id uuid NOT NULL,
        priority smallint NOT NULL,
        description text NOT NULL,
        specific_changes text[] NOT NULL,
        expected_impact text NOT NULL,
        rationale text NOT NULL,
        "references" text[] NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        request_id text,
        request_digest bytea NOT NULL,
        CONSTRAINT pk_suggestions PRIMARY KEY (suggestion_id),
        CONSTRAINT uq_suggestions_request_id UNIQUE (request_id),
        CONSTRAINT fk_suggestions_run_id FOREIGN KEY (run_id) REFERENCES runs ON DELETE CASCADE,
        CONSTRAINT ck_suggestions_priority_known CHECK (priority BETWEEN 1 AND 3)
    )
    """,
    "CREATE INDEX ix_suggestions_priority ON suggestions (priority, create_time, suggestion_id)",
    "CREATE INDEX ix_suggestions_run_id ON suggestions (run_id, priority, create_time, suggestion_id)",
)


def upgrade() -> None:
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE suggestions, run_iterations, strategy_iterations, strategy_versions")
