"""Notes and deletion of runs.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# purge_time >= delete_time is NULL, which a constraint takes as true, when both are.
RUNS_COLUMNS = """
ALTER TABLE runs
    ADD COLUMN note text,
    ADD COLUMN delete_time timestamptz,
    ADD COLUMN purge_time timestamptz,
    ADD CONSTRAINT ck_runs_note_length CHECK (char_length(note) BETWEEN 1 AND 10000),
    ADD CONSTRAINT ck_runs_purge_time_with_delete_time
        CHECK ((delete_time IS NULL) = (purge_time IS NULL) AND purge_time >= delete_time),
    ADD CONSTRAINT ck_runs_deleted_when_ended CHECK (delete_time IS NULL OR state NOT IN (1, 2))
"""

# What lists are read from: made again without deleted runs, so that a list never reads its way through those.
LISTED_BY = {
    "create_time": "create_time DESC, run_id DESC",
    "strategy": "strategy, create_time DESC, run_id DESC",
    **{
        metric: f"{metric} DESC NULLS LAST, run_id DESC"
        for metric in (
            "total_return",
            "annual_return",
            "annual_volatility",
            "sharpe_ratio",
            "sortino_ratio",
            "calmar_ratio",
            "max_drawdown",
            "final_portfolio_value",
            "pnl",
            "trades_total",
            "trades_won",
            "trades_lost",
            "win_rate",
            "profit_factor",
            "expectancy",
            "average_win",
            "average_loss",
            "best_session_return",
            "worst_session_return",
            "exposure",
            "turnover",
            "alpha",
            "beta",
            "open_positions",
            "average_trade_return",
        )
    },
}


def make_list_indexes(condition: str) -> None:
    """Make the indexes again, of the runs that meet a condition."""
    op.execute("DROP INDEX " + ", ".join(f"ix_runs_{name}" for name in LISTED_BY))
    for name, columns in LISTED_BY.items():
        op.execute(f"CREATE INDEX ix_runs_{name} ON runs ({columns}) {condition}")


def upgrade() -> None:
    op.execute(RUNS_COLUMNS)
    make_list_indexes("WHERE delete_time IS NULL")
    op.execute("CREATE INDEX ix_runs_purge_time ON runs (purge_time) WHERE delete_time IS NOT NULL")


def downgrade() -> None:
    # Deleted runs are like all others then: going back loses none.
    op.execute("DROP INDEX ix_runs_purge_time")
    make_list_indexes("")
    op.execute("ALTER TABLE runs DROP COLUMN note, DROP COLUMN delete_time, DROP COLUMN purge_time")
