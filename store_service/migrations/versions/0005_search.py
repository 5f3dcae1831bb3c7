"""The words that runs are searched for by.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    words = "translate(textcat(textcat(strategy, ' '), coalesce(note, '')), './@-+<&', '       ')"
    op.execute(f"CREATE INDEX ix_runs_words ON runs USING gin (to_tsvector('simple'::regconfig, {words}))")


def downgrade() -> None:
    op.execute("DROP INDEX ix_runs_words")
