"""Results as messages of columns: picking some out of many, and making them of what the store says. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from google.protobuf import struct_pb2

from engine_service.sweeps.columns import COLUMNS, EDGE_SCORE
from tapedeck.v1 import sweep_pb2

Place = tuple[sweep_pb2.SweepResults, int]
"""A result: a message and a place in its columns."""


def metric_at(column: sweep_pb2.MetricColumn, place: int) -> float | None:
    """The value of a metric at a place of its column; None when it is undefined."""
    if undefined := column.undefined:
        at = bisect_left(undefined, place)
        if at < len(undefined) and undefined[at] == place:
            return None
    return column.values[place]


def parameters_at(results: sweep_pb2.SweepResults, place: int) -> dict[str, struct_pb2.Value]:
    """The parameters of a result that vary."""
    return {column.name: parameter_at(column, place) for column in results.parameters}


def parameter_at(column: sweep_pb2.ParameterColumn, place: int) -> struct_pb2.Value:
    """The value of a parameter at a place of its column."""
    return column.values[place] if column.values else struct_pb2.Value(number_value=column.numbers[place])


def picked(places: Sequence[Place]) -> sweep_pb2.SweepResults:
    """One message with the results at some places of others that have the same columns, in that order."""
    if not places:
        return sweep_pb2.SweepResults()
    first, _ = places[0]
    return sweep_pb2.SweepResults(
        numbers=[results.numbers[place] for results, place in places],
        symbols=[results.symbols[place] for results, place in places] if first.symbols else [],
        parameters=[
            parameter_column(column.name, [parameter_at(results.parameters[at], place) for results, place in places])
            for at, column in enumerate(first.parameters)
        ],
        metrics=[
            metric_column(column.metric, [metric_at(results.metrics[at], place) for results, place in places])
            for at, column in enumerate(first.metrics)
        ],
    )


def recorded(results: Sequence[sweep_pb2.SweepResult], names: Sequence[str]) -> sweep_pb2.SweepResults:
    """The same results as the store says them, one by one.

    Args:
        results: Of one sweep.
        names: Its parameters that vary.
    """
    rows = [[_metric(result, name) for name in COLUMNS] for result in results]
    return sweep_pb2.SweepResults(
        numbers=[result.number for result in results],
        symbols=[result.symbol for result in results if result.symbol],
        parameters=[parameter_column(name, [result.parameters.fields[name] for result in results]) for name in names],
        metrics=[metric_column(name, [row[at] for row in rows]) for at, name in enumerate(COLUMNS)],
    )


def parameter_column(name: str, values: Sequence[struct_pb2.Value]) -> sweep_pb2.ParameterColumn:
    """A column of numbers when all values are, else of values."""
    if all(value.HasField("number_value") for value in values):
        return sweep_pb2.ParameterColumn(name=name, numbers=[value.number_value for value in values])
    return sweep_pb2.ParameterColumn(name=name, values=values)


def metric_column(name: str, values: Sequence[float | None]) -> sweep_pb2.MetricColumn:
    """A column of values, of which None is undefined."""
    undefined = [place for place, value in enumerate(values) if value is None]
    return sweep_pb2.MetricColumn(metric=name, values=[0.0 if value is None else value for value in values], undefined=undefined)


def _metric(result: sweep_pb2.SweepResult, name: str) -> float | None:
    if name == EDGE_SCORE:
        return result.edge_score if result.HasField("edge_score") else None
    value: float = getattr(result.metrics, name)
    return value if result.metrics.HasField(name) else None
