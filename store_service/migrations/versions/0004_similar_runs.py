"""What runs of the same spec, and runs that are like another one, are found by.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX ix_runs_spec_digest")
    op.execute("CREATE INDEX ix_runs_spec_digest ON runs (spec_digest, create_time DESC, run_id DESC)")
    op.execute(
        "CREATE INDEX ix_runs_similar ON runs (strategy, hash_array(symbols), create_time DESC, run_id DESC) "
        "WHERE state = 3 AND delete_time IS NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_runs_similar, ix_runs_spec_digest")
    op.execute("CREATE INDEX ix_runs_spec_digest ON runs (spec_digest, create_time)")
