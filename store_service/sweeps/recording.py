"""Recording sweeps: all of a sweep or nothing, in one transaction. Knows the database and the nouns of the contract, not gRPC."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.database import Database
from store_service.models import sweep_results
from store_service.recording.checks import Problems
from store_service.recording.driver import DriverCopy
from store_service.sweeps import queries
from store_service.sweeps.checks import check_finished, check_results, check_started
from store_service.sweeps.result_columns import ResultColumns, copy_rows, to_columns
from tapedeck.v1 import record_service_pb2, sweep_pb2
from tapedeck_rpc import errors

MAX_CONCURRENT_SWEEPS = 2
"""Sweeps written at once: each holds a connection of the pool until its sender is done, and two keep the database's disk busy."""

PART_TIMEOUT_SECONDS = 30.0
"""How long a sweep that is being written waits for its next part; its sender has all of them. Then the transaction is given up."""

Part = record_service_pb2.RecordSweepRequest

_COPY_RESULTS = DriverCopy(sweep_results)
_log = structlog.get_logger("sweeps")


@dataclass(frozen=True, slots=True)
class SweepAck:
    """What the store says about a sweep: whether its request_id made another one before, or whether it is durable."""

    sweep_id: str
    existing_sweep_id: str = ""
    recorded: bool = False


class SweepRecording:
    """Keeps sweeps: those that engines send, and those that were made elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_SWEEPS)

    async def record(self, parts: AsyncIterator[Part]) -> AsyncGenerator[SweepAck]:
        """Take the parts of a sweep: an answer to started, and one when all of it is durable.

        A sender may leave after the first answer: it has learned whether the sweep is new. Then nothing is kept, nor when the parts end
        before the last one. Until results or the end arrive, nothing waits for the sender. A sweep whose request_id makes another one
        meanwhile is not recorded, and the second answer names that one.

        Raises:
            InvalidArgument: everything that is wrong with a part (INVALID_REQUEST, UNSTORABLE_VALUE); or the request_id made a sweep of
                another spec (REQUEST_ID_REUSED).
            DataLoss: the sweep is stored already, and differs (NONDETERMINISTIC_RESULT).
            DeadlineExceeded: a part did not arrive in time.
        """
        opening = await anext(parts, Part())
        started, problems = opening.started, Problems()
        if not opening.HasField("started"):
            problems.add("part", "the first part must be started")
        else:
            await asyncio.to_thread(check_started, started, problems)
        problems.raise_any()
        existing = await self._existing(started)
        yield SweepAck(started.sweep_id, existing_sweep_id=existing)
        if existing or (first := await anext(parts, None)) is None:
            return
        async with self._slots:
            existing = await self._keep(started, _Parts(first, parts))
        yield SweepAck(started.sweep_id, existing, recorded=not existing)

    async def create(self, started: sweep_pb2.SweepStarted, results: ResultColumns, finished: sweep_pb2.SweepFinished) -> bool:
        """Keep a sweep that was made elsewhere and is on hand as a whole, its parts checked; False when it is here already.

        Raises:
            InvalidArgument: the request_id made another sweep (REQUEST_ID_REUSED).
        """
        rows = await asyncio.to_thread(copy_rows, uuid.UUID(started.sweep_id), started.create_time.ToDatetime(tzinfo=UTC), results)
        async with self._slots, self._database.transaction() as connection:
            is_new = await queries.insert_sweep(connection, started, sweep_pb2.SWEEP_SOURCE_EXTERNAL)
            if is_new:
                await _COPY_RESULTS.write(connection, rows)
                await queries.finish_sweep(connection, started, finished)
            elif started.request_id:
                owner = (await connection.execute(queries.OWNER, {"request_id": started.request_id})).one_or_none()
                if owner is not None and str(owner.sweep_id) != started.sweep_id:
                    raise _reused(str(owner.sweep_id))
        return is_new

    async def _existing(self, started: sweep_pb2.SweepStarted) -> str:
        """The other sweep that the request_id made before, or ""."""
        if not started.request_id:
            return ""
        async with self._database.reading() as connection:
            row = (await connection.execute(queries.OWNER, {"request_id": started.request_id})).one_or_none()
        if row is None or str(row.sweep_id) == started.sweep_id:
            return ""
        if _question(sweep_pb2.SweepStarted.FromString(row.started)) != _question(started):
            raise _reused(str(row.sweep_id))
        return str(row.sweep_id)

    async def _keep(self, started: sweep_pb2.SweepStarted, parts: _Parts) -> str:
        """Store the sweep unless it is stored; returns the sweep that its request_id made meanwhile, or ""."""
        async with self._database.transaction() as connection:
            is_new = await queries.insert_sweep(connection, started, sweep_pb2.SWEEP_SOURCE_ENGINE)
            if is_new:
                finished = await _write(connection, started, parts)
                await queries.finish_sweep(connection, started, finished)
        if is_new:
            _log.info("sweep recorded", sweep_id=started.sweep_id, result_count=finished.result_count)
            return ""
        if existing := await self._existing(started):
            return existing
        await self._compare(started, await parts.last())
        return ""

    async def _compare(self, started: sweep_pb2.SweepStarted, finished: sweep_pb2.SweepFinished) -> None:
        """Make sure that a sweep sent again is the one that is stored."""
        async with self._database.reading() as connection:
            row = (await connection.execute(queries.GET_SWEEP, {"sweep_id": uuid.UUID(started.sweep_id)})).one_or_none()
        if row is None:  # it was there a moment ago, when it was in the way
            raise errors.Aborted("the sweep clashed with one that is gone now", reason="OVERLOADED", retry_after_seconds=0)
        kept = sweep_pb2.SweepFinished.FromString(row.finished)
        is_same_question = row.started == started.SerializeToString(deterministic=True)
        if not is_same_question or (kept.state, kept.result_digest) != (finished.state, finished.result_digest):
            raise errors.DataLoss(
                "the sweep differs from the one that is stored",
                reason="NONDETERMINISTIC_RESULT",
                metadata={"sweep_id": started.sweep_id},
            )


class _Parts:
    """The parts of a sweep after started."""

    def __init__(self, first: Part, others: AsyncIterator[Part]) -> None:
        self._first: Part | None = first
        self._others = others

    async def next(self) -> Part:
        """The next part.

        Raises:
            InvalidArgument: there is none.
            DeadlineExceeded: it does not arrive.
        """
        if (part := self._first) is not None:
            self._first = None
            return part
        try:
            async with asyncio.timeout(PART_TIMEOUT_SECONDS):
                return await anext(self._others)
        except StopAsyncIteration:
            raise errors.InvalidArgument(violations=[errors.Violation("part", "the last part must be finished")]) from None
        except TimeoutError:
            raise errors.DeadlineExceeded("the sweep's next part did not arrive in time", reason="DEADLINE_EXCEEDED") from None

    async def last(self) -> sweep_pb2.SweepFinished:
        """The last part; those before it are passed over."""
        while not (part := await self.next()).HasField("finished"):
            pass
        return part.finished


async def _write(connection: AsyncConnection, started: sweep_pb2.SweepStarted, parts: _Parts) -> sweep_pb2.SweepFinished:
    """Write the results; returns the last part."""
    digest, count, problems = hashlib.sha256(), 0, Problems()
    while (part := await parts.next()).HasField("results"):
        # In a thread: thousands of results take some milliseconds.
        rows = await asyncio.to_thread(_rows, part.results, started, count + 1, digest)
        await _COPY_RESULTS.write(connection, rows)
        count += len(part.results.numbers)
    if not part.HasField("finished"):
        problems.add("part", "parts after the first must be results, then finished")
        problems.raise_any()
    finished = part.finished
    check_finished(finished, started, count, problems)
    if not problems.violations and finished.result_digest and finished.result_digest != digest.hexdigest():
        problems.add("finished.result_digest", f"must be the digest of the results, {digest.hexdigest()}")
    problems.raise_any()
    return finished


def _rows(results: sweep_pb2.SweepResults, started: sweep_pb2.SweepStarted, first_number: int, digest: hashlib._Hash) -> bytes:
    """The rows of a part that is fine, in the binary format of COPY; their metrics are added to the digest."""
    problems = Problems()
    check_results(results, started, first_number, problems)
    problems.raise_any()
    columns = to_columns(results)
    digest.update(columns.metrics.tobytes())
    return copy_rows(uuid.UUID(started.sweep_id), started.create_time.ToDatetime(tzinfo=UTC), columns)


def _reused(sweep_id: str) -> errors.InvalidArgument:
    problem = f"was used before, for something else, by sweep {sweep_id}"
    violations = [errors.Violation("request_id", problem)]
    return errors.InvalidArgument(violations=violations, reason="REQUEST_ID_REUSED", metadata={"existing_sweep_id": sweep_id})


def _question(started: sweep_pb2.SweepStarted) -> sweep_pb2.SweepSpec:
    """What a sweep asks, without what never changes its results."""
    question = sweep_pb2.SweepSpec()
    question.CopyFrom(started.sweep)
    question.ClearField("engine")
    question.spec.ClearField("timeout_seconds")
    return question
