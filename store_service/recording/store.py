"""Recording runs: one method per verb, every message in one transaction. Knows the database and the nouns of the contract, not gRPC."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import parse_run_id
from store_service.database import Database
from store_service.recording import queries, rows
from store_service.recording.changes import Changes, changes_of, compare
from store_service.recording.checks import Problems, check_envelope
from store_service.recording.opening import Openings
from store_service.recording.queries import LockedRun
from store_service.strategies.rollups import add_runs
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors

MAX_CLAIMS = 3
"""Engines that may take a run over before it is given up: a run that loses four engines in a row probably kills them."""

MAX_ENDED_PER_CLAIM = 100
"""Runs that one claim ends on its way to a run worth claiming; the next claim goes on from there."""

MAX_CONCURRENT_TRANSACTIONS = 6
"""Messages of runs that are stored already, written at once: enough to keep the database's disk busy, and fewer than the pool has
connections."""

UNLESS_DUPLICATE = frozenset({run_pb2.DUPLICATE_POLICY_REUSE, run_pb2.DUPLICATE_POLICY_REFUSE})
"""Policies by which a run is not stored when runs of its spec have succeeded."""

_log = structlog.get_logger("recording")


@dataclass(frozen=True, slots=True)
class Ack:
    """What is durable of a run."""

    next_sequence: int
    cancel_requested: bool = False
    earlier_runs: list[run_pb2.EarlierRun] = field(default_factory=list)
    existing_run_id: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A run to be executed again."""

    run_id: str
    writer_epoch: int
    started: run_pb2.RunStarted
    next_sequence: int


class RecordingStore:
    """Keeps what engines send. A message is stored as a whole or not at all, and is acknowledged after the commit."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_seconds)
        self._openings = Openings(database, self._lease)
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_TRANSACTIONS)

    async def close(self) -> None:
        """Wait for what is being stored."""
        await self._openings.close()

    async def append(
        self,
        run_id: str,
        writer_epoch: int,
        first_sequence: int,
        events: Sequence[run_pb2.RunEvent],
        *,
        duplicate_policy: int = run_pb2.DUPLICATE_POLICY_RUN,
    ) -> Ack:
        """Store events of a run, and renew its lease; without events only the latter.

        Events that are stored already are compared, bit for bit, and not stored again. Errors about a run that is known carry the
        metadata expected_sequence. `duplicate_policy`, a DuplicatePolicy, says whether a new run is stored when runs of its spec have
        succeeded before.

        Raises:
            InvalidArgument: everything that is wrong with the events (INVALID_REQUEST, UNSTORABLE_VALUE); or their request_id made a run
                of another spec (REQUEST_ID_REUSED).
            NotFound: no events, and no such run; or the run that is replayed does not exist (RUN_NOT_FOUND).
            OutOfRange: events before these are missing (SEQUENCE_GAP).
            FailedPrecondition: another engine writes the run (WRITER_FENCED), or it has ended (RUN_TERMINAL).
            DataLoss: what is stored differs (NONDETERMINISTIC_RESULT).
        """
        key, problems = parse_run_id(run_id), Problems()
        looks = duplicate_policy != run_pb2.DUPLICATE_POLICY_IGNORE
        if events:
            check_envelope(str(key), first_sequence, events, problems)
        if events and writer_epoch == first_sequence == 1 and events[0].HasField("started"):
            ack = await self._duplicate(key, events[0].started, duplicate_policy)
            ack = ack or await self._open(key, events, problems, looks=looks)
            if ack is not None:
                return ack
        async with self._slots, self._database.transaction() as connection:
            run = await queries.lock_run(connection, key)
            if run is None:
                problems.raise_any()
                return await _answer_unknown(connection, run_id, writer_epoch, first_sequence, events)
            try:
                next_sequence = await self._go_on(connection, run, writer_epoch, first_sequence, events, problems)
            except errors.CallError as error:
                error.metadata["expected_sequence"] = str(run.progress.next_sequence)
                raise
            earlier_runs = await _earlier_runs(connection, key, events) if looks else []
            return Ack(next_sequence, run.cancel_requested, earlier_runs)

    async def look(self, run_id: str, spec_digest: str) -> Ack:
        """Name the runs of a spec that have succeeded, but for one run, and the newest as the one to take instead; nothing is stored."""
        async with self._database.reading() as connection:
            earlier = await queries.earlier_runs(connection, parse_run_id(run_id), spec_digest)
        return Ack(next_sequence=1, earlier_runs=earlier, existing_run_id=earlier[0].run_id if earlier else "")

    async def claim_stale(self, engine_id: str) -> Claim | None:
        """Hand over the oldest stale run under a new epoch; None when there is none.

        Stale runs that were to be cancelled, or were claimed too often, are ended on the way.
        """
        for _ in range(MAX_ENDED_PER_CLAIM):
            async with self._database.transaction() as connection:
                run = await queries.lock_stale_run(connection)
                if run is None:
                    return None
                if run.cancel_requested:
                    await self._end(connection, run, run_pb2.RUN_STATE_CANCELLED)
                elif run.claim_count >= MAX_CLAIMS:
                    await self._end(connection, run, run_pb2.RUN_STATE_FAILED)
                else:
                    epoch, claims = run.writer_epoch + 1, run.claim_count + 1
                    values = {"writer_epoch": epoch, "claim_count": claims}
                    await queries.update_run(connection, run.run_id, run.progress, self._lease, values)
                    started = await queries.load_started(connection, run.run_id)
                    _log.info("stale run claimed", run_id=str(run.run_id), engine_id=engine_id, writer_epoch=epoch, claim_count=claims)
                    return Claim(str(run.run_id), epoch, started, run.progress.next_sequence)
        return None

    async def request_cancel(self, run_id: str) -> int:
        """Have a run cancelled: by its engine with its next acknowledgement, or here when it has none.

        Returns:
            The run's state now, a RunState.

        Raises:
            NotFound: no such run (RUN_NOT_FOUND).
            FailedPrecondition: it has ended (RUN_TERMINAL).
        """
        async with self._database.transaction() as connection:
            run = await queries.lock_run(connection, parse_run_id(run_id))
            if run is None:
                raise _not_found(run_id)
            if run.has_ended:
                raise errors.FailedPrecondition("the run has ended already", reason="RUN_TERMINAL")
            if run.is_stale:
                await self._end(connection, run, run_pb2.RUN_STATE_CANCELLED)
                return run_pb2.RUN_STATE_CANCELLED
            await queries.request_cancel(connection, run.run_id)
            return run.progress.state

    async def _duplicate(self, run_id: uuid.UUID, started: run_pb2.RunStarted, policy: int) -> Ack | None:
        """The answer to a run that its policy keeps from being stored; None to all others, and to those that are there already."""
        if policy not in UNLESS_DUPLICATE:
            return None
        async with self._database.reading() as connection:
            if await queries.is_known(connection, run_id, started.request_id):
                return None
        ack = await self.look(str(run_id), started.spec_digest)
        return ack if ack.existing_run_id else None

    async def _open(self, run_id: uuid.UUID, events: Sequence[run_pb2.RunEvent], problems: Problems, *, looks: bool) -> Ack | None:
        """Store the first message of a new run; None when the run or its request_id is there already."""
        started = events[0].started
        changes = changes_of(run_id, rows.NOT_STARTED, events, list(started.spec.symbols), problems)
        earlier_runs = await self._openings.store(run_id, started.spec_digest if looks else None, changes)
        return None if earlier_runs is None else Ack(changes.progress.next_sequence, earlier_runs=earlier_runs)

    async def _go_on(
        self,
        connection: AsyncConnection,
        run: LockedRun,
        writer_epoch: int,
        first_sequence: int,
        events: Sequence[run_pb2.RunEvent],
        problems: Problems,
    ) -> int:
        """Take a message of a run that is stored; returns its next sequence."""
        expected = run.progress.next_sequence
        if writer_epoch != run.writer_epoch:
            raise _fenced(writer_epoch, run.writer_epoch)
        if events and first_sequence > expected:
            raise _gap(expected)
        known, new = events[: expected - first_sequence], events[expected - first_sequence :]
        changes = changes_of(run.run_id, run.progress, new, run.symbols, problems, skipped=len(known)) if new else None
        problems.raise_any()
        if known:
            stored = await queries.load_events(connection, run.run_id, first_sequence, known[-1].sequence)
            compare(known, stored)
        if changes is not None:
            if run.has_ended:
                raise errors.FailedPrecondition("the run has ended already", reason="RUN_TERMINAL")
            await self._write(connection, run, changes)
            return changes.progress.next_sequence
        if not run.has_ended:
            await queries.update_run(connection, run.run_id, run.progress, self._lease, {})
        return expected

    async def _write(self, connection: AsyncConnection, run: LockedRun, changes: Changes, **values: Any) -> None:
        await queries.update_run(connection, run.run_id, changes.progress, self._lease, {**changes.values, **values})
        await queries.insert_events(connection, changes.batches, changes.trips)
        if changes.has_succeeded:
            await add_runs(connection, [run.run_id])

    async def _end(self, connection: AsyncConnection, run: LockedRun, state: run_pb2.RunState) -> None:
        """End a run that has no engine, under an epoch that no engine has: one that comes back is fenced."""
        cancelled = state == run_pb2.RUN_STATE_CANCELLED
        event = run_pb2.RunEvent(
            sequence=run.progress.next_sequence,
            finished=run_pb2.RunFinished(
                state=state,
                error=run_pb2.RunError(
                    reason="RUN_CANCELLED" if cancelled else "ENGINE_LOST",
                    message="the run was cancelled while no engine executed it"
                    if cancelled
                    else f"{run.claim_count + 1} engines in a row vanished while they executed the run",
                ),
                recorded=True,
                session_count=run.progress.sessions_recorded,
            ),
        )
        changes = changes_of(run.run_id, run.progress, [event], run.symbols, Problems())
        await self._write(connection, run, changes, writer_epoch=run.writer_epoch + 1)
        _log.info("stale run ended", run_id=str(run.run_id), state=run_pb2.RunState.Name(state))


async def _answer_unknown(
    connection: AsyncConnection, run_id: str, writer_epoch: int, first_sequence: int, events: Sequence[run_pb2.RunEvent]
) -> Ack:
    """Answer a message of a run that is not stored."""
    if not events:
        raise _not_found(run_id)
    if first_sequence > 1:
        raise _gap(1)
    if writer_epoch != 1:
        raise _fenced(writer_epoch, 1)
    started = events[0].started
    owner = await queries.request_owner(connection, started.request_id)
    if owner is None:  # it was there a moment ago, when it was in the way
        raise errors.Aborted("the run clashed with one that is gone now", reason="OVERLOADED", retry_after_seconds=0)
    owner_id, spec_digest = owner
    if spec_digest != started.spec_digest:
        raise errors.InvalidArgument(
            f"the request_id was used before, with another spec, by run {owner_id}",
            reason="REQUEST_ID_REUSED",
            metadata={"existing_run_id": str(owner_id)},
        )
    return Ack(next_sequence=1, existing_run_id=str(owner_id))


async def _earlier_runs(connection: AsyncConnection, run_id: uuid.UUID, events: Sequence[run_pb2.RunEvent]) -> list[run_pb2.EarlierRun]:
    """Those that the answer to a run's first event names; none for other events."""
    if not events or not events[0].HasField("started"):
        return []
    return await queries.earlier_runs(connection, run_id, events[0].started.spec_digest)


def _not_found(run_id: str) -> errors.NotFound:
    return errors.NotFound(f"there is no run {run_id}", reason="RUN_NOT_FOUND", metadata={"run_id": run_id})


def _gap(expected: int) -> errors.OutOfRange:
    return errors.OutOfRange(
        f"events are missing: the next one must have sequence {expected}",
        reason="SEQUENCE_GAP",
        metadata={"expected_sequence": str(expected)},
    )


def _fenced(writer_epoch: int, current: int) -> errors.FailedPrecondition:
    return errors.FailedPrecondition(
        f"the run is written under epoch {current}, not {writer_epoch}",
        reason="WRITER_FENCED",
        metadata={"writer_epoch": str(writer_epoch), "current_writer_epoch": str(current)},
    )
