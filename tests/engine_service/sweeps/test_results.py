"""Picking results out of columns, and making columns of what the store says one by one."""

from __future__ import annotations

from google.protobuf import struct_pb2

from engine_service.sweeps.columns import COLUMNS
from engine_service.sweeps.results import metric_at, parameters_at, picked, recorded
from tapedeck.v1 import run_pb2, sweep_pb2


def mixed() -> tuple[sweep_pb2.SweepResults, sweep_pb2.SweepResults]:
    """Two messages of which one has a parameter as numbers, the other as values."""
    metrics = [sweep_pb2.MetricColumn(metric="total_return", values=[1.0, 0.0, 3.0], undefined=[1])]
    numbers = sweep_pb2.SweepResults(
        numbers=[1, 2, 3], parameters=[sweep_pb2.ParameterColumn(name="level", numbers=[5, 6, 7])], metrics=metrics
    )
    values = sweep_pb2.SweepResults(
        numbers=[4, 5, 6],
        parameters=[sweep_pb2.ParameterColumn(name="level", values=[struct_pb2.Value(string_value=text) for text in "abc"])],
        metrics=metrics,
    )
    return numbers, values


def test_what_is_picked_keeps_its_values_and_what_is_undefined() -> None:
    numbers, values = mixed()
    found = picked([(values, 2), (numbers, 1)])
    assert list(found.numbers) == [6, 2]
    assert [parameters_at(found, place)["level"] for place in (0, 1)] == [
        struct_pb2.Value(string_value="c"),
        struct_pb2.Value(number_value=6),
    ]
    assert [metric_at(found.metrics[0], place) for place in (0, 1)] == [3.0, None]
    assert list(picked([(numbers, 0), (numbers, 2)]).parameters[0].numbers) == [5, 7]
    assert picked([]) == sweep_pb2.SweepResults()


def test_recorded_results_become_the_columns_that_they_were() -> None:
    results = [
        sweep_pb2.SweepResult(
            number=number,
            symbol="GOOG",
            parameters=struct_pb2.Struct(fields={"fast": struct_pb2.Value(number_value=5 * number)}),
            metrics=run_pb2.Metrics(total_return=0.5) if number == 1 else run_pb2.Metrics(),
            edge_score=0.7 if number == 2 else None,
        )
        for number in (1, 2)
    ]
    found = recorded(results, ["fast"])
    assert [column.metric for column in found.metrics] == list(COLUMNS)
    assert (list(found.numbers), list(found.symbols), list(found.parameters[0].numbers)) == ([1, 2], ["GOOG", "GOOG"], [5, 10])
    assert [metric_at(found.metrics[0], place) for place in (0, 1)] == [0.5, None]
    assert [metric_at(found.metrics[-1], place) for place in (0, 1)] == [None, 0.7]
