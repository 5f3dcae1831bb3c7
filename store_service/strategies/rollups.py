"""Statistics of each strategy's runs, kept up to date in the transactions in which runs end.

A strategy's statistics are the sum of SLOTS rows; a run belongs to one of them by its id. What a run brings as it ends is added to its row.
What it takes away when it is deleted can't be subtracted: the next one who asks computes the row again, from the runs.
"""

from __future__ import annotations

import math
import operator
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Double,
    Row,
    SmallInteger,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from store_service.comparison import best_and_worst
from store_service.conversions import has_succeeded
from store_service.models import COUNT_METRICS, SORTABLE_METRICS, is_kept, runs
from store_service.recording.driver import AnyConnection, DriverStatement
from store_service.strategy_models import strategy_statistics
from tapedeck.v1 import run_pb2, strategy_pb2

_Columns = ReadOnlyColumnCollection[str, Any]

SLOTS = 16
"""Rows of a strategy: runs that end at the same time rarely wait for each other's commit, and reading them is one short index scan. The
statistics of stored runs are in these rows, so another number takes a migration that computes them again."""

LARGEST_ADDED = 1e290
"""Largest value that is added up: as many as can be counted stay below the largest double, whose overflow is an error. It would keep a run
from being recorded; with a larger value the sum is NaN instead."""

_ADDED = ("run_count", *(f"{metric}_{each}" for metric in SORTABLE_METRICS for each in ("count", "sum")))
_LOWEST = tuple(f"{metric}_lowest" for metric in SORTABLE_METRICS)
_HIGHEST = ("newest_create_time", *(f"{metric}_highest" for metric in SORTABLE_METRICS))

_rows = strategy_statistics
_slot = func.mod(func.get_byte(func.uuid_send(runs.c.run_id), literal_column("15")), literal_column(str(SLOTS))).label("slot")
_is_given = runs.c.run_id == any_(bindparam("run_ids", type_=ARRAY(Uuid)))
_asked_strategy, _asked_slot = bindparam("asked_strategy", type_=Text), bindparam("asked_slot", type_=SmallInteger)


def _of_runs() -> dict[str, ColumnElement[Any]]:
    """The statistics of runs."""
    found: dict[str, ColumnElement[Any]] = {"run_count": func.count(), "newest_create_time": func.max(runs.c.create_time)}
    for metric in SORTABLE_METRICS:
        found[f"{metric}_count"] = func.count(runs.c[metric])
        found[f"{metric}_sum"] = func.coalesce(func.sum(_addable(metric)), literal_column("0"))
        found[f"{metric}_lowest"] = func.min(runs.c[metric])
        found[f"{metric}_highest"] = func.max(runs.c[metric])
    return found


def _addable(metric: str) -> ColumnElement[Any]:
    value = runs.c[metric]
    if metric in COUNT_METRICS:
        return value
    return case((func.abs(value) > literal_column(repr(LARGEST_ADDED)), literal_column("'NaN'", Double)), else_=value)


def _of_rows() -> list[ColumnElement[Any]]:
    """The statistics of rows."""
    joins = ((_ADDED, func.sum), (_LOWEST, func.min), (_HIGHEST, func.max))
    return [join(_rows.c[name]).label(name) for names, join in joins for name in names]


def _of_two(row: _Columns, other: _Columns) -> dict[str, ColumnElement[Any]]:
    """The statistics of two rows. LEAST and GREATEST pass over NULL."""
    joins = ((_ADDED, operator.add), (_LOWEST, func.least), (_HIGHEST, func.greatest))
    return {name: join(row[name], other[name]) for names, join in joins for name in names}


# Both lock the rows in one order, so that two transactions never wait for each other, and come after whatever else locks in theirs: rows
# stay locked until the commit.
_by_slot = select(runs.c.strategy, _slot, *(value.label(name) for name, value in _of_runs().items())).where(_is_given, has_succeeded)
_by_slot = _by_slot.group_by(text("1"), text("2")).order_by(text("1"), text("2"))
_insert = postgresql.insert(_rows).from_select(_by_slot.selected_columns.keys(), _by_slot, include_defaults=False)
_ADD = _insert.on_conflict_do_update(index_elements=["strategy", "slot"], set_=_of_two(_rows.c, _insert.excluded))

_has_result = runs.c.state == literal_column(str(int(run_pb2.RUN_STATE_SUCCEEDED)))
_marked = select(runs.c.strategy, _slot, true().label("is_stale")).where(_is_given, _has_result).distinct()
_marked = _marked.order_by(text("1"), text("2"))
_MARK = (
    postgresql.insert(_rows)
    .from_select(["strategy", "slot", "is_stale"], _marked, include_defaults=False)
    .on_conflict_do_update(index_elements=["strategy", "slot"], set_={"is_stale": true()})
)

_LOCK = select(_rows.c.slot).where(_rows.c.strategy == _asked_strategy, _rows.c.slot == _asked_slot, _rows.c.is_stale).with_for_update()
# First their ids, which the index by strategy holds: of the strategy's runs only those of the slot are read, one in SLOTS.
_ids = select(runs.c.run_id).where(runs.c.strategy == _asked_strategy, _slot == _asked_slot, is_kept).correlate(None)
_computed = (
    select(_asked_strategy.label("strategy"), _asked_slot.label("asked_slot"), *(value.label(name) for name, value in _of_runs().items()))
    .where(runs.c.run_id == any_(func.array(_ids.scalar_subquery())), has_succeeded)
    .subquery("computed")
)
_COMPUTE = (
    update(_rows)
    .where(_rows.c.strategy == _computed.c.strategy, _rows.c.slot == _computed.c.asked_slot)
    .values({"is_stale": False, **{name: _computed.c[name] for name in _of_runs()}})
)

ADD_RUNS = DriverStatement(_ADD)
GET_STATISTICS = select(func.array_agg(_rows.c.slot).filter(_rows.c.is_stale).label("stale_slots"), *_of_rows()).where(
    _rows.c.strategy == _asked_strategy
)
"""What a strategy's rows say together, and which of them have to be computed again before that is so."""


async def add_runs(connection: AnyConnection, run_ids: Sequence[uuid.UUID]) -> None:
    """Add runs that ended in this transaction to the statistics, those that succeeded; its last statement."""
    await ADD_RUNS.run(connection, {"run_ids": list(run_ids)})


async def mark_stale(connection: AsyncConnection, run_ids: Sequence[uuid.UUID]) -> None:
    """Have the statistics computed again that runs are part of which this transaction deletes or brings back; its last statement."""
    await connection.execute(_MARK, {"run_ids": list(run_ids)})


async def compute(connection: AsyncConnection, strategy: str, slot: int) -> None:
    """Compute a row again, exactly, unless somebody else did while this one waited for its lock.

    The second statement sees what was committed before it began, and it begins when the row is locked: a run that is ending has the lock
    before that, and is seen, or gets it later, is not seen, and adds itself.
    """
    asked = {"asked_strategy": strategy, "asked_slot": slot}
    if (await connection.execute(_LOCK, asked)).first() is not None:
        await connection.execute(_COMPUTE, asked)


def described(strategy: str, row: Row[*tuple[Any, ...]]) -> strategy_pb2.StrategyStatistics:
    """The statistics that a row of GET_STATISTICS has."""
    values = row._mapping
    found = strategy_pb2.StrategyStatistics(strategy=strategy, run_count=row.run_count or 0)
    if row.newest_create_time is not None:
        found.newest_create_time.FromDatetime(row.newest_create_time)
    for metric in SORTABLE_METRICS:
        count, total, lowest, highest = (values[f"{metric}_{name}"] for name in ("count", "sum", "lowest", "highest"))
        each = found.metrics.add(metric=metric, count=count or 0, undefined_count=found.run_count - (count or 0))
        if count:
            best, worst = best_and_worst(metric, lowest, highest)
            mean = None if math.isnan(total) else total / count
            each.MergeFrom(strategy_pb2.MetricStatistics(mean=mean, lowest=lowest, highest=highest, best=best, worst=worst))
    return found
