"""The SQL of recording. Statements are built once: a message costs their execution, not their making."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import BindParameter, Boolean, Interval, and_, bindparam, case, func, null, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import TERMINAL_STATES, has_succeeded, is_stale
from store_service.models import round_trips, run_batches, runs
from store_service.recording import rows
from store_service.recording.driver import AnyConnection, DriverCopy, DriverStatement
from tapedeck.v1 import run_pb2

MAX_EARLIER_RUNS = 10
"""Earlier runs named in the first acknowledgement: enough to see that the question was asked before."""

_ended: BindParameter[bool] = bindparam("ended", type_=Boolean)
_lease = func.clock_timestamp() + bindparam("lease", type_=Interval)
_CLOCKS = {
    # clock_timestamp(), not now(): the transaction may have waited for the row's lock.
    "lease_expire_time": case((_ended, null()), else_=_lease),
    "finish_time": case((_ended, func.now())),
}
_MOVE = update(runs).where(runs.c.run_id == bindparam("id")).values(_CLOCKS)
_INSERT = postgresql.insert(runs).values(_CLOCKS).on_conflict_do_nothing()

_LOCKED_COLUMNS = (
    *(runs.c.run_id, runs.c.state, runs.c.next_sequence, runs.c.chain_digest, runs.c.sessions_recorded, runs.c.last_session_date),
    *(runs.c.symbols, runs.c.spec_digest, runs.c.writer_epoch, runs.c.claim_count, runs.c.cancel_requested, is_stale.label("is_stale")),
)
# NO KEY UPDATE: rows of other tables that refer to the run may be written meanwhile.
_LOCK = select(*_LOCKED_COLUMNS).where(runs.c.run_id == bindparam("id")).with_for_update(key_share=True)
_LOCK_STALE = (
    select(*_LOCKED_COLUMNS).where(is_stale).order_by(runs.c.create_time).limit(1).with_for_update(key_share=True, skip_locked=True)
)
_CANCEL = update(runs).where(runs.c.run_id == bindparam("id")).values(cancel_requested=True)
_OWNER = select(runs.c.run_id, runs.c.spec_digest).where(runs.c.request_id == bindparam("request_id"))
_EARLIER = (
    select(runs.c.run_id, runs.c.create_time, runs.c.state)
    .where(
        runs.c.spec_digest == bindparam("spec_digest"),
        runs.c.run_id != bindparam("id"),
        has_succeeded,
    )
    .order_by(runs.c.create_time.desc(), runs.c.run_id.desc())
    .limit(MAX_EARLIER_RUNS)
)
_KNOWN = select(runs.c.run_id).where(or_(runs.c.run_id == bindparam("id"), runs.c.request_id == bindparam("request_id"))).limit(1)
_ENDS = select(runs.c.started, runs.c.finished, runs.c.symbols, runs.c.next_sequence).where(runs.c.run_id == bindparam("id"))
_BATCHES = (
    select(run_batches)
    .where(and_(run_batches.c.run_id == bindparam("id"), run_batches.c.sequence.between(bindparam("first"), bindparam("last"))))
    .order_by(run_batches.c.sequence)
)
_TRIPS = select(round_trips).where(round_trips.c.run_id == bindparam("id")).order_by(round_trips.c.number)

# In one statement, so that numbers are given in one round trip; in the order of the versions, so that two transactions never wait for each
# other. A version's row stays locked until the commit: only statistics are written after it.
_NUMBER_RUNS = text("""
    WITH new AS (
        SELECT run_id, strategy, source_digest,
               row_number() OVER (version ORDER BY create_time, run_id) AS place, count(*) OVER version AS together
        FROM (SELECT run_id, create_time, strategy, provenance ->> 'strategy_source_digest' AS source_digest
              FROM runs WHERE run_id = ANY(:run_ids)) AS runs
        WHERE char_length(source_digest) = 64
        WINDOW version AS (PARTITION BY strategy, source_digest)
    ), counted AS (
        INSERT INTO strategy_iterations AS known (strategy, source_digest, last_iteration)
        SELECT strategy, source_digest, count(*) FROM new GROUP BY strategy, source_digest ORDER BY strategy, source_digest
        ON CONFLICT (strategy, source_digest) DO UPDATE SET last_iteration = known.last_iteration + excluded.last_iteration
        RETURNING strategy, source_digest, last_iteration
    )
    INSERT INTO run_iterations (run_id, strategy, source_digest, iteration)
    SELECT run_id, strategy, source_digest, last_iteration - together + place FROM new JOIN counted USING (strategy, source_digest)
""")

_PROGRESS = [field.name for field in fields(rows.Progress)]
_LOCK_BY_DRIVER = DriverStatement(_LOCK)
_MOVE_BY_DRIVER = DriverStatement(_MOVE, _PROGRESS)
INSERT_RUN = DriverStatement(_INSERT, [column.name for column in runs.columns if column.name not in _CLOCKS])
EARLIER_RUNS = DriverStatement(_EARLIER)
LOAD_BATCHES = DriverStatement(_BATCHES, reads_lists=True)
LOAD_TRIPS = DriverStatement(_TRIPS)
NUMBER_RUNS = DriverStatement(_NUMBER_RUNS)
COPY_BATCHES = DriverCopy(run_batches)
COPY_TRIPS = DriverCopy(round_trips)


@dataclass(frozen=True, slots=True)
class LockedRun:
    """A run whose row this transaction has locked."""

    run_id: uuid.UUID
    progress: rows.Progress
    symbols: list[str]
    spec_digest: str
    writer_epoch: int
    claim_count: int
    cancel_requested: bool
    is_stale: bool

    @property
    def has_ended(self) -> bool:
        """Whether its state is terminal."""
        return self.progress.state in TERMINAL_STATES


def _locked(row: Any) -> LockedRun | None:
    if row is None:
        return None
    run_id, state, next_sequence, chain_digest, sessions_recorded, last_session_date, *rest = row
    return LockedRun(run_id, rows.Progress(state, next_sequence, chain_digest, sessions_recorded, last_session_date), *rest)


async def lock_run(connection: AsyncConnection, run_id: uuid.UUID) -> LockedRun | None:
    """The run, locked until the end of the transaction; None when there is none."""
    return _locked(await (await _LOCK_BY_DRIVER.run(connection, {"id": run_id})).fetchone())


async def lock_stale_run(connection: AsyncConnection) -> LockedRun | None:
    """The oldest stale run that nobody else looks at, locked; None when there is none."""
    return _locked((await connection.execute(_LOCK_STALE)).one_or_none())


async def insert_run(connection: AnyConnection, run_id: uuid.UUID, progress: rows.Progress, values: rows.Row, lease: timedelta) -> bool:
    """Insert a run; False when the run or its request_id is there already."""
    row = {"run_id": run_id, "writer_epoch": 1, "claim_count": 0, "cancel_requested": False, **values}
    cursor = await INSERT_RUN.run(connection, {**row, **_moved(progress, lease)})
    return cursor.rowcount == 1


async def update_run(connection: AsyncConnection, run_id: uuid.UUID, progress: rows.Progress, lease: timedelta, values: rows.Row) -> None:
    """Set a run's progress, and other columns; its lease is renewed, or ends with the run."""
    parameters = {"id": run_id, **_moved(progress, lease)}
    if values:
        await connection.execute(_MOVE, {**parameters, **values})
    else:
        await _MOVE_BY_DRIVER.run(connection, parameters)


def _moved(progress: rows.Progress, lease: timedelta) -> rows.Row:
    return {**asdict(progress), "ended": progress.state in TERMINAL_STATES, "lease": lease}


async def request_cancel(connection: AsyncConnection, run_id: uuid.UUID) -> None:
    """Note that a run is to be cancelled."""
    await connection.execute(_CANCEL, {"id": run_id})


async def insert_events(connection: AnyConnection, batches: bytes, trips: Sequence[rows.Record]) -> None:
    """Insert the rows of batches, in COPY's binary format, and of round trips."""
    if batches:
        await COPY_BATCHES.write(connection, batches)
    if trips:
        await COPY_TRIPS.write_rows(connection, trips)


async def number_runs(connection: AnyConnection, run_ids: Sequence[uuid.UUID]) -> None:
    """Give new runs their iterations within the versions of their strategies; after it, a transaction only adds to statistics."""
    await NUMBER_RUNS.run(connection, {"run_ids": list(run_ids)})


async def request_owner(connection: AsyncConnection, request_id: str) -> tuple[uuid.UUID, str] | None:
    """The run that a request_id made, and its spec digest."""
    row = (await connection.execute(_OWNER, {"request_id": request_id})).one_or_none()
    return None if row is None else (row.run_id, row.spec_digest)


async def is_known(connection: AsyncConnection, run_id: uuid.UUID, request_id: str) -> bool:
    """Whether the run is stored, or another one that its request_id made."""
    return (await connection.execute(_KNOWN, {"id": run_id, "request_id": request_id})).first() is not None


async def earlier_runs(connection: AnyConnection, run_id: uuid.UUID, spec_digest: str) -> list[run_pb2.EarlierRun]:
    """Other runs of the spec that succeeded, newest first."""
    found = await EARLIER_RUNS.run(connection, {"id": run_id, "spec_digest": spec_digest})
    return [
        run_pb2.EarlierRun(run_id=str(earlier), create_time=create_time, state=state)
        for earlier, create_time, state in await found.fetchall()
    ]


async def load_started(connection: AsyncConnection, run_id: uuid.UUID) -> run_pb2.RunStarted:
    """The first event of a run that exists."""
    return run_pb2.RunStarted.FromString(await connection.scalar(select(runs.c.started).where(runs.c.run_id == run_id)) or b"")


async def load_events(connection: AsyncConnection, run_id: uuid.UUID, first: int, last: int) -> list[run_pb2.RunEvent]:
    """Stored events of a run, made again, those between two sequences, both included; fewer when there are fewer."""
    run = (await connection.execute(_ENDS, {"id": run_id})).one_or_none()
    if run is None:
        return []
    events = [rows.started_event(run.started)] if first <= 1 <= last else []
    events += [rows.batch_event(row, run.symbols) for row in await load_batches(connection, run_id, first, last)]
    if run.finished is not None and first <= run.next_sequence - 1 <= last:
        events.append(rows.finished_event(run.next_sequence - 1, run.finished, await load_trips(connection, run_id)))
    return events


async def load_batches(connection: AsyncConnection, run_id: uuid.UUID, first: int, last: int) -> list[rows.Row]:
    """The rows of a run's batches between two sequences, both included."""
    found = await LOAD_BATCHES.run(connection, {"id": run_id, "first": first, "last": last})
    return [dict(zip(run_batches.c.keys(), row, strict=True)) for row in await found.fetchall()]


async def load_trips(connection: AsyncConnection, run_id: uuid.UUID) -> list[rows.Row]:
    """The rows of a run's round trips."""
    found = await LOAD_TRIPS.run(connection, {"id": run_id})
    return [dict(zip(round_trips.c.keys(), row, strict=True)) for row in await found.fetchall()]
