"""What a filter on runs may name."""

from __future__ import annotations

from store_service.filter_fields import (
    Fields,
    date_field,
    enum_field,
    labels_field,
    number_field,
    parameters_field,
    symbols_field,
    text_field,
    time_field,
    uuid_field,
)
from store_service.models import METRIC_COLUMNS, SORTABLE_METRICS, current_state, runs
from tapedeck.v1 import run_pb2

_TEXTS = (
    *("strategy", "strategy_type", "dataset", "dataset_fingerprint", "interval", "benchmark_symbol"),
    *("request_id", "spec_digest", "result_digest", "error_reason", "engine_kind"),
)
_NUMBERS = ("capital_base", "session_count", "sessions_recorded", "execution_seconds", "sweep_number", *SORTABLE_METRICS)
_DATES = ("start_date", "end_date", "error_session_date", *(name for name in METRIC_COLUMNS if name not in SORTABLE_METRICS))

RUN_FIELDS = Fields(
    "a run",
    {
        "state": enum_field(current_state, run_pb2.RunState, "RUN_STATE_"),
        "symbols": symbols_field(runs.c.symbols),
        "parameters": parameters_field(runs.c.parameters),
        "labels": labels_field(runs.c.labels),
        **{name: uuid_field(runs.c[name]) for name in ("run_id", "replay_of", "sweep_id")},
        **{name: text_field(runs.c[name]) for name in _TEXTS},
        **{name: date_field(runs.c[name]) for name in _DATES},
        **{name: time_field(runs.c[name]) for name in ("create_time", "finish_time")},
        **{name: number_field(runs.c[name]) for name in _NUMBERS},
    },
)
"""All that users know of a run."""
