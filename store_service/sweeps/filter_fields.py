"""What filters on sweeps and on their results may name."""

from __future__ import annotations

from store_service.filter_fields import (
    Fields,
    enum_field,
    labels_field,
    number_field,
    parameters_field,
    symbols_field,
    text_field,
    time_field,
    uuid_field,
)
from store_service.models import RESULT_METRICS, sweep_results, sweeps
from tapedeck.v1 import sweep_pb2

SWEEP_FIELDS = Fields(
    "a sweep",
    {
        "sweep_id": uuid_field(sweeps.c.sweep_id),
        **{name: text_field(sweeps.c[name]) for name in ("strategy", "strategy_type", "dataset", "interval")},
        "symbols": symbols_field(sweeps.c.symbols),
        "state": enum_field(sweeps.c.state, sweep_pb2.SweepState, "SWEEP_STATE_"),
        "source": enum_field(sweeps.c.source, sweep_pb2.SweepSource, "SWEEP_SOURCE_"),
        "create_time": time_field(sweeps.c.create_time),
        "labels": labels_field(sweeps.c.labels),
    },
)

RESULT_FIELDS = Fields(
    "a sweep's result",
    {
        "strategy": text_field(sweeps.c.strategy),
        "symbol": text_field(sweep_results.c.symbol),
        "create_time": time_field(sweep_results.c.create_time),
        "parameters": parameters_field(sweep_results.c.parameters),
        **{name: number_field(sweep_results.c[name]) for name in RESULT_METRICS},
    },
)
