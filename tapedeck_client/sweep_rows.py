"""Results of a sweep as rows: the wire carries columns, people and programs look at one result after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict

from tapedeck.v1.run_pb2 import Metrics
from tapedeck.v1.sweep_pb2 import MetricColumn, ParameterColumn, SweepResult, SweepResults
from tapedeck_client.render.text import optional

EDGE_SCORE = "edge_score"
"""The metric of a result that is none of a run."""

LOWEST_IS_BEST = frozenset({"annual_volatility"})
"""Metrics whose lowest value is best, as the contract of SweepSpec.rank_by has it; of every other one the highest is."""

_METRICS = tuple(field.name for field in Metrics.DESCRIPTOR.fields if field.type != FieldDescriptor.TYPE_STRING)


class ResultRow(NamedTuple):
    """One result of a sweep."""

    number: int
    """Its number in the sweep, counted from 1."""
    symbol: str
    """Its symbol; empty when symbols are traded together."""
    parameters: dict[str, object]
    """Values of the parameters that vary, by name."""
    metrics: dict[str, float | None]
    """Values of the metrics and of edge_score, by name; None where one is undefined."""


def result_rows(results: SweepResults) -> Iterator[ResultRow]:
    """The results of a message, one by one, in its order."""
    parameters = {column.name: _parameter_values(column) for column in results.parameters}
    metrics = {column.metric: _metric_values(column) for column in results.metrics}
    for i, number in enumerate(results.numbers):
        yield ResultRow(
            number,
            results.symbols[i] if results.symbols else "",
            {name: values[i] for name, values in parameters.items()},
            {name: values[i] for name, values in metrics.items()},
        )


def recorded_row(result: SweepResult) -> ResultRow:
    """A result that the store keeps."""
    metrics = {name: optional(result.metrics, name) for name in _METRICS} | {EDGE_SCORE: optional(result, EDGE_SCORE)}
    return ResultRow(result.number, result.symbol, MessageToDict(result.parameters), metrics)


def parameter_names(rows: Iterable[ResultRow]) -> list[str]:
    """The parameters that rows have values of, in the order in which they come first."""
    return list(dict.fromkeys(name for row in rows for name in row.parameters))


def _parameter_values(column: ParameterColumn) -> list[object]:
    return list(column.numbers) if column.numbers else [MessageToDict(value) for value in column.values]


def _metric_values(column: MetricColumn) -> list[float | None]:
    values: list[float | None] = list(column.values)
    for place in column.undefined:
        values[place] = None
    return values
