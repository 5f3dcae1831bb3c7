"""Runs side by side: metrics, specs and equity curves. Pure functions; numpy does the aligning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from google.protobuf import json_format, struct_pb2
from google.protobuf.descriptor import FieldDescriptor
from numpy.typing import NDArray

from tapedeck.v1 import run_pb2, store_service_pb2

HIGHER_IS_BETTER = frozenset(
    {
        *("total_return", "annual_return", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "alpha"),
        # Falls are 0 or below, losses below 0: the highest is the one nearest to zero.
        *("max_drawdown", "average_loss", "worst_session_return"),
        *("final_portfolio_value", "pnl", "win_rate", "profit_factor", "expectancy", "average_win", "best_session_return"),
    }
)
"""Metrics whose highest value is the best."""

LOWER_IS_BETTER = frozenset({"annual_volatility"})
"""Metrics whose lowest value is the best. For all others no value is better than another: trading more often is not trading better."""


def best_and_worst(metric: str, lowest: float, highest: float) -> tuple[float, float] | tuple[None, None]:
    """Which of the ends of a metric's values is the best and which the worst; None where no value is better than another."""
    if metric in HIGHER_IS_BETTER:
        return highest, lowest
    return (lowest, highest) if metric in LOWER_IS_BETTER else (None, None)


_NUMBERS = tuple(
    field.name for field in run_pb2.Metrics.DESCRIPTOR.fields if field.type in {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_INT32}
)


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """Portfolio value at the close of each session."""

    run_id: str
    session_dates: NDArray[np.int32]
    """Shape [sessions], yyyymmdd, rising."""
    portfolio_values: NDArray[np.float64]
    """Shape [sessions], account currency."""


def compare_metrics(runs: Sequence[run_pb2.Run]) -> list[store_service_pb2.MetricComparison]:
    """One entry per number of Metrics that at least one of the runs has, in the order of Metrics."""
    return [_compare_metric(name, runs) for name in _NUMBERS if any(run.metrics.HasField(name) for run in runs)]


def _compare_metric(name: str, runs: Sequence[run_pb2.Run]) -> store_service_pb2.MetricComparison:
    values = {run.run_id: float(getattr(run.metrics, name)) for run in runs if run.metrics.HasField(name)}
    best: float | None = None
    if name in HIGHER_IS_BETTER:
        best = max(values.values())
    elif name in LOWER_IS_BETTER:
        best = min(values.values())
    return store_service_pb2.MetricComparison(
        metric=name,
        values=[store_service_pb2.MetricValue(run_id=run.run_id, value=values.get(run.run_id)) for run in runs],
        best_run_ids=[run_id for run_id, value in values.items() if value == best],
    )


def compare_specs(specs: Sequence[run_pb2.RunSpec]) -> list[store_service_pb2.SpecDifference]:
    """One entry per field in which the specs differ, nested fields by their path; a spec without the field has null."""
    if all(spec == specs[0] for spec in specs):
        return []
    flat = [dict(_leaves("", json_format.MessageToDict(spec, preserving_proto_field_name=True))) for spec in specs]
    names = sorted({name for fields in flat for name in fields})
    return [
        store_service_pb2.SpecDifference(
            field=name, values=[json_format.Parse(fields.get(name, "null"), struct_pb2.Value()) for fields in flat]
        )
        for name in names
        if any(fields.get(name) != flat[0].get(name) for fields in flat)
    ]


_in_json = json.JSONEncoder(sort_keys=True).encode


def _leaves(prefix: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields by path, such as "parameters.fast" or "slippage.none", in JSON; a list is one value, and so is an empty message."""
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _leaves(f"{prefix}{name}.", value)
        else:
            yield prefix + name, _in_json(value)


def align_curves(curves: Sequence[EquityCurve]) -> store_service_pb2.AlignedCurves:
    """The curves on the sessions that all of them have; curves without sessions are left out."""
    drawn = [curve for curve in curves if len(curve.session_dates)]
    if not drawn:
        return store_service_pb2.AlignedCurves(note="none of the runs has sessions")
    common = reduce(_in_both, (curve.session_dates for curve in drawn))
    return store_service_pb2.AlignedCurves(
        # As lists: a message takes an array element by element, each as an object of numpy's.
        session_dates=common.tolist(),
        curves=[store_service_pb2.Curve(run_id=curve.run_id, portfolio_values=_values_on(common, curve).tolist()) for curve in drawn],
        note="" if len(common) else "the runs have no session in common",
    )


def _values_on(common: NDArray[np.int32], curve: EquityCurve) -> NDArray[np.float64]:
    """The values on dates that are all among the curve's."""
    if len(common) == len(curve.session_dates):
        return curve.portfolio_values
    return curve.portfolio_values[np.isin(curve.session_dates, common, assume_unique=True)]


def _in_both(dates: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.int32]:
    """The dates that are in both; often they are the same, and looking costs nothing."""
    return dates if np.array_equal(dates, others) else np.intersect1d(dates, others, assume_unique=True)
