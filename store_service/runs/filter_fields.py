"""What a filter on runs may name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select

from store_service.conversions import current_state
from store_service.filter_fields import (
    Comparison,
    Condition,
    Fields,
    Value,
    date_field,
    enum_field,
    labels_field,
    number_field,
    parameters_field,
    prose_field,
    symbols_field,
    text_field,
    time_field,
    uuid_field,
)
from store_service.models import METRIC_COLUMNS, SORTABLE_METRICS, runs
from store_service.runs.search import compare_search
from store_service.strategy_models import is_of_version, run_iterations, strategy_versions
from tapedeck.v1 import run_pb2

_TEXTS = (
    *("strategy", "strategy_type", "dataset", "dataset_fingerprint", "interval", "benchmark_symbol"),
    *("request_id", "spec_digest", "result_digest", "error_reason", "engine_kind"),
)
_NUMBERS = ("capital_base", "session_count", "sessions_recorded", "execution_seconds", "sweep_number", *SORTABLE_METRICS)
_DATES = ("start_date", "end_date", "error_session_date", *(name for name in METRIC_COLUMNS if name not in SORTABLE_METRICS))

_NUMBERED = select(run_iterations.c.run_id)
_OF_VERSION = _NUMBERED.join(strategy_versions, is_of_version)


def _among(found: Select[Any], field: Comparison) -> Comparison:
    """A field of another table: whether the run is among those that a comparison finds there."""

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        return runs.c.run_id.in_(found.where(field(path, op, value)))

    return compare


RUN_FIELDS = Fields(
    "a run",
    {
        "state": enum_field(current_state, run_pb2.RunState, "RUN_STATE_"),
        "symbols": symbols_field(runs.c.symbols),
        "flags": symbols_field(runs.c.flags),
        "parameters": parameters_field(runs.c.parameters),
        "labels": labels_field(runs.c.labels),
        "note": prose_field(runs.c.note),
        "search": compare_search,
        "strategy_version": _among(_OF_VERSION, uuid_field(strategy_versions.c.version_id)),
        "iteration": _among(_NUMBERED, number_field(run_iterations.c.iteration)),
        **{name: uuid_field(runs.c[name]) for name in ("run_id", "replay_of", "sweep_id")},
        **{name: text_field(runs.c[name]) for name in _TEXTS},
        **{name: date_field(runs.c[name]) for name in _DATES},
        **{name: time_field(runs.c[name]) for name in ("create_time", "finish_time", "delete_time", "purge_time")},
        **{name: number_field(runs.c[name]) for name in _NUMBERS},
    },
)
"""All that users know of a run."""
