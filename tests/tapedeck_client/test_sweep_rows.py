"""Columns of results as rows."""

from __future__ import annotations

from google.protobuf import struct_pb2
from google.protobuf.descriptor import FieldDescriptor

from tapedeck.v1.run_pb2 import Metrics
from tapedeck.v1.sweep_pb2 import MetricColumn, ParameterColumn, SweepResult, SweepResults
from tapedeck_client.sweep_rows import ResultRow, parameter_names, recorded_row, result_rows
from tests.tapedeck_client.sweep_story import columns, recorded_results


def test_columns_become_rows_in_their_order() -> None:
    best, second = result_rows(columns([3, 0], symbols=["GOOG", "IBM"]))
    assert (best.number, best.symbol, best.parameters) == (4, "GOOG", {"fast": 10, "slow": 100})
    assert (second.number, second.symbol, second.metrics["sharpe_ratio"]) == (1, "IBM", 0.5)


def test_an_undefined_metric_is_none_and_zero_is_zero() -> None:
    column = MetricColumn(metric="win_rate", values=[0, 0, 0.5], undefined=[1])
    rows = result_rows(SweepResults(numbers=[1, 2, 3], metrics=[column]))
    assert [row.metrics for row in rows] == [{"win_rate": 0}, {"win_rate": None}, {"win_rate": 0.5}]


def test_a_parameter_may_be_anything() -> None:
    values = struct_pb2.ListValue()
    values.append("daily")
    values.add_list().extend(["a", "b"])
    results = SweepResults(numbers=[1, 2], parameters=[ParameterColumn(name="rules", values=values.values)])
    assert [row.parameters for row in result_rows(results)] == [{"rules": "daily"}, {"rules": ["a", "b"]}]


def test_no_results_are_no_rows() -> None:
    assert list(result_rows(SweepResults(parameters=[ParameterColumn(name="fast")]))) == []


def test_a_recorded_result_has_every_metric_of_the_contract_and_the_edge_score() -> None:
    row = recorded_row(recorded_results()[2])
    assert (row.number, row.symbol, row.parameters) == (3, "IBM", {"fast": 10, "slow": 50})
    assert (row.metrics["sharpe_ratio"], row.metrics["trades_total"], row.metrics["edge_score"]) == (None, 12, 0.5)
    numeric = {field.name for field in Metrics.DESCRIPTOR.fields if field.type != FieldDescriptor.TYPE_STRING}
    assert set(row.metrics) == {*numeric, "edge_score"}
    assert recorded_row(SweepResult()).metrics["edge_score"] is None


def test_parameters_are_named_in_the_order_in_which_they_come() -> None:
    rows = [ResultRow(1, "", {"slow": 1}, {}), ResultRow(2, "", {"fast": 1, "slow": 2}, {})]
    assert parameter_names(rows) == ["slow", "fast"]
