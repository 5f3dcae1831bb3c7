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

_VALUES_TAG = bytes([sweep_pb2.MetricColumn.VALUES_FIELD_NUMBER << 3 | 2])
"""What precedes a column's values on protobuf's wire: the field, and that a length and so many bytes follow, which are the numbers."""


def metrics_row(metrics: run_pb2.Metrics) -> NDArray[np.float64]:
    """The metrics of a run that was executed by itself, as a row [metrics]."""
    return np.array([getattr(metrics, name) if metrics.HasField(name) else UNDEFINED for name in METRICS], dtype=np.float64)


def metric_columns(rows: NDArray[np.float64]) -> list[sweep_pb2.MetricColumn]:
    """The message's columns of rows [results x COLUMNS]."""
    is_undefined = np.isnan(rows)
    values = np.ascontiguousarray(np.where(is_undefined, 0.0, rows).T, dtype="<f8")
    undefined: list[list[int]] = [[] for _ in COLUMNS]
    for row, place in np.argwhere(is_undefined).tolist():
        undefined[place].append(row)
    columns = [sweep_pb2.MetricColumn(metric=name, undefined=undefined[place]) for place, name in enumerate(COLUMNS)]
    tag = _VALUES_TAG + _varint(values[0].nbytes)
    for column, numbers in zip(columns, values, strict=True):
        column.MergeFromString(tag + numbers.tobytes())  # number by number it would take five times as long
    return columns


def _varint(number: int) -> bytes:
    """A number on protobuf's wire."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def canonical(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same rows with one kind of NaN, which also stands for what is infinite."""
    return np.where(np.isfinite(rows), rows, UNDEFINED)
