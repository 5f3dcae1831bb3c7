"""Runs, the batches of their sessions, their round trips, and the views for psql.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RUNS = """
CREATE TABLE runs (
    run_id uuid NOT NULL,
    create_time timestamptz NOT NULL,
    finish_time timestamptz,
    state smallint NOT NULL,
    strategy text NOT NULL,
    strategy_type text,
    dataset text NOT NULL,
    dataset_fingerprint text,
    "interval" text NOT NULL,
    symbols text[] NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL,
    capital_base double precision NOT NULL,
    benchmark_symbol text,
    parameters jsonb NOT NULL,
    spec jsonb NOT NULL,
    labels jsonb NOT NULL,
    request_id text,
    spec_digest text NOT NULL,
    result_digest text,
    session_count integer NOT NULL,
    sessions_recorded integer NOT NULL,
    execution_seconds double precision,
    provenance jsonb NOT NULL,
    started bytea NOT NULL,
    finished bytea,
    error_reason text,
    error_message text,
    error_session_date date,
    replay_of uuid,
    overridden_fields text[],
    verdict bytea,
    next_sequence bigint NOT NULL,
    writer_epoch integer NOT NULL,
    chain_digest bytea NOT NULL,
    last_session_date integer,
    lease_expire_time timestamptz,
    claim_count integer NOT NULL,
    cancel_requested boolean NOT NULL,
    total_return double precision,
    annual_return double precision,
    annual_volatility double precision,
    sharpe_ratio double precision,
    sortino_ratio double precision,
    calmar_ratio double precision,
    max_drawdown double precision,
    max_drawdown_peak_date date,
    max_drawdown_valley_date date,
    max_drawdown_recovery_date date,
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
    best_session_date date,
    worst_session_return double precision,
    worst_session_date date,
    exposure double precision,
    turnover double precision,
    alpha double precision,
    beta double precision,
    open_positions integer,
    CONSTRAINT pk_runs PRIMARY KEY (run_id),
    CONSTRAINT uq_runs_request_id UNIQUE (request_id),
    CONSTRAINT fk_runs_replay_of FOREIGN KEY (replay_of) REFERENCES runs (run_id) ON DELETE SET NULL,
    CONSTRAINT ck_runs_state_known CHECK (state BETWEEN 1 AND 5),
    CONSTRAINT ck_runs_capital_base_positive CHECK (capital_base > 0),
    CONSTRAINT ck_runs_dates_in_order CHECK (start_date <= end_date),
    CONSTRAINT ck_runs_next_sequence_positive CHECK (next_sequence >= 1),
    CONSTRAINT ck_runs_trades_add_up CHECK (trades_won + trades_lost <= trades_total),
    CONSTRAINT ck_runs_max_drawdown_not_positive CHECK (max_drawdown <= 0),
    CONSTRAINT ck_runs_finish_time_when_ended CHECK ((state IN (1, 2)) = (finish_time IS NULL)),
    CONSTRAINT ck_runs_lease_until_ended CHECK ((state IN (1, 2)) = (lease_expire_time IS NOT NULL))
) WITH (fillfactor = 75)
"""

RUNS_INDEXES = [
    "CREATE INDEX ix_runs_create_time ON runs (create_time DESC, run_id DESC)",
    "CREATE INDEX ix_runs_strategy ON runs (strategy, create_time DESC, run_id DESC)",
    "CREATE INDEX ix_runs_spec_digest ON runs (spec_digest, create_time)",
    "CREATE INDEX ix_runs_replay_of ON runs (replay_of) WHERE replay_of IS NOT NULL",
    "CREATE INDEX ix_runs_symbols ON runs USING gin (symbols)",
    "CREATE INDEX ix_runs_labels ON runs USING gin (labels)",
    "CREATE INDEX ix_runs_live ON runs (create_time) WHERE state IN (1, 2)",
]

INDEXED_METRICS = [
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
]

RUN_BATCHES = """
CREATE TABLE run_batches (
    run_id uuid NOT NULL,
    sequence bigint NOT NULL,
    digest bytea NOT NULL,
    session_dates integer[],
    portfolio_values double precision[],
    cash double precision[],
    mark_prices double precision[],
    fill_session_date integer[],
    fill_symbol integer[],
    fill_quantity double precision[],
    fill_price double precision[],
    fill_commission double precision[],
    fill_order_number integer[],
    order_session_date integer[],
    order_symbol integer[],
    order_target_weight double precision[],
    order_quantity double precision[],
    order_filled double precision[],
    order_order_number integer[],
    order_cancelled boolean[],
    position_session_date integer[],
    position_symbol integer[],
    position_quantity double precision[],
    position_cost_basis double precision[],
    action_session_date integer[],
    action_symbol integer[],
    action_kind integer[],
    action_quantity double precision[],
    action_cash double precision[],
    action_split_ratio double precision[],
    action_dividend_per_share double precision[],
    action_pay_date integer[],
    action_price double precision[],
    CONSTRAINT pk_run_batches PRIMARY KEY (run_id, sequence),
    CONSTRAINT fk_run_batches_run_id FOREIGN KEY (run_id) REFERENCES runs (run_id) ON DELETE CASCADE
)
"""

ROUND_TRIPS = """
CREATE TABLE round_trips (
    run_id uuid NOT NULL,
    number integer NOT NULL,
    symbol text NOT NULL,
    entry_date date NOT NULL,
    exit_date date NOT NULL,
    quantity double precision NOT NULL,
    entry_price double precision NOT NULL,
    exit_price double precision NOT NULL,
    commission double precision NOT NULL,
    pnl double precision NOT NULL,
    return_on_cost double precision NOT NULL,
    CONSTRAINT pk_round_trips PRIMARY KEY (run_id, number),
    CONSTRAINT fk_round_trips_run_id FOREIGN KEY (run_id) REFERENCES runs (run_id) ON DELETE CASCADE
)
"""

RUN_SESSIONS = """
CREATE VIEW run_sessions AS
SELECT run_id,
       make_date(session.date / 10000, session.date / 100 % 100, session.date % 100) AS session_date,
       session.portfolio_value,
       session.cash,
       session.portfolio_value
           / nullif(lag(session.portfolio_value, 1, capital_base) OVER (PARTITION BY run_id ORDER BY session.date), 0)
           - 1 AS session_return
FROM run_batches
JOIN runs USING (run_id)
CROSS JOIN LATERAL unnest(session_dates, portfolio_values, cash) AS session (date, portfolio_value, cash)
"""

RUN_FILLS = """
CREATE VIEW run_fills AS
SELECT run_id,
       make_date(fill.date / 10000, fill.date / 100 % 100, fill.date % 100) AS session_date,
       symbols[fill.symbol] AS symbol,
       fill.quantity,
       fill.price,
       fill.commission,
       fill.order_number
FROM run_batches
JOIN runs USING (run_id)
CROSS JOIN LATERAL unnest(fill_session_date, fill_symbol, fill_quantity, fill_price, fill_commission, fill_order_number)
    AS fill (date, symbol, quantity, price, commission, order_number)
"""


def upgrade() -> None:
    op.execute(RUNS)
    for statement in RUNS_INDEXES:
        op.execute(statement)
    for metric in INDEXED_METRICS:
        op.execute(f"CREATE INDEX ix_runs_{metric} ON runs ({metric} DESC NULLS LAST, run_id DESC)")
    op.execute(RUN_BATCHES)
    # STORAGE inside CREATE TABLE needs PostgreSQL 16.
    arrays = [line.split()[0] for line in RUN_BATCHES.splitlines() if line.endswith("[],")]
    op.execute("ALTER TABLE run_batches " + ", ".join(f"ALTER COLUMN {name} SET STORAGE EXTERNAL" for name in arrays))
    op.execute(ROUND_TRIPS)
    op.execute(RUN_SESSIONS)
    op.execute(RUN_FILLS)


def downgrade() -> None:
    op.execute("DROP VIEW run_fills, run_sessions")
    op.execute("DROP TABLE round_trips, run_batches, runs")
