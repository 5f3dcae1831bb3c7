"""Runs side by side."""

from __future__ import annotations

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE, Value
from hypothesis import given
from hypothesis import strategies as st

from tapedeck.v1.store_service_pb2 import AlignedCurves, CompareRunsResponse, Curve, MetricComparison, MetricValue, SpecDifference
from tapedeck_client.render.comparison import CURVE_COLUMNS, comparison, sparkline
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import FAILED_ID, OTHER_ID, RUN_ID, recorded_runs


def response() -> CompareRunsResponse:
    values = [MetricValue(run_id=RUN_ID, value=0.5), MetricValue(run_id=OTHER_ID, value=-0.1), MetricValue(run_id=FAILED_ID)]
    fast = [Value(number_value=10), Value(number_value=20), Value(null_value=NULL_VALUE)]
    return CompareRunsResponse(
        runs=recorded_runs(),
        metrics=[MetricComparison(metric="total_return", values=values, best_run_ids=[RUN_ID])],
        differences=[SpecDifference(field="parameters.fast", values=fast)],
    )


def row(shown: str, name: str) -> list[str]:
    return next(line for line in shown.splitlines() if line.startswith(name)).removeprefix(name).split()


def test_metrics_stand_side_by_side_with_the_best_marked() -> None:
    shown = printed(comparison(response()))
    assert row(shown, "Total return") == ["★", "50.00%", "-10.00%", "–"]
    assert row(shown, "State") == ["SUCCEEDED", "SUCCEEDED", "FAILED"]


def test_differences_between_the_specs_are_shown() -> None:
    assert row(printed(comparison(response())), "parameters.fast") == ["10", "20", "–"]


def test_ten_runs_fit_a_hundred_columns() -> None:
    many = CompareRunsResponse(runs=(recorded_runs() * 4)[:10], metrics=response().metrics)
    for run in many.runs:
        run.spec.strategy = "buy_and_hold"
    shown = printed(comparison(many))
    assert shown.count("State ") == 2
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 100


def test_differences_between_sharpe_ratios_are_shown_with_their_intervals() -> None:
    compared = response()
    compared.sharpe.best_run_id, compared.sharpe.return_count, compared.sharpe.confidence = RUN_ID, 2012, 0.95
    compared.sharpe.differences.add(run_id=OTHER_ID, difference=0.5, lowest=-0.1, highest=1.1)
    compared.sharpe.differences.add(run_id=FAILED_ID)
    shown = printed(comparison(compared))
    assert "Highest Sharpe ratio on 2,012 common sessions: aaaa0001" in shown
    assert "0.500  -0.100 to 1.100  no more than noise" in shown
    assert "has no Sharpe ratio there" in shown
    compared.sharpe.differences[0].is_more_than_noise = True
    assert "1.100  more than noise" in printed(comparison(compared))
    compared.sharpe.note = "the runs have nothing in common"
    assert "not tested: the runs have nothing in common" in printed(comparison(compared))


def test_curves_are_drawn_with_their_first_and_last_value() -> None:
    compared = response()
    compared.curves.CopyFrom(
        AlignedCurves(session_dates=[20050103, 20050104], curves=[Curve(run_id=RUN_ID, portfolio_values=[100.0, 200.5])])
    )
    shown = printed(comparison(compared))
    assert "2005-01-03 to 2005-01-04" in shown
    assert row(shown, "aaaa0001") == ["▁█", "100.00", "200.50"]


def test_curves_without_a_common_session_say_so() -> None:
    compared = response()
    compared.curves.note = "the runs have no session in common"
    assert "no session in common" in printed(comparison(compared))


@pytest.mark.parametrize(("values", "expected"), [([1, 2, 3], "▁▅█"), ([5, 5], "▁▁"), ([1], "▁")])
def test_a_curve_goes_from_its_lowest_to_its_highest_block(values: list[float], expected: str) -> None:
    assert sparkline(values) == expected


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=300))
def test_a_curve_is_never_wider_than_its_column_and_keeps_its_ends(values: list[float]) -> None:
    drawn = sparkline(values)
    assert len(drawn) == min(len(values), CURVE_COLUMNS)
    assert drawn[0] == sparkline([values[0], min(values), max(values)])[0]
    assert drawn[-1] == sparkline([values[-1], min(values), max(values)])[0]
