"""Facts of single sessions -> SessionBatch events.

Where a batch ends depends on the facts alone, never on time: a run that is executed again makes the same events, so the store can compare
them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2

SESSIONS_PER_BATCH = 256
"""A year: 9 events for eight years, so that progress is visible; an event per session was measured 300 times slower."""

ROWS_PER_BATCH = 8_192
"""Sparse rows after which a batch ends early: at most about 1 MiB, far below the limit of a message."""


class SessionBatcher:
    """Collects sessions and hands out a batch whenever one is full."""

    def __init__(self) -> None:
        self._batch = run_pb2.SessionBatch()
        self._rows = 0

    def add(self, facts: SessionFacts) -> Iterator[run_pb2.SessionBatch]:
        """Take one session; yields the batch if the session filled it."""
        batch = self._batch
        batch.session_dates.append(facts.session_date)
        batch.portfolio_values.append(facts.portfolio_value)
        batch.cash.append(facts.cash)
        if facts.orders or facts.fills or facts.positions or facts.corporate_actions:  # on most sessions there are none
            batch.fills.extend(facts.fills)
            batch.orders.extend(facts.orders)
            batch.positions.extend(facts.positions)
            batch.corporate_actions.extend(facts.corporate_actions)
            self._rows += len(facts.fills) + len(facts.orders) + len(facts.positions) + len(facts.corporate_actions)
        batch.mark_prices.extend(facts.mark_prices)
        self._rows += len(facts.mark_prices)
        if len(batch.session_dates) >= SESSIONS_PER_BATCH or self._rows >= ROWS_PER_BATCH:
            yield from self.flush()

    def flush(self) -> Iterator[run_pb2.SessionBatch]:
        """Yield what is left, if anything."""
        batch, self._batch, self._rows = self._batch, run_pb2.SessionBatch(), 0
        if batch.session_dates:
            yield batch
