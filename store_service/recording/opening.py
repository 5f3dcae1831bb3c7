"""First messages of runs, those that wait in one transaction.

Half of what such a message costs are the round trips and the flush of its transaction. Messages that arrive while others are being
committed share the next one; nobody waits for more to arrive.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from store_service.database import Database
from store_service.recording import queries
from store_service.recording.changes import Changes
from store_service.recording.copy_format import joined
from store_service.recording.driver import AnyConnection
from store_service.strategies.rollups import add_runs
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors

MAX_TOGETHER = 8
"""Messages in one transaction: with more, the first ones wait longer than they save."""

DATABASE_AWAY = (errors.Unavailable, errors.DeadlineExceeded)
"""What no message is to blame for."""

TRANSACTIONS = 2
"""Transactions side by side: one computes while the other is flushed to disk."""


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """The first message of a run."""

    run_id: uuid.UUID
    spec_digest: str | None
    """None: its earlier runs are not asked for."""
    changes: Changes
    earlier_runs: asyncio.Future[list[run_pb2.EarlierRun] | None]


class Openings:
    """Stores first messages. `close` waits for those that are being stored."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database, self._lease = database, lease
        self._waiting: deque[Opening] = deque()
        self._working: set[asyncio.Task[None]] = set()

    async def store(self, run_id: uuid.UUID, spec_digest: str | None, changes: Changes) -> list[run_pb2.EarlierRun] | None:
        """Store a new run.

        Returns:
            Earlier runs with the spec digest, none without one, once it is durable; None when the run or its request_id is there already.

        Raises:
            CallError: what the database said, in words for the caller.
        """
        opening = Opening(run_id, spec_digest, changes, asyncio.get_running_loop().create_future())
        self._waiting.append(opening)
        if len(self._working) < TRANSACTIONS:
            self._working.add(asyncio.create_task(self._work()))
        return await opening.earlier_runs

    async def close(self) -> None:
        """Wait for what is being stored."""
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _work(self) -> None:
        try:
            while self._waiting:
                together = [self._waiting.popleft() for _ in range(min(MAX_TOGETHER, len(self._waiting)))]
                if not await self._tried(together):
                    # One of them is to blame; stored alone, each hears what is wrong with it and with no other.
                    for opening in together:
                        await self._tried([opening])
        finally:
            # Here, in one step with the last look: a message that came between the two would wait for nobody.
            task = asyncio.current_task()
            assert task is not None
            self._working.discard(task)

    async def _tried(self, together: Sequence[Opening]) -> bool:
        """Whether all of them have been answered: stored together, or one alone that can't be."""
        wanted = [opening for opening in together if not opening.earlier_runs.done()]
        try:
            found = await self._store(wanted) if wanted else []
        except Exception as error:  # noqa: BLE001 - each of them hears of it
            if len(together) > 1 and not isinstance(error, DATABASE_AWAY):
                return False
            for opening in together:
                if not opening.earlier_runs.done():
                    opening.earlier_runs.set_exception(error)
            return True
        for opening, earlier in zip(wanted, found, strict=True):
            if not opening.earlier_runs.done():  # whoever waited may be gone
                opening.earlier_runs.set_result(earlier)
        return True

    async def _store(self, together: Sequence[Opening]) -> list[list[run_pb2.EarlierRun] | None]:
        async with self._database.driver_transaction() as connection:
            is_new = [
                await queries.insert_run(connection, opening.run_id, opening.changes.progress, opening.changes.values, self._lease)
                for opening in together
            ]
            new = [opening.changes for opening, fresh in zip(together, is_new, strict=True) if fresh]
            trips = [trip for changes in new for trip in changes.trips]
            await queries.insert_events(connection, joined([changes.batches for changes in new if changes.batches]), trips)
            found = [await _earlier(connection, opening) if fresh else None for opening, fresh in zip(together, is_new, strict=True)]
            if new:
                await queries.number_runs(connection, [opening.run_id for opening, fresh in zip(together, is_new, strict=True) if fresh])
            succeeded = [opening.run_id for opening, fresh in zip(together, is_new, strict=True) if fresh and opening.changes.has_succeeded]
            if succeeded:
                await add_runs(connection, succeeded)
            return found


async def _earlier(connection: AnyConnection, opening: Opening) -> list[run_pb2.EarlierRun]:
    return [] if opening.spec_digest is None else await queries.earlier_runs(connection, opening.run_id, opening.spec_digest)
