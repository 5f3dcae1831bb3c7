"""The SQL of sweeps."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from sqlalchemy import Column, Select, bindparam, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import RESULT_COLUMNS, SWEEP_COLUMNS
from store_service.filter_fields import Condition
from store_service.models import RESULT_METRICS, sweep_results, sweeps
from store_service.paging import OrderBy, parse_order_by
from store_service.recording.driver import DriverStatement
from tapedeck.v1 import sweep_pb2

GET_SWEEP = select(*SWEEP_COLUMNS).where(sweeps.c.sweep_id == bindparam("sweep_id"))
OWNER = select(*SWEEP_COLUMNS).where(sweeps.c.request_id == bindparam("request_id"))

_FINISH = DriverStatement(
    update(sweeps).where(sweeps.c.sweep_id == bindparam("id")).values(finish_time=func.clock_timestamp()),
    ("request_id", "state", "result_count", "finished"),
)
"""By the driver, as whoever sweeps waits for it."""

NEWEST_FIRST = OrderBy("create_time", sweeps.c.create_time, (sweeps.c.sweep_id,), descending=True)
"""The order of ListSweeps."""

SORT_KEYS: Mapping[str, Column[Any]] = {name: sweep_results.c[name] for name in ("number", "create_time", *RESULT_METRICS)}
"""What results are sorted by. Over all sweeps there are indexes for create_time, with and without a symbol."""


def list_sweeps(condition: Condition) -> Select[Any]:
    """Sweeps, in no order yet."""
    return select(*SWEEP_COLUMNS).where(condition)


def list_results(condition: Condition, sweep_id: uuid.UUID | None) -> Select[Any]:
    """Results of a sweep, or of all, in no order yet."""
    results = select(*RESULT_COLUMNS).join_from(sweep_results, sweeps).where(condition)
    return results if sweep_id is None else results.where(sweep_results.c.sweep_id == sweep_id)


def parse_result_order(text: str, *, one_sweep: bool) -> OrderBy:
    """The order of results that a caller asks for.

    In one sweep equal ones come by their numbers, lowest first, as they are ranked. Over all sweeps they come by sweep and number, in the
    direction of the order, as the indexes have them.

    Raises:
        InvalidArgument: it is not one known field with an optional direction (INVALID_FILTER).
    """
    number = sweep_results.c.number
    if not one_sweep:
        return parse_order_by(text, SORT_KEYS, (sweep_results.c.sweep_id, number))
    order = parse_order_by(text, SORT_KEYS, (number,), default="number")
    if order.name == "number":
        return replace(order, ties=())
    return replace(order, ties=(-number,)) if order.descending else order


async def insert_sweep(connection: AsyncConnection, started: sweep_pb2.SweepStarted, source: sweep_pb2.SweepSource) -> bool:
    """Insert a sweep that is not finished yet; False when the sweep or its request_id is there already.

    Waits for the end of a transaction that is about to insert the same one. `finish_sweep` has to follow in this transaction.
    """
    spec = started.sweep.spec
    row = {
        "sweep_id": uuid.UUID(started.sweep_id),
        "create_time": started.create_time.ToDatetime(tzinfo=UTC),
        "finish_time": func.now(),
        "state": int(sweep_pb2.SWEEP_STATE_SUCCEEDED),
        "source": int(source),
        "strategy": spec.strategy,
        "strategy_type": started.strategy_type or None,
        "dataset": spec.dataset,
        "interval": spec.interval,
        "symbols": list(spec.symbols),
        "labels": dict(started.labels),
        "request_id": started.request_id or None,
        "result_count": 0,
        "started": started.SerializeToString(deterministic=True),
        "finished": b"",
    }
    statement = postgresql.insert(sweeps).values(row).on_conflict_do_nothing().returning(sweeps.c.sweep_id)
    return await connection.scalar(statement) is not None


async def finish_sweep(connection: AsyncConnection, started: sweep_pb2.SweepStarted, finished: sweep_pb2.SweepFinished) -> None:
    """Add what the last part says."""
    succeeded = finished.state == sweep_pb2.SWEEP_STATE_SUCCEEDED
    values = {
        "id": uuid.UUID(started.sweep_id),
        # Whoever was cut off, or failed, may try again with the same key.
        "request_id": started.request_id if succeeded and started.request_id else None,
        "state": int(finished.state),
        "result_count": finished.result_count,
        "finished": finished.SerializeToString(deterministic=True),
    }
    await _FINISH.run(connection, values)
