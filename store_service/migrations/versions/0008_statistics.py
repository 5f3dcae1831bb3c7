"""Statistics of each strategy, kept up to date as its runs end; the words of stored source.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COUNTS = ("trades_total", "trades_won", "trades_lost")
_DOUBLES = (
    *("total_return", "annual_return", "annual_volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown"),
    *("final_portfolio_value", "pnl", "win_rate", "profit_factor", "expectancy", "average_win", "average_loss"),
    *("best_session_return", "worst_session_return", "exposure", "turnover", "alpha", "beta", "average_trade_return"),
)
_METRICS = (*_DOUBLES[:9], *_COUNTS, *_DOUBLES[9:20], "open_positions", *_DOUBLES[20:])

_COLUMNS = "".join(
    f"{metric}_count integer NOT NULL DEFAULT 0, {metric}_sum double precision NOT NULL DEFAULT 0, "
    f"{metric}_lowest double precision, {metric}_highest double precision, "
    for metric in _METRICS
)
# Values that are too large to be added up have the sum NaN: it never overflows.
_STATISTICS = "".join(
    f", count({metric}), coalesce(sum(CASE WHEN abs({metric}) > 1e290 THEN 'NaN' ELSE {metric}::double precision END), 0), "
    f"min({metric}), max({metric})"
    for metric in _METRICS
)
_WORDS = "translate(textcat(textcat(name, ' '::text), left(source_code, 200000)), './@-+<&_'::text, '        '::text)"
_RUN_WORDS = "translate(textcat(textcat(strategy, ' '), coalesce(note, '')), '{}', '{}')"
_VERSION_HASH = "hashtextextended(textcat(strategy, provenance ->> 'strategy_source_digest'::text), 0)"


def upgrade() -> None:
    # A run that is ending would be in none of the statistics: not visible yet, and ended by a store that does not know of them.
    op.execute("LOCK TABLE runs IN SHARE MODE")
    op.execute(
        "CREATE TABLE strategy_statistics (strategy text NOT NULL, slot smallint NOT NULL, is_stale boolean NOT NULL DEFAULT false, "
        f"run_count integer NOT NULL DEFAULT 0, newest_create_time timestamptz, {_COLUMNS}"
        "CONSTRAINT pk_strategy_statistics PRIMARY KEY (strategy, slot)) WITH (fillfactor = 50)"
    )
    # At once: whoever asked first would have to wait for it.
    op.execute(
        "INSERT INTO strategy_statistics "  # noqa: S608 - the names are those above
        f"SELECT strategy, mod(get_byte(uuid_send(run_id), 15), 16), false, count(*), max(create_time){_STATISTICS} "
        "FROM runs WHERE state = 3 AND delete_time IS NULL GROUP BY 1, 2"
    )
    op.execute(f"ALTER TABLE strategy_versions ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', {_WORDS})) STORED")
    op.execute("CREATE INDEX ix_strategy_versions_words ON strategy_versions USING gin (words)")
    _index_words("./@-+<&_")
    op.execute(f"CREATE INDEX ix_runs_version ON runs ({_VERSION_HASH}, create_time DESC, run_id DESC) WHERE delete_time IS NULL")


def downgrade() -> None:
    _index_words("./@-+<&")
    op.execute("DROP INDEX ix_runs_version")
    op.execute("ALTER TABLE strategy_versions DROP COLUMN words")
    op.execute("DROP TABLE strategy_statistics")


def _index_words(signs: str) -> None:
    op.execute("DROP INDEX ix_runs_words")
    words = _RUN_WORDS.format(signs, " " * len(signs))
    op.execute(f"CREATE INDEX ix_runs_words ON runs USING gin (to_tsvector('simple'::regconfig, {words}))")
