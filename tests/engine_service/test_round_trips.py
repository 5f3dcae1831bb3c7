"""Round trips: fills matched first in, first out."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_service.round_trips import RoundTripMatcher
from tapedeck.v1 import run_pb2
from tapedeck.v1.run_pb2 import CorporateAction

FIRST = 20100104


def fill(day: int, quantity: float, price: float, commission: float = 0.0, symbol: str = "A") -> run_pb2.Fill:
    return run_pb2.Fill(session_date=FIRST + day, symbol=symbol, quantity=quantity, price=price, commission=commission)


def split(day: int, ratio: float, units_after: float, cash: float = 0.0) -> CorporateAction:
    return CorporateAction(
        session_date=FIRST + day, symbol="A", kind=CorporateAction.KIND_SPLIT, split_ratio=ratio, quantity=units_after, cash=cash
    )


def automatic_close(day: int, quantity: float, price: float, symbol: str = "A") -> CorporateAction:
    return CorporateAction(
        session_date=FIRST + day,
        symbol=symbol,
        kind=CorporateAction.KIND_AUTOMATIC_CLOSE,
        quantity=quantity,
        price=price,
        cash=quantity * price,
    )


def matched(*facts: run_pb2.Fill | CorporateAction) -> list[run_pb2.RoundTrip]:
    """The round trips of facts, grouped by their sessions."""
    sessions: dict[int, tuple[list[run_pb2.Fill], list[CorporateAction]]] = defaultdict(lambda: ([], []))
    for fact in facts:
        fills, actions = sessions[fact.session_date]
        if isinstance(fact, run_pb2.Fill):
            fills.append(fact)
        else:
            actions.append(fact)
    matcher = RoundTripMatcher()
    return [trip for day in sorted(sessions) for trip in matcher.add(*sessions[day])]


def plain(trip: run_pb2.RoundTrip) -> tuple[object, ...]:
    """Entry and exit day, quantity, both prices, commission, pnl."""
    return trip.entry_date[-2:], trip.exit_date[-2:], trip.quantity, trip.entry_price, trip.exit_price, trip.commission, trip.pnl


def test_a_purchase_and_its_sale_are_a_round_trip() -> None:
    (trip,) = matched(fill(0, 100, 10.0, 1.0), fill(2, -100, 12.0, 2.0))
    assert trip == run_pb2.RoundTrip(
        symbol="A",
        entry_date="2010-01-04",
        exit_date="2010-01-06",
        quantity=100.0,
        entry_price=10.0,
        exit_price=12.0,
        commission=3.0,
        pnl=197.0,
        return_on_cost=0.197,
    )


def test_a_short_sale_and_its_repurchase_are_a_round_trip_of_negative_quantity() -> None:
    (trip,) = matched(fill(0, -100, 10.0, 1.0), fill(1, 100, 12.0, 1.0))
    assert plain(trip) == ("04", "05", -100.0, 10.0, 12.0, 2.0, -202.0)
    assert trip.return_on_cost == -0.202


def test_what_is_still_open_is_no_round_trip() -> None:
    assert matched(fill(0, 100, 10.0), fill(1, -50, 10.0, symbol="B")) == []


def test_the_oldest_units_leave_first_and_commissions_are_shared_by_quantity() -> None:
    trips = matched(fill(0, 100, 10.0, 4.0), fill(1, 100, 11.0, 2.0), fill(2, -150, 12.0, 3.0), fill(3, -50, 13.0, 1.0))
    assert [plain(trip) for trip in trips] == [
        ("04", "06", 100.0, 10.0, 12.0, 4.0 + 2.0, 194.0),
        ("05", "06", 50.0, 11.0, 12.0, 1.0 + 1.0, 48.0),
        ("05", "07", 50.0, 11.0, 13.0, 1.0 + 1.0, 98.0),
    ]


def test_a_fill_past_zero_closes_the_position_and_opens_the_opposite_one() -> None:
    trips = matched(fill(0, 100, 10.0), fill(1, -150, 12.0, 3.0), fill(2, 50, 11.0))
    assert [plain(trip) for trip in trips] == [("04", "05", 100.0, 10.0, 12.0, 2.0, 198.0), ("05", "06", -50.0, 12.0, 11.0, 1.0, 49.0)]


def test_round_trips_of_a_session_are_ordered_by_entry_whatever_order_they_ended_in() -> None:
    trips = matched(
        fill(0, 1, 10.0), fill(1, 1, 10.0, symbol="B"), fill(2, 1, 10.0, symbol="C"),
        fill(3, -1, 9.0, symbol="C"), fill(3, -1, 9.0, symbol="B"), fill(3, -1, 9.0),
    )  # fmt: skip
    assert [trip.symbol for trip in trips] == ["A", "B", "C"]


def test_a_split_rescales_open_units_and_their_entry_price() -> None:
    (trip,) = matched(fill(0, 100, 10.0, 1.0), split(1, 0.5, 200), fill(1, -200, 6.0))
    assert plain(trip) == ("04", "05", 200.0, 5.0, 6.0, 1.0, 199.0)


def test_the_fraction_a_split_leaves_is_sold_from_the_oldest_lot_for_the_cash_it_was_paid() -> None:
    trips = matched(fill(0, 5, 9.0, 3.0), fill(1, 2, 12.0), split(2, 2.0, 3, cash=8.0), fill(3, -3, 20.0))
    assert [plain(trip) for trip in trips] == [
        ("04", "06", 0.5, 18.0, 16.0, pytest.approx(0.6), pytest.approx(-1.6)),
        ("04", "07", 2.0, 18.0, 20.0, pytest.approx(2.4), pytest.approx(1.6)),
        ("05", "07", 1.0, 24.0, 20.0, 0.0, -4.0),
    ]


def test_a_short_position_pays_for_its_fraction() -> None:
    trips = matched(fill(0, -3, 10.0), split(1, 2.0, -1, cash=-11.0), fill(2, 1, 19.0))
    assert [plain(trip) for trip in trips] == [("04", "05", -0.5, 20.0, 22.0, 0.0, -1.0), ("04", "06", -1.0, 20.0, 19.0, 0.0, 1.0)]


def test_a_split_that_leaves_no_whole_unit_closes_the_position() -> None:
    trips = matched(fill(0, 1, 10.0), split(1, 4.0, 0, cash=12.0), fill(2, -5, 40.0), fill(3, 5, 30.0))
    assert [plain(trip) for trip in trips] == [("04", "05", 0.25, 40.0, 48.0, 0.0, 2.0), ("06", "07", -5.0, 40.0, 30.0, 0.0, 50.0)]


def test_a_split_of_orders_alone_closes_nothing() -> None:
    assert matched(split(0, 0.5, 0), fill(1, 100, 10.0)) == []


def test_lots_of_fractions_leave_no_dust_behind() -> None:
    ratio = 3.0 / 7.0
    raw = 10 / ratio
    trips = matched(
        fill(0, 3, 3.0), fill(1, 7, 3.0), split(2, ratio, math.trunc(raw), 0.5), fill(3, -math.trunc(raw), 8.0), fill(4, 5, 9.0)
    )
    assert [trip.quantity for trip in trips] == pytest.approx([1 / 3, 20 / 3, 49 / 3])
    assert sum(trip.quantity for trip in trips[1:]) == math.trunc(raw)


def test_a_rounding_above_a_whole_number_of_units_is_no_fraction() -> None:
    ratio = 7.0 / 5.0
    assert 15.0 < 21 / ratio < 15.0 + 1e-14
    (trip,) = matched(fill(0, 21, 3.0), split(1, ratio, 15), fill(2, -15, 8.0))
    assert trip.quantity == 15.0


def test_a_lot_smaller_than_a_rounding_of_its_position_is_forgotten() -> None:
    (trip,) = matched(fill(0, 8e15, 3.0), fill(1, 1, 3.0), split(2, 1_000.0, 8e12), fill(3, -8e12, 8.0))
    assert trip.quantity == 8e12


def test_a_symbol_that_is_no_longer_traded_is_closed_after_the_sessions_fills_and_without_commission() -> None:
    trips = matched(fill(0, 100, 10.0, 1.0), automatic_close(1, 60, 8.0), fill(1, -40, 9.0, 2.0))
    assert [plain(trip) for trip in trips] == [
        ("04", "05", 40.0, 10.0, 9.0, pytest.approx(2.4), pytest.approx(-42.4)),
        ("04", "05", 60.0, 10.0, 8.0, pytest.approx(0.6), pytest.approx(-120.6)),
    ]


def test_dividends_are_no_part_of_a_round_trip() -> None:
    earned = CorporateAction(session_date=FIRST, symbol="A", kind=CorporateAction.KIND_DIVIDEND_EARNED, quantity=100, cash=50.0)
    paid = CorporateAction(session_date=FIRST + 1, kind=CorporateAction.KIND_DIVIDEND_PAID, cash=50.0)
    assert [trip.pnl for trip in matched(fill(0, 100, 10.0), earned, paid, fill(2, -100, 10.0))] == [0.0]


def test_units_that_cost_nothing_have_a_return_of_zero() -> None:
    (trip,) = matched(fill(0, 100, 0.0), fill(1, -100, 2.0))
    assert (trip.pnl, trip.return_on_cost) == (200.0, 0.0)


@dataclass
class Account:
    """A plain ledger: what zipline would hold and be paid, kept apart from lots."""

    cash: float = 0.0
    commissions: float = 0.0
    held: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    facts: list[run_pb2.Fill | CorporateAction] = field(default_factory=list)

    def fill(self, day: int, symbol: str, quantity: int, price: float, commission: float) -> None:
        self.held[symbol] += quantity
        self.cash -= quantity * price + commission
        self.commissions += commission
        self.facts.append(fill(day, quantity, price, commission, symbol))

    def split(self, day: int, ratio: float, price: float) -> None:
        raw = self.held["A"] / ratio
        self.held["A"] = float(math.trunc(raw))
        cash = round((raw - self.held["A"]) * price, 2)
        self.cash += cash
        self.facts.append(split(day, ratio, self.held["A"], cash))

    def close(self, day: int, price: float) -> None:
        for symbol, quantity in self.held.items():
            if quantity:
                self.cash += quantity * price
                self.facts.append(automatic_close(day, quantity, price, symbol))


amounts = st.integers(-500, 500).filter(bool)
prices = st.integers(100, 100_000).map(lambda cents: cents / 100)
fills = st.tuples(st.sampled_from("AB"), amounts, prices, st.integers(0, 500).map(lambda cents: cents / 100))
splits = st.tuples(st.sampled_from([0.5, 2.0, 3.0, 1 / 3, 2 / 3, 1.5, 3 / 7, 7 / 3, 0.1, 10.0, 0.499501]), prices)
days = st.lists(st.tuples(st.none() | splits, st.lists(fills, max_size=4)), min_size=1, max_size=20)


def played(sessions: list[tuple[tuple[float, float] | None, list[tuple[str, int, float, float]]]]) -> Account:
    account = Account()
    for day, (factor, executions) in enumerate(sessions):
        if factor is not None and account.held["A"]:
            account.split(day, *factor)
        for execution in executions:
            account.fill(day, *execution)
    account.close(len(sessions), 17.0)
    return account


@given(sessions=days)
def test_when_everything_is_closed_profits_are_what_the_cash_grew_by(
    sessions: list[tuple[tuple[float, float] | None, list[tuple[str, int, float, float]]]],
) -> None:
    account = played(sessions)
    trips = matched(*account.facts)
    scale = sum(abs(fact.quantity) * fact.price for fact in account.facts if isinstance(fact, run_pb2.Fill)) + 1e5
    assert sum(trip.pnl for trip in trips) == pytest.approx(account.cash, abs=1e-12 * scale)
    assert sum(trip.commission for trip in trips) == pytest.approx(account.commissions, abs=1e-12 * scale)


@given(sessions=days)
def test_round_trips_hold_real_units_in_the_order_of_their_exits(
    sessions: list[tuple[tuple[float, float] | None, list[tuple[str, int, float, float]]]],
) -> None:
    trips = matched(*played(sessions).facts)
    assert all(abs(trip.quantity) > 1e-6 for trip in trips), "dust"
    assert all(trip.entry_date <= trip.exit_date for trip in trips)
    assert [(trip.exit_date, trip.entry_date) for trip in trips] == sorted((trip.exit_date, trip.entry_date) for trip in trips)


@given(executions=st.lists(fills, max_size=30))
def test_without_splits_units_are_whole_and_every_one_that_left_had_come(executions: list[tuple[str, int, float, float]]) -> None:
    trips = matched(
        *(fill(day, quantity, price, commission, symbol) for day, (symbol, quantity, price, commission) in enumerate(executions))
    )
    assert all(trip.quantity == int(trip.quantity) for trip in trips)
    for symbol in "AB":
        came = sum(abs(quantity) for name, quantity, *_ in executions if name == symbol)
        left = sum(quantity for name, quantity, *_ in executions if name == symbol)
        assert 2 * sum(abs(trip.quantity) for trip in trips if trip.symbol == symbol) == came - abs(left)
