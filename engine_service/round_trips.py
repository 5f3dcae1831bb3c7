"""Fills -> round trips: closed trades, matched first in, first out.

Dividends are no part of a round trip: they belong to whoever holds a unit overnight, not to its purchase or sale. So the cash of a run is
its capital, plus the pnl of its round trips, plus dividends, minus the cost and the commissions of the units that are still open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine_service.session_facts import iso_date
from tapedeck.v1 import run_pb2

ROUNDING = 1e-14
"""Error of dividing units by a split's ratio, relative to all units of the position: what is nearer to a whole number is that number."""


@dataclass(slots=True)
class _Lot:
    """Units that came in with one fill."""

    session_date: int
    price: float
    commission: float
    """Commission of the units that are still open."""
    until: float
    """How many units had come into the position once these were in it; `_Position.gone` counts from the same zero."""


@dataclass(slots=True)
class _Position:
    """Open lots of one symbol, oldest first. Units that come and go are counted, not subtracted, so that whole units stay whole numbers."""

    direction: float
    """1 when long, -1 when short."""
    lots: deque[_Lot] = field(default_factory=deque)
    gone: float = 0.0

    @property
    def units(self) -> float:
        return self.lots[-1].until - self.gone if self.lots else 0.0

    def enter(self, session_date: int, units: float, price: float, commission: float) -> None:
        """Add a lot."""
        self.lots.append(_Lot(session_date, price, commission, self.gone + self.units + units))

    def leave(self, session_date: int, symbol: str, units: float, price: float, commission: float) -> Iterator[run_pb2.RoundTrip]:
        """Close units, at most those that are open; yields a round trip for every lot that they come from."""
        end = self.gone + units
        while self.lots and self.gone < end:
            lot = self.lots[0]
            reached = min(lot.until, end)
            matched = reached - self.gone
            entry_share = lot.commission * (matched / (lot.until - self.gone))
            exit_share = commission * (matched / (end - self.gone))
            yield _round_trip(symbol, lot, session_date, self.direction * matched, price, entry_share + exit_share)
            lot.commission -= entry_share
            commission -= exit_share
            self.gone = reached
            if reached == lot.until:
                self.lots.popleft()

    def split(self, ratio: float, units_after: float) -> float:
        """Recount the units, so that `units_after` are left when the fraction that is returned is gone."""
        error = ROUNDING * max(1.0, self.units / ratio)
        fraction = self.units / ratio - units_after
        fraction = fraction if fraction > error else 0.0
        recounted: deque[_Lot] = deque()
        came = -fraction
        for lot in self.lots:
            until = (lot.until - self.gone) / ratio - fraction
            until = float(round(until)) if abs(until - round(until)) <= error else until
            until = units_after if lot is self.lots[-1] else until
            if until > came:
                recounted.append(_Lot(lot.session_date, lot.price * ratio, lot.commission, until))
                came = until
        self.lots, self.gone = recounted, -fraction
        return fraction


class RoundTripMatcher:
    """Matches fills session by session; what it keeps grows with the units that are open, not with the run."""

    def __init__(self) -> None:
        self._positions: dict[str, _Position] = {}

    def add(self, fills: Iterable[run_pb2.Fill], corporate_actions: Iterable[run_pb2.CorporateAction]) -> list[run_pb2.RoundTrip]:
        """Take the facts of the next session; the lists of all sessions, joined, are ordered by exit, then by entry.

        Splits come before the session's fills, automatic closes after them. A fill past zero closes the position and opens the opposite
        one; its commission is shared by quantity between the two, as between the lots that it closes. A fraction of a unit that a split
        leaves is an exit too, from the oldest lot, for the cash that was paid for it; so is an automatic close. Neither costs commission.

        Args:
            fills: Executions of the session, in order.
            corporate_actions: Corporate actions of the session, in order.

        Returns:
            Round trips that ended in the session.
        """
        closed: list[run_pb2.RoundTrip] = []
        actions = list(corporate_actions)
        for action in actions:
            if action.kind == run_pb2.CorporateAction.KIND_SPLIT:
                closed += self._split(action)
        for fill in fills:
            closed += self._fill(fill)
        for action in actions:
            if action.kind == run_pb2.CorporateAction.KIND_AUTOMATIC_CLOSE:
                closed += self._leave(action.symbol, action.session_date, abs(action.quantity), action.price)
        return sorted(closed, key=lambda trip: trip.entry_date)

    def _fill(self, fill: run_pb2.Fill) -> Iterator[run_pb2.RoundTrip]:
        units, commission = abs(fill.quantity), fill.commission
        direction = 1.0 if fill.quantity > 0 else -1.0
        position = self._positions.get(fill.symbol)
        if position is not None and position.direction != direction:
            leaving = min(units, position.units)
            share = commission * (leaving / units)
            yield from self._leave(fill.symbol, fill.session_date, leaving, fill.price, share)
            units, commission = units - leaving, commission - share
        if units:
            position = self._positions.setdefault(fill.symbol, _Position(direction))
            position.enter(fill.session_date, units, fill.price, commission)

    def _split(self, action: run_pb2.CorporateAction) -> Iterator[run_pb2.RoundTrip]:
        position = self._positions.get(action.symbol)
        if position is None:
            return  # only orders were split
        fraction = position.split(action.split_ratio, abs(action.quantity))
        if fraction:
            yield from self._leave(action.symbol, action.session_date, fraction, action.cash / (position.direction * fraction))

    def _leave(self, symbol: str, session_date: int, units: float, price: float, commission: float = 0.0) -> Iterator[run_pb2.RoundTrip]:
        position = self._positions[symbol]
        yield from position.leave(session_date, symbol, units, price, commission)
        if not position.lots:
            del self._positions[symbol]


def _round_trip(symbol: str, lot: _Lot, session_date: int, quantity: float, exit_price: float, commission: float) -> run_pb2.RoundTrip:
    """A closed trade; return_on_cost is pnl / |quantity * entry price|, 0 for units that cost nothing."""
    pnl = quantity * (exit_price - lot.price) - commission
    cost = abs(quantity * lot.price)
    return run_pb2.RoundTrip(
        symbol=symbol,
        entry_date=iso_date(lot.session_date),
        exit_date=iso_date(session_date),
        quantity=quantity,
        entry_price=lot.price,
        exit_price=exit_price,
        commission=commission,
        pnl=pnl,
        return_on_cost=pnl / cost if cost else 0.0,
    )
