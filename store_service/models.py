"""The tables: `runs`, one wide row each, with `run_batches` and `round_trips`; `sweeps` with `sweep_results`, one row each.

Text, dates and numbers that users filter and sort by have typed columns of their own. Beside them `started` and `finished` keep the first
and the last event as they arrived, so that a run is watched exactly as it was recorded. The views for psql are in the migrations.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    and_,
    cast,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from store_service.arrays import NumpyArray
from store_service.words import searched_words
from tapedeck.v1 import run_pb2

_METRICS: list[Any] = list(run_pb2.Metrics.DESCRIPTOR.fields)
_METRIC_TYPES: dict[int, TypeEngine[Any]] = {
    FieldDescriptor.TYPE_DOUBLE: Double(),
    FieldDescriptor.TYPE_INT32: Integer(),
    FieldDescriptor.TYPE_STRING: Date(),
}

METRIC_COLUMNS: tuple[str, ...] = tuple(field.name for field in _METRICS)
"""Columns of `runs` that hold the fields of Metrics, same names, same order."""

SORTABLE_METRICS: tuple[str, ...] = tuple(field.name for field in _METRICS if field.type != FieldDescriptor.TYPE_STRING)
"""Those that are numbers, not dates; each has an index on `runs`."""

RESULT_METRICS: tuple[str, ...] = (*SORTABLE_METRICS, "edge_score")
"""Metrics of a sweep's result: columns of `sweep_results`, in the order in which they are sent."""

COUNT_METRICS = frozenset(field.name for field in _METRICS if field.type == FieldDescriptor.TYPE_INT32)
"""Metrics that are whole numbers."""

MAX_NOTE_CHARS = 10_000
"""Longest note: some pages of text; what is longer is a document, and is kept elsewhere."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("finish_time", DateTime(timezone=True)),
    Column("state", SmallInteger, nullable=False),
    # The spec. Texts that are empty in it are NULL here, so that a filter on them never matches.
    Column("strategy", Text, nullable=False),
    Column("strategy_type", Text),
    Column("dataset", Text, nullable=False),
    Column("dataset_fingerprint", Text),
    Column("interval", Text, nullable=False),
    Column("symbols", ARRAY(Text), nullable=False),
    Column("start_date", Date, nullable=False),
    Column("end_date", Date, nullable=False),
    Column("capital_base", Double, nullable=False),
    Column("benchmark_symbol", Text),
    Column("parameters", JSONB, nullable=False),
    Column("spec", JSONB, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("request_id", Text, unique=True),
    Column("spec_digest", Text, nullable=False),
    Column("result_digest", Text),
    Column("session_count", Integer, nullable=False),
    Column("sessions_recorded", Integer, nullable=False),
    Column("execution_seconds", Double),
    Column("provenance", JSONB, nullable=False),
    # Which engine executes the run: the provenance's until the last event names another.
    Column("engine_kind", Text),
    # The first event, serialized RunStarted.
    Column("started", LargeBinary, nullable=False),
    # The last event, serialized RunFinished without its round trips, which are rows of round_trips.
    Column("finished", LargeBinary),
    Column("error_reason", Text),
    Column("error_message", Text),
    Column("error_session_date", Date),
    # Replay: which run this one replays, what was changed, and what came out (serialized ReplayVerdict).
    Column("replay_of", Uuid, ForeignKey("runs.run_id", ondelete="SET NULL")),
    Column("overridden_fields", ARRAY(Text)),
    Column("verdict", LargeBinary),
    # The sweep's result that the run was made of. No foreign key: the link outlives the sweep, and never keeps a run from being recorded.
    Column("sweep_id", Uuid),
    Column("sweep_number", Integer),
    # Recording: where the run's stream stands, and who may write to it.
    Column("next_sequence", BigInteger, nullable=False),
    Column("writer_epoch", Integer, nullable=False),
    # SHA-256 of (the digest before + the digest of the event), from 32 zero bytes on.
    Column("chain_digest", LargeBinary, nullable=False),
    # yyyymmdd, as in session_dates.
    Column("last_session_date", Integer),
    # NULL once the run has ended.
    Column("lease_expire_time", DateTime(timezone=True)),
    Column("claim_count", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("note", Text),
    # When the run was deleted, and from when on it may be removed for good.
    Column("delete_time", DateTime(timezone=True)),
    Column("purge_time", DateTime(timezone=True)),
    # Metrics with implausible values, by name; NULL when there are none.
    Column("flags", ARRAY(Text)),
    *(Column(field.name, _METRIC_TYPES[field.type]) for field in _METRICS),
    CheckConstraint("state BETWEEN 1 AND 5", name="state_known"),
    CheckConstraint("capital_base > 0", name="capital_base_positive"),
    CheckConstraint("start_date <= end_date", name="dates_in_order"),
    CheckConstraint("next_sequence >= 1", name="next_sequence_positive"),
    CheckConstraint("trades_won + trades_lost <= trades_total", name="trades_add_up"),
    CheckConstraint("max_drawdown <= 0", name="max_drawdown_not_positive"),
    CheckConstraint("(state IN (1, 2)) = (finish_time IS NULL)", name="finish_time_when_ended"),
    CheckConstraint("(state IN (1, 2)) = (lease_expire_time IS NOT NULL)", name="lease_until_ended"),
    CheckConstraint("(sweep_id IS NULL) = (sweep_number IS NULL)", name="sweep_number_with_sweep"),
    CheckConstraint(f"char_length(note) BETWEEN 1 AND {MAX_NOTE_CHARS}", name="note_length"),
    CheckConstraint("(delete_time IS NULL) = (purge_time IS NULL) AND purge_time >= delete_time", name="purge_time_with_delete_time"),
    CheckConstraint("delete_time IS NULL OR state NOT IN (1, 2)", name="deleted_when_ended"),
    # Room on each page for the next version of its rows: the cursor of a live run moves with every message, and no index follows it.
    postgresql_with={"fillfactor": "75"},
)

is_kept: ColumnElement[bool] = runs.c.delete_time.is_(None)
"""Whether the run is not deleted. The indexes that lists are read from hold no other runs: a list passes none of them over."""

run_words = searched_words(runs.c.strategy, func.coalesce(runs.c.note, text("''::text")))

# Names are given: the convention's would have no place for the order of the columns.
Index("ix_runs_create_time", runs.c.create_time.desc(), runs.c.run_id.desc(), postgresql_where=is_kept)
Index("ix_runs_strategy", runs.c.strategy, runs.c.create_time.desc(), runs.c.run_id.desc(), postgresql_where=is_kept)
Index("ix_runs_spec_digest", runs.c.spec_digest, runs.c.create_time.desc(), runs.c.run_id.desc())
# By a hash of the symbols: all of them may be longer than an entry of an index can be.
Index(
    "ix_runs_similar",
    *(runs.c.strategy, func.hash_array(runs.c.symbols), runs.c.create_time.desc(), runs.c.run_id.desc()),
    postgresql_where=and_(text("state = 3"), is_kept),
)
Index("ix_runs_replay_of", runs.c.replay_of, postgresql_where=runs.c.replay_of.is_not(None))
Index("ix_runs_sweep_id", runs.c.sweep_id, runs.c.sweep_number, runs.c.create_time.desc(), postgresql_where=runs.c.sweep_id.is_not(None))
Index("ix_runs_symbols", runs.c.symbols, postgresql_using="gin")
Index("ix_runs_labels", runs.c.labels, postgresql_using="gin")
Index("ix_runs_words", run_words, postgresql_using="gin")
# For ClaimStaleRun. Not on lease_expire_time: every acknowledgement renews it, and would have to renew all indexes of the row with it.
Index("ix_runs_live", runs.c.create_time, postgresql_where=text("state IN (1, 2)"))
for _metric in SORTABLE_METRICS:
    Index(f"ix_runs_{_metric}", runs.c[_metric].desc().nulls_last(), runs.c.run_id.desc(), postgresql_where=is_kept)
Index("ix_runs_flagged", runs.c.create_time.desc(), runs.c.run_id.desc(), postgresql_where=and_(runs.c.flags.is_not(None), is_kept))
# For the tails of ids that people give: the end of a text is the beginning of its reverse.
Index("ix_runs_run_id_tail", func.reverse(cast(runs.c.run_id, Text)).label("tail"), postgresql_ops={"tail": "text_pattern_ops"})
Index("ix_runs_purge_time", runs.c.purge_time, postgresql_where=runs.c.delete_time.is_not(None))


def _array(name: str, element: type[TypeEngine[Any]]) -> Column[NDArray[Any]]:
    return Column(name, NumpyArray(element))


# One row per SessionBatch. A column without values is NULL. Symbols are places in runs.symbols, counted from 1; 0 is no symbol. The other
# rules are in recording/columns.py. All arrays are STORAGE EXTERNAL (in the migration): prices hardly compress, and trying costs time.
run_batches = Table(
    "run_batches",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    # SHA-256 of the serialized event.
    Column("digest", LargeBinary, nullable=False),
    _array("session_dates", Integer),
    _array("portfolio_values", Double),
    _array("cash", Double),
    _array("mark_prices", Double),
    _array("fill_session_date", Integer),
    _array("fill_symbol", Integer),
    _array("fill_quantity", Double),
    _array("fill_price", Double),
    _array("fill_commission", Double),
    _array("fill_order_number", Integer),
    _array("order_session_date", Integer),
    _array("order_symbol", Integer),
    _array("order_target_weight", Double),
    _array("order_quantity", Double),
    _array("order_filled", Double),
    _array("order_order_number", Integer),
    _array("order_cancelled", Boolean),
    _array("position_session_date", Integer),
    _array("position_symbol", Integer),
    _array("position_quantity", Double),
    _array("position_cost_basis", Double),
    _array("action_session_date", Integer),
    _array("action_symbol", Integer),
    _array("action_kind", Integer),
    _array("action_quantity", Double),
    _array("action_cash", Double),
    _array("action_split_ratio", Double),
    _array("action_dividend_per_share", Double),
    _array("action_pay_date", Integer),
    _array("action_price", Double),
)

round_trips = Table(
    "round_trips",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    # Place in RunFinished.round_trips, counted from 1.
    Column("number", Integer, primary_key=True),
    Column("symbol", Text, nullable=False),
    Column("entry_date", Date, nullable=False),
    Column("exit_date", Date, nullable=False),
    Column("quantity", Double, nullable=False),
    Column("entry_price", Double, nullable=False),
    Column("exit_price", Double, nullable=False),
    Column("commission", Double, nullable=False),
    Column("pnl", Double, nullable=False),
    Column("return_on_cost", Double, nullable=False),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("sweep_id", Uuid, primary_key=True),
    Column("create_time", DateTime(timezone=True), nullable=False),
    # When it was recorded.
    Column("finish_time", DateTime(timezone=True), nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("source", SmallInteger, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("strategy_type", Text),
    Column("dataset", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("symbols", ARRAY(Text), nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("request_id", Text, unique=True),
    Column("result_count", Integer, nullable=False),
    # The first and the last message, serialized SweepStarted and SweepFinished.
    Column("started", LargeBinary, nullable=False),
    Column("finished", LargeBinary, nullable=False),
    CheckConstraint("state BETWEEN 1 AND 3", name="state_known"),
    CheckConstraint("source >= 1", name="source_known"),
    CheckConstraint("result_count >= 0 AND (state = 1 OR result_count = 0)", name="results_when_succeeded"),
)

Index("ix_sweeps_create_time", sweeps.c.create_time.desc(), sweeps.c.sweep_id.desc())

sweep_results = Table(
    "sweep_results",
    metadata,
    Column("sweep_id", Uuid, ForeignKey("sweeps.sweep_id", ondelete="CASCADE"), primary_key=True),
    # Place in the sweep, counted from 1.
    Column("number", Integer, primary_key=True),
    # Empty when symbols are traded together.
    Column("symbol", Text, nullable=False),
    # The parameters that vary.
    Column("parameters", JSONB, nullable=False),
    # The sweep's, so that one index orders the results of all sweeps.
    Column("create_time", DateTime(timezone=True), nullable=False),
    *(Column(field.name, _METRIC_TYPES[field.type]) for field in _METRICS if field.name in SORTABLE_METRICS),
    Column("edge_score", Double),
    CheckConstraint("number >= 1", name="number_positive"),
    CheckConstraint("trades_won + trades_lost <= trades_total", name="trades_add_up"),
    CheckConstraint("max_drawdown <= 0", name="max_drawdown_not_positive"),
)

# One sweep is sorted by a metric when it is asked for: its results stand together, and their number is limited. These are for lists over
# all sweeps. They rise, and are read backwards for falling orders: results arrive in the order of their numbers, and pages that are filled
# from left to right stay full.
_result = (sweep_results.c.sweep_id, sweep_results.c.number)
Index("ix_sweep_results_create_time", sweep_results.c.create_time, *_result)
Index("ix_sweep_results_symbol_create_time", sweep_results.c.symbol, sweep_results.c.create_time, *_result)
