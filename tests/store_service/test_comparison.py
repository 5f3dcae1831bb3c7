"""Comparing runs: which is best at what, what their specs differ in, and their equity on common sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_service.comparison import HIGHER_IS_BETTER, LOWER_IS_BETTER, EquityCurve, align_curves, compare_metrics, compare_specs
from tapedeck.v1 import run_pb2


def _run(run_id: str, **metrics: float) -> run_pb2.Run:
    return run_pb2.Run(run_id=run_id, metrics=run_pb2.Metrics(**metrics))  # type: ignore[arg-type]


def _best(metric: str, **values: float) -> list[str]:
    (compared,) = compare_metrics([_run(run_id, **{metric: value}) for run_id, value in values.items()])
    return list(compared.best_run_ids)


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("sharpe_ratio", {"a": 1.0, "b": 2.0, "c": -3.0}, ["b"]),
        ("annual_volatility", {"a": 0.1, "b": 0.2}, ["a"]),
        ("max_drawdown", {"a": -0.5, "b": -0.1}, ["b"]),
        ("average_loss", {"a": -5.0, "b": -1.0}, ["b"]),
        ("worst_session_return", {"a": -0.05, "b": -0.01}, ["b"]),
        ("win_rate", {"a": 0.5, "b": 0.5, "c": 0.4}, ["a", "b"]),
        ("turnover", {"a": 1.0, "b": 2.0}, []),
        ("trades_total", {"a": 1, "b": 2}, []),
        ("exposure", {"a": 0.1, "b": 0.2}, []),
        ("beta", {"a": 0.1, "b": 0.2}, []),
        ("open_positions", {"a": 0, "b": 1}, []),
    ],
)
def test_the_best_run_of_a_metric(metric: str, values: dict[str, Any], best: list[str]) -> None:
    assert _best(metric, **values) == best


def test_the_metrics_that_have_a_best_are_metrics() -> None:
    assert set(run_pb2.Metrics.DESCRIPTOR.fields_by_name) > HIGHER_IS_BETTER | LOWER_IS_BETTER
    assert not HIGHER_IS_BETTER & LOWER_IS_BETTER


def test_a_run_without_the_metric_has_no_value_and_is_never_best() -> None:
    failed = run_pb2.Run(run_id="failed", state=run_pb2.RUN_STATE_FAILED)
    (compared,) = compare_metrics([failed, _run("a", sharpe_ratio=-1.0)])
    assert [(value.run_id, value.HasField("value")) for value in compared.values] == [("failed", False), ("a", True)]
    assert list(compared.best_run_ids) == ["a"]


def test_metrics_that_no_run_has_and_dates_are_left_out() -> None:
    runs = [run_pb2.Run(run_id="a", metrics=run_pb2.Metrics(best_session_date="2010-01-04", pnl=0.0))]
    assert [compared.metric for compared in compare_metrics(runs)] == ["pnl"]


def _spec(**fields: Any) -> run_pb2.RunSpec:
    return run_pb2.RunSpec(strategy="momentum", **fields)


def test_differences_name_nested_fields_by_their_path() -> None:
    none = run_pb2.Slippage(none=run_pb2.NoSlippage())
    points = run_pb2.Slippage(fixed_basis_points=run_pb2.FixedBasisPointsSlippage(basis_points=5.0))
    differences = compare_specs(
        [
            _spec(parameters={"fast": 10, "bands": {"width": 2.0}}, symbols=["A"], slippage=none),
            _spec(parameters={"fast": 20, "bands": {"width": 2.0}}, symbols=["A", "B"], slippage=points),
        ]
    )
    assert [difference.field for difference in differences] == [
        *("parameters.fast", "slippage.fixed_basis_points.basis_points", "slippage.none", "symbols")
    ]
    assert [value.number_value for value in differences[0].values] == [10, 20]
    assert [list(value.list_value.values) for value in differences[3].values] != [[], []]


def test_a_spec_without_a_field_has_null_there() -> None:
    (difference,) = compare_specs([_spec(parameters={"fast": 1}), _spec()])
    assert [value.WhichOneof("kind") for value in difference.values] == ["number_value", "null_value"]


def test_true_is_not_one() -> None:
    assert [d.field for d in compare_specs([_spec(parameters={"x": True}), _spec(parameters={"x": 1})])] == ["parameters.x"]


def test_a_difference_between_later_specs_counts() -> None:
    assert [d.field for d in compare_specs([_spec(), _spec(), _spec(interval="1d")])] == ["interval"]


def test_equal_specs_do_not_differ() -> None:
    assert compare_specs([_spec(parameters={"fast": 1})] * 3) == []


def _curve(run_id: str, dates: list[int], values: list[float] | None = None) -> EquityCurve:
    given_values = values if values is not None else [float(date) for date in dates]
    return EquityCurve(run_id, np.array(dates, np.int32), np.array(given_values, np.float64))


@given(st.lists(st.sets(st.integers(20_000_101, 20_000_131), min_size=1), min_size=1, max_size=5))
def test_curves_are_cut_to_the_sessions_that_all_have(sessions: list[set[int]]) -> None:
    aligned = align_curves([_curve(str(number), sorted(dates)) for number, dates in enumerate(sessions)])
    common = sorted(set.intersection(*sessions))
    assert list(aligned.session_dates) == common
    assert [list(curve.portfolio_values) for curve in aligned.curves] == [[float(date) for date in common]] * len(sessions)
    assert bool(aligned.note) == (not common)


def test_a_run_without_sessions_does_not_cut_the_others() -> None:
    aligned = align_curves([_curve("queued", []), _curve("a", [20100104, 20100105])])
    assert list(aligned.session_dates) == [20100104, 20100105]
    assert [curve.run_id for curve in aligned.curves] == ["a"]


def test_a_note_says_why_there_are_no_common_sessions() -> None:
    assert align_curves([_curve("a", [20100104]), _curve("b", [20110104])]).note == "the runs have no session in common"
    assert align_curves([_curve("a", [])]).note == "none of the runs has sessions"
