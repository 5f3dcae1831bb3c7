"""A run's ledger, gathered from its events."""

from __future__ import annotations

import pytest

from tapedeck.v1.run_pb2 import Fill, RoundTrip, Run, RunEvent, RunFinished, RunSpec, SessionBatch
from tapedeck_client import TapedeckClient
from tapedeck_client.recorded import capital_base, gathered, recorded_events
from tests.tapedeck_client.services import RUN_ID, Store


def test_events_add_up_to_a_curve_costs_and_round_trips() -> None:
    fills = [Fill(quantity=10, price=5.0, commission=0.5), Fill(quantity=-10, price=6.0, commission=0.25)]
    first = SessionBatch(session_dates=[20050103], portfolio_values=[100.0], fills=fills[:1])
    second = SessionBatch(session_dates=[20050104], portfolio_values=[110.0], fills=fills[1:])
    trip = RoundTrip(symbol="GOOG", pnl=9.25)
    ledger = gathered([RunEvent(sessions=first), RunEvent(sessions=second), RunEvent(finished=RunFinished(round_trips=[trip]))])
    assert (ledger.session_dates, ledger.portfolio_values) == ([20050103, 20050104], [100.0, 110.0])
    assert (ledger.fill_count, ledger.traded_value, ledger.commissions) == (2, 110.0, 0.75)
    assert ledger.round_trips == [trip]


@pytest.mark.parametrize(("next_sequence", "seen"), [(0, []), (1, []), (3, [1, 2]), (6, [1, 2, 3, 4, 5]), (9, [1, 2, 3, 4, 5])])
def test_the_events_are_those_that_the_run_had_when_it_was_fetched(
    client: TapedeckClient, store: Store, next_sequence: int, seen: list[int]
) -> None:
    events = recorded_events(client, Run(run_id=RUN_ID, next_sequence=next_sequence))
    assert [event.sequence for event in events] == seen
    assert len(store.requests) == bool(seen), "nothing is asked for where there is nothing"


def test_a_run_that_goes_on_is_not_waited_for(client: TapedeckClient, store: Store) -> None:
    assert len([*recorded_events(client, Run(run_id=RUN_ID, next_sequence=3))]) == 2
    assert store.cancelled.wait(10), "the call is over"


def test_a_spec_without_a_capital_has_that_of_the_contract() -> None:
    assert capital_base(RunSpec()) == 100_000
    assert capital_base(RunSpec(capital_base=5.0)) == 5
