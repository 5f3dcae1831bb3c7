"""The metrics of results as columns: which there are, and from rows of numbers to the message. Pure."""

from __future__ import annotations

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from numpy.typing import NDArray

from tapedeck.v1 import run_pb2, sweep_pb2

METRICS = tuple(field.name for field in run_pb2.Metrics.DESCRIPTOR.fields if field.type != FieldDescriptor.TYPE_STRING)
"""Every metric but the dates, in the order of `run_pb2.Metrics`: the columns of a row of metrics."""

EDGE_SCORE = "edge_score"

COLUMNS = (*METRICS, EDGE_SCORE)
"""The columns of a result."""

UNDEFINED = np.nan
"""What an undefined metric is in a row; one NaN for all, so that equal results have equal bytes."""


def metrics_row(metrics: run_pb2.Metrics) -> NDArray[np.float64]:
    """The metrics of a run that was executed by itself, as a row [metrics]."""
    return np.array([getattr(metrics, name) if metrics.HasField(name) else UNDEFINED for name in METRICS], dtype=np.float64)


def metric_columns(rows: NDArray[np.float64]) -> list[sweep_pb2.MetricColumn]:
    """The message's columns of rows [results x COLUMNS]."""
    is_undefined = np.isnan(rows)
    values = np.where(is_undefined, 0.0, rows).T.tolist()
    undefined: list[list[int]] = [[] for _ in COLUMNS]
    for row, place in np.argwhere(is_undefined).tolist():
        undefined[place].append(row)
    return [sweep_pb2.MetricColumn(metric=name, values=values[place], undefined=undefined[place]) for place, name in enumerate(COLUMNS)]


def canonical(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same rows with one kind of NaN, which also stands for what is infinite."""
    return np.where(np.isfinite(rows), rows, UNDEFINED)
