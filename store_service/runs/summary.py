"""Statistics of metrics over runs, by group. PostgreSQL computes them, exactly."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Double,
    FromClause,
    Row,
    Select,
    Text,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
    type_coerce,
)
from sqlalchemy import text as sql_text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.arrays import NumpyArray
from store_service.comparison import best_and_worst
from store_service.conversions import has_succeeded
from store_service.filter_fields import Condition
from store_service.filtering import SHOWN_CHARS, parse_field
from store_service.models import SORTABLE_METRICS, runs
from store_service.paging import MAX_PAGE_BYTES
from store_service.violations import refuse
from tapedeck.v1 import store_service_pb2
from tapedeck_rpc import errors

MAX_SUMMARIZED_RUNS = 100_000
"""Most runs in all groups together: with all metrics they take a second, well within the time of a statement."""

MAX_GROUPS = 500
"""Most groups: more than anybody reads, and with all metrics 4 MB, a quarter of the largest message."""

_PROBABILITIES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_MEDIAN = _PROBABILITIES.index(0.5)


@dataclass(frozen=True, slots=True)
class Grouping:
    """What puts runs into groups."""

    rows: FromClause
    """The runs, each as often as it is in a group."""
    key: ColumnElement[Any] | None
    """The value that a group has in common; None: all are one group."""


def parse_group_by(text: str) -> Grouping:
    """What a caller groups by.

    Raises:
        InvalidArgument: it is not the strategy, the symbol or a parameter.
    """
    try:
        name, *path = parse_field(text) if text else [""]
    except ValueError:
        name, path = text, []
    if name == "parameters" and path:
        held: ColumnElement[Any] = runs.c.parameters
        for key in path:
            held = held[key]
        return Grouping(runs, func.nullif(held, sql_text("'null'::jsonb")))
    if path or name not in {"", "strategy", "symbol"}:
        raise refuse("group_by", f'is "strategy", "symbol" or a parameter such as "parameters.fast", not "{text[:SHOWN_CHARS]}"')
    if name == "symbol":
        symbols = func.unnest(runs.c.symbols).table_valued(column("symbol", Text)).render_derived()
        return Grouping(runs.join(symbols, true()), symbols.c.symbol)
    return Grouping(runs, runs.c.strategy if name else None)


def parse_metrics(names: Sequence[str]) -> Sequence[str]:
    """The metrics that a caller names; all when there are none.

    Raises:
        InvalidArgument: some are no metrics, or named twice.
    """
    if len(names) > len(SORTABLE_METRICS):
        raise refuse("metrics", f"are {len(names):,}, more than there are: {len(SORTABLE_METRICS)}")
    violations = []
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        first = seen.setdefault(name, place)
        if name not in SORTABLE_METRICS:
            near = difflib.get_close_matches(name[:SHOWN_CHARS], SORTABLE_METRICS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SORTABLE_METRICS)}"
            violations.append(errors.Violation(f"metrics[{place}]", f'is not a metric: "{name[:SHOWN_CHARS]}"; {hint}'))
        elif first != place:
            violations.append(errors.Violation(f"metrics[{place}]", f"repeats metrics[{first}]"))
    if violations:
        raise errors.InvalidArgument(violations=violations)
    return names or SORTABLE_METRICS


async def summarize(
    connection: AsyncConnection, matching: Condition, grouping: Grouping, metrics: Sequence[str]
) -> list[store_service_pb2.RunGroup]:
    """The groups of the runs that match and succeeded, in the order of their values.

    Raises:
        InvalidArgument: there are too many runs, or too many groups.
    """
    if (await connection.execute(run_count(matching, grouping))).scalar_one() > MAX_SUMMARIZED_RUNS:
        each = "" if grouping.rows is runs else ", counted once for each of their symbols"
        narrow = "narrow it, such as by create_time > 2026-01-01, a strategy, a symbol or a label"
        raise refuse("filter", f"matches more than {MAX_SUMMARIZED_RUNS:,} runs{each}, the most that are summarized at once: {narrow}")
    rows = (await connection.execute(statistics(matching, grouping, metrics))).all()
    if len(rows) > MAX_GROUPS:
        raise refuse("group_by", f"makes more than {MAX_GROUPS} groups, the most that are returned: narrow the filter, or take another")
    groups = [_group(row, metrics, has_value=grouping.key is not None) for row in rows]
    if sum(group.ByteSize() for group in groups) > MAX_PAGE_BYTES:
        raise refuse("group_by", "makes groups whose values are too long to be returned together: narrow the filter, or take another")
    return groups


def run_count(matching: Condition, grouping: Grouping) -> Select[int]:
    """How many runs there are, each as often as it is in a group; counted to one more than the limit."""
    found: Select[Any] = (
        select(literal_column("1")).select_from(grouping.rows).where(has_succeeded, matching).limit(MAX_SUMMARIZED_RUNS + 1)
    )
    return select(func.count()).select_from(found.subquery())


def statistics(matching: Condition, grouping: Grouping, metrics: Sequence[str]) -> Select[Any]:
    """Value, number of runs, and count, sum and quantiles of each metric: a row per group, at most one more than the limit."""
    probabilities = literal(list(_PROBABILITIES), ARRAY(Double))
    columns: list[ColumnElement[Any]] = [literal_column("NULL") if grouping.key is None else grouping.key, func.count()]
    for name in metrics:
        metric = runs.c[name]
        quantiles = func.percentile_cont(probabilities).within_group(metric)
        columns += [func.count(metric), func.sum(metric), type_coerce(quantiles, NumpyArray(Double))]
    labelled = [each.label(f"column_{place}") for place, each in enumerate(columns)]
    found: Select[Any] = select(*labelled).select_from(grouping.rows).where(has_succeeded, matching).limit(MAX_GROUPS + 1)
    return found if grouping.key is None else found.group_by(grouping.key).order_by(grouping.key)


def _group(row: Row[*tuple[Any, ...]], metrics: Sequence[str], *, has_value: bool) -> store_service_pb2.RunGroup:
    value, run_count, *statistics = row
    group = store_service_pb2.RunGroup(run_count=run_count)
    if has_value:
        json_format.ParseDict(value, group.value)
    for name, count, total, quantiles in zip(metrics, *(statistics[start::3] for start in range(3)), strict=True):
        group.metrics.append(_summary(name, run_count, count, total, quantiles))
    return group


def _summary(
    name: str, run_count: int, count: int, total: float | None, quantiles: NDArray[np.float64] | None
) -> store_service_pb2.MetricSummary:
    summary = store_service_pb2.MetricSummary(metric=name, count=count, undefined_count=run_count - count)
    if total is None or quantiles is None:
        return summary
    summary.mean = total / count
    summary.median = quantiles[_MEDIAN]
    summary.quantiles.extend(
        store_service_pb2.Quantile(probability=probability, value=value)
        for probability, value in zip(_PROBABILITIES, quantiles, strict=True)
        if probability != _PROBABILITIES[_MEDIAN]
    )
    lowest, *_, highest = quantiles
    best, worst = best_and_worst(name, lowest, highest)
    summary.MergeFrom(store_service_pb2.MetricSummary(best=best, worst=worst))
    return summary
