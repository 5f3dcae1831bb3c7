"""Sweeps, their results, and new columns of runs, which may be made of a sweep's result.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# sweep_id refers to no row: a run keeps its link when the sweep is deleted, and is recorded whether or not the sweep was.
RUNS_COLUMNS = """
ALTER TABLE runs
    ADD COLUMN average_trade_return double precision,
    ADD COLUMN engine_kind text,
    ADD COLUMN sweep_id uuid,
    ADD COLUMN sweep_number integer,
    ADD CONSTRAINT ck_runs_sweep_number_with_sweep CHECK ((sweep_id IS NULL) = (sweep_number IS NULL))
"""

RUNS_INDEXES = [
    "CREATE INDEX ix_runs_average_trade_return ON runs (average_trade_return DESC NULLS LAST, run_id DESC)",
    "CREATE INDEX ix_runs_sweep_id ON runs (sweep_id, sweep_number, create_time DESC) WHERE sweep_id IS NOT NULL",
]

SWEEPS = """
CREATE TABLE sweeps (
    sweep_id uuid NOT NULL,
    create_time timestamptz NOT NULL,
    finish_time timestamptz NOT NULL,
    state smallint NOT NULL,
    source smallint NOT NULL,
    strategy text NOT NULL,
    strategy_type text,
    dataset text NOT NULL,
    "interval" text NOT NULL,
    symbols text[] NOT NULL,
    labels jsonb NOT NULL,
    request_id text,
    result_count integer NOT NULL,
    started bytea NOT NULL,
    finished bytea NOT NULL,
    CONSTRAINT pk_sweeps PRIMARY KEY (sweep_id),
    CONSTRAINT uq_sweeps_request_id UNIQUE (request_id),
    CONSTRAINT ck_sweeps_state_known CHECK (state BETWEEN 1 AND 3),
    CONSTRAINT ck_sweeps_source_known CHECK (source >= 1),
    CONSTRAINT ck_sweeps_results_when_succeeded CHECK (result_count >= 0 AND (state = 1 OR result_count = 0))
)
"""

SWEEP_RESULTS = """
CREATE TABLE sweep_results (
    sweep_id uuid NOT NULL,
    number integer NOT NULL,
    symbol text NOT NULL,
    parameters jsonb NOT NULL,
    create_time timestamptz NOT NULL,
    total_return double precision,
    annual_return double precision,
    annual_volatility double precision,
    sharpe_ratio double precision,
    sortino_ratio double precision,
    calmar_ratio double precision,
    max_drawdown double precision,
    final_portfolio_value double precision,
    pnl double precision,
    trades_total integer,
    trades_won integer,
    trades_lost integer,
    win_rate double precision,
    profit_factor double precision,
    expectancy double precision,
    average_win double precision,
    average_loss double precision,
    best_session_return double precision,
    worst_session_return double precision,
    exposure double precision,
    turnover double precision,
    alpha double precision,
    beta double precision,
    open_positions integer,
    average_trade_return double precision,
    edge_score double precision,
    CONSTRAINT pk_sweep_results PRIMARY KEY (sweep_id, number),
    CONSTRAINT fk_sweep_results_sweep_id FOREIGN KEY (sweep_id) REFERENCES sweeps (sweep_id) ON DELETE CASCADE,
    CONSTRAINT ck_sweep_results_number_positive CHECK (number >= 1),
    CONSTRAINT ck_sweep_results_trades_add_up CHECK (trades_won + trades_lost <= trades_total),
    CONSTRAINT ck_sweep_results_max_drawdown_not_positive CHECK (max_drawdown <= 0)
)
"""

SWEEPS_INDEXES = [
    "CREATE INDEX ix_sweeps_create_time ON sweeps (create_time DESC, sweep_id DESC)",
    "CREATE INDEX ix_sweep_results_create_time ON sweep_results (create_time, sweep_id, number)",
    "CREATE INDEX ix_sweep_results_symbol_create_time ON sweep_results (symbol, create_time, sweep_id, number)",
]


def upgrade() -> None:
    op.execute(RUNS_COLUMNS)
    op.execute("UPDATE runs SET engine_kind = nullif(provenance ->> 'engine_kind', '')")
    for statement in (*RUNS_INDEXES, SWEEPS, SWEEP_RESULTS, *SWEEPS_INDEXES):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE sweep_results, sweeps")
    op.execute("ALTER TABLE runs DROP COLUMN average_trade_return, DROP COLUMN engine_kind, DROP COLUMN sweep_id, DROP COLUMN sweep_number")
