"""A run as it was recorded: its curve and its trades, gathered from its events."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field

from tapedeck.v1.run_pb2 import RoundTrip, Run, RunEvent, RunSpec
from tapedeck_client.client import TapedeckClient

DEFAULT_CAPITAL_BASE = 100_000.0
"""What the contract says of a spec without a capital; recorded specs have one."""


@dataclass(slots=True)
class Ledger:
    """What the events of a run add up to. Fills are counted, not kept: there may be a million of them."""

    session_dates: list[int] = field(default_factory=list)
    """As yyyymmdd [T]."""
    portfolio_values: list[float] = field(default_factory=list)
    """At each close, in account currency [T]."""
    round_trips: list[RoundTrip] = field(default_factory=list)
    """Ordered by exit; empty until the run has ended."""
    fill_count: int = 0
    traded_value: float = 0.0
    """Bought plus sold, in account currency."""
    commissions: float = 0.0
    """Of all fills, in account currency."""

    def add(self, event: RunEvent) -> None:
        """Take the next event in."""
        batch = event.sessions
        self.session_dates += batch.session_dates
        self.portfolio_values += batch.portfolio_values
        self.fill_count += len(batch.fills)
        self.traded_value += sum(abs(fill.quantity * fill.price) for fill in batch.fills)
        self.commissions += sum(fill.commission for fill in batch.fills)
        self.round_trips += event.finished.round_trips


def gathered(events: Iterable[RunEvent]) -> Ledger:
    """The ledger of some events, from the first one on."""
    ledger = Ledger()
    for event in events:
        ledger.add(event)
    return ledger


def recorded_events(client: TapedeckClient, run: Run) -> Generator[RunEvent, None, None]:
    """The events that a run had when it was fetched, in the FULL view: a run that goes on is not waited for."""
    if run.next_sequence <= 1:
        return
    with closing(client.watch(run.run_id)) as messages:
        for message in messages:
            yield message.event
            if message.event.sequence >= run.next_sequence - 1:
                return


def capital_base(spec: RunSpec) -> float:
    """Starting cash, in account currency."""
    return spec.capital_base if spec.HasField("capital_base") else DEFAULT_CAPITAL_BASE
