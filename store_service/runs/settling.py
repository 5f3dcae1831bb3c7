"""Working out the verdict on a replay, once it has ended.

A verdict is a function of two runs that no longer change. So it is worked out when it is first asked for and kept from then on: it does not
matter whether whoever started the replay is still there, or whether a store or an engine was restarted in between.
"""

from __future__ import annotations

import asyncio
import uuid

from store_service.conversions import TERMINAL_STATES, RunRow, to_run
from store_service.database import Database
from store_service.runs import queries
from store_service.runs.stream import recorded_events
from store_service.runs.verdict import are_comparable, first_difference, verdict
from tapedeck.v1 import run_pb2


def is_unsettled(row: RunRow) -> bool:
    """Whether a row of RUN_COLUMNS is a replay that has ended and has no verdict yet."""
    return row.replay_of is not None and row.verdict is None and row.state in TERMINAL_STATES


async def settle(database: Database, row: RunRow) -> run_pb2.ReplayVerdict | None:
    """Work out the verdict on an unsettled replay and keep it; None while the original run has not ended."""
    async with database.reading() as connection:
        original_row = (await connection.execute(queries.GET_RUN, {"run_id": row.replay_of})).one_or_none()
    if original_row is None or original_row.state not in TERMINAL_STATES:
        return None
    original, replay = to_run(original_row, full=True), to_run(row, full=True)
    difference = None
    if are_comparable(original, replay) and original.result_digest != replay.result_digest:
        ledgers = [await _ledger(database, run_id) for run_id in (original_row.run_id, row.run_id)]
        difference = await asyncio.to_thread(first_difference, *ledgers)
    made = verdict(original, replay, difference)
    async with database.transaction() as connection:
        await connection.execute(queries.keep_verdict(row.run_id, made.SerializeToString()))
    return made


async def _ledger(database: Database, run_id: uuid.UUID) -> run_pb2.SessionBatch:
    """All sessions of a run as one batch, without the mark prices, which are its largest part and not compared."""
    ledger = run_pb2.SessionBatch()
    async for event in recorded_events(database, run_id):
        event.sessions.ClearField("mark_prices")
        ledger.MergeFrom(event.sessions)
    return ledger
