"""Runs are flagged for values that are hardly true, and are found by the tail of their ids.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# As recording/plausibility.py had them when this was written; runs that end later are flagged there.
_IMPLAUSIBLE = {
    "total_return": "total_return < -1",
    "annual_return": "annual_return NOT BETWEEN -1 AND 10",
    "annual_volatility": "annual_volatility NOT BETWEEN 0 AND 5",
    "sharpe_ratio": "sharpe_ratio NOT BETWEEN -10 AND 10",
    "sortino_ratio": "sortino_ratio NOT BETWEEN -30 AND 30",
    "calmar_ratio": "calmar_ratio NOT BETWEEN -100 AND 100",
    "max_drawdown": "max_drawdown NOT BETWEEN -1 AND 0",
    "final_portfolio_value": "final_portfolio_value < 0",
    "trades_total": "trades_total < 0",
    "trades_won": "trades_won < 0",
    "trades_lost": "trades_lost < 0",
    "win_rate": "win_rate NOT BETWEEN 0 AND 1",
    "profit_factor": "profit_factor < 0",
    "average_win": "average_win < 0",
    "average_loss": "average_loss > 0",
    "best_session_return": "best_session_return NOT BETWEEN -1 AND 3",
    "worst_session_return": "worst_session_return NOT BETWEEN -1 AND 3",
    "exposure": "exposure NOT BETWEEN 0 AND 1",
    "turnover": "turnover NOT BETWEEN 0 AND 1000",
    "alpha": "alpha NOT BETWEEN -10 AND 10",
    "beta": "beta NOT BETWEEN -20 AND 20",
    "open_positions": "open_positions < 0",
}


def upgrade() -> None:
    op.execute("ALTER TABLE runs ADD COLUMN flags text[]")
    # Only rows that get flags are written.
    flags = ", ".join(f"CASE WHEN {condition} THEN '{name}' END" for name, condition in _IMPLAUSIBLE.items())
    any_of_them = " OR ".join(_IMPLAUSIBLE.values())
    op.execute(f"UPDATE runs SET flags = array_remove(ARRAY[{flags}], NULL) WHERE {any_of_them}")  # noqa: S608 - all of it stands above
    op.execute("CREATE INDEX ix_runs_flagged ON runs (create_time DESC, run_id DESC) WHERE flags IS NOT NULL AND delete_time IS NULL")
    op.execute("CREATE INDEX ix_runs_run_id_tail ON runs (reverse(run_id::text) text_pattern_ops)")


def downgrade() -> None:
    op.execute("DROP INDEX ix_runs_run_id_tail, ix_runs_flagged")
    op.execute("ALTER TABLE runs DROP COLUMN flags")
