"""Results of a sweep as columns, on their way from a message to rows of `sweep_results` in the binary format of COPY.

A hundred thousand results have millions of values. Columns are taken as a whole; what is done per result is one join of bytes.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray

from store_service.models import COUNT_METRICS, RESULT_METRICS, sweep_results
from store_service.recording.copy_format import SIGNATURE, TRAILER
from tapedeck.v1 import sweep_pb2

_JSONB_VERSION = b"\x01"
_DATABASE_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_FIELDS = np.dtype([(name, [("length", ">i4"), ("value", ">i4" if name in COUNT_METRICS else ">f8")]) for name in RESULT_METRICS])
"""The metrics of a row on the wire, when all are defined."""


@dataclass(frozen=True, slots=True)
class ResultColumns:
    """Results, column by column."""

    numbers: NDArray[np.int32]
    symbols: list[str]
    """One per result, or none when symbols are traded together."""
    parameters: list[str]
    """The parameters of each result, as a JSON object."""
    metrics: NDArray[np.float64]
    """One row per result, one column per RESULT_METRICS, NaN where a metric is undefined: the bytes that a sweep's digest is made over."""


def to_columns(results: sweep_pb2.SweepResults) -> ResultColumns:
    """The columns of a message that has been checked."""
    metrics = np.empty((len(results.numbers), len(RESULT_METRICS)))
    for place, column in enumerate(results.metrics):
        metrics[:, place] = np.array(column.values)
        metrics[np.array(column.undefined, np.int64), place] = np.nan
    numbers = np.array(results.numbers, np.int32)
    return ResultColumns(numbers, list(results.symbols), _json_objects(results.parameters, len(numbers)), metrics)


def copy_rows(sweep_id: uuid.UUID, create_time: datetime, columns: ResultColumns) -> bytes:
    """The results as rows of `sweep_results` in the binary format of COPY."""
    key = struct.pack("!hi16si", len(sweep_results.columns), 16, sweep_id.bytes, 4)
    time = struct.pack("!iq", 8, (create_time - _DATABASE_EPOCH) // timedelta(microseconds=1))
    numbers = columns.numbers.astype(">i4").tobytes()
    symbols = {symbol: _field(symbol.encode()) for symbol in {"", *columns.symbols}}
    metrics, ends = _metric_fields(columns.metrics)
    parts, start = [SIGNATURE], 0
    rows = zip(columns.symbols or [""] * len(columns.numbers), columns.parameters, ends, strict=True)
    for place, (symbol, parameters, end) in enumerate(rows):
        parts += (key, numbers[4 * place : 4 * place + 4], symbols[symbol], _field(_JSONB_VERSION + parameters.encode()), time)
        parts.append(metrics[start:end])
        start = end
    parts.append(TRAILER)
    return b"".join(parts)


def _field(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


def _metric_fields(metrics: NDArray[np.float64]) -> tuple[bytes, list[int]]:
    """The metrics of all rows on the wire, and where each row ends. A field that is NULL is its length alone, -1."""
    undefined = np.isnan(metrics)
    fields = np.empty(len(metrics), _FIELDS)
    mask = np.zeros((len(metrics), _FIELDS.itemsize), np.bool_)
    at = 0
    for place, name in enumerate(RESULT_METRICS):
        field = fields[name]
        size = field.dtype["value"].itemsize
        missing = undefined[:, place]
        field["value"] = np.where(missing, 0.0, metrics[:, place])
        field["length"] = np.where(missing, -1, size)
        mask[:, at : at + 4] = True
        mask[:, at + 4 : at + 4 + size] = ~missing[:, None]
        at += 4 + size
    wire = fields.view(np.uint8).reshape(len(metrics), _FIELDS.itemsize)
    return wire[mask].tobytes(), np.cumsum(mask.sum(axis=1)).tolist()


def _json_objects(parameters: Sequence[sweep_pb2.ParameterColumn], count: int) -> list[str]:
    """An object per result."""
    if not parameters:
        return ["{}"] * count
    form = "{{" + ",".join(json.dumps(column.name).replace("{", "{{").replace("}", "}}") + ":{}" for column in parameters) + "}}"
    return list(map(form.format, *map(_json_values, parameters)))


def _json_values(column: sweep_pb2.ParameterColumn) -> list[str]:
    """Each value as JSON. Values come again and again, so each is written once."""
    if column.numbers:
        written: dict[Any, str] = {number: _json_number(number) for number in set(column.numbers)}
        return [written[number] for number in column.numbers]
    keys = [value.SerializeToString(deterministic=True) for value in column.values]
    written = {key: json.dumps(json_format.MessageToDict(value)) for key, value in dict(zip(keys, column.values, strict=True)).items()}
    return [written[key] for key in keys]


def _json_number(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)
