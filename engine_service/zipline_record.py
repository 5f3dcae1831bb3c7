"""Notes what zipline does, at the places where it does it, so that cash, positions and value follow from the record alone.

In a session zipline changes cash in this order: dividends paid, splits (one sum), fills, commissions, automatic closes. zipline writes
symbols in capitals, so ours are kept as the names of its assets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from zipline.assets import Asset
from zipline.finance.blotter import SimulationBlotter
from zipline.finance.ledger import Ledger, PositionTracker
from zipline.finance.order import ORDER_STATUS, Order
from zipline.finance.transaction import Transaction

from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2

FACTS = "session_facts"
"""Key of the facts in the packet that zipline yields for each session."""


class NumberedBlotter(SimulationBlotter):  # type: ignore[misc]  # zipline has no types
    """Numbers orders 1, 2, 3 (zipline's random ids would make no two runs equal) and notes fills and every order that changes."""

    def __init__(self, slippage: Any, commission: Any) -> None:
        super().__init__(equity_slippage=slippage, equity_commission=commission)
        self._target_weights: dict[str, float] = {}
        self._changed: dict[str, Order] = {}
        self._fills: list[run_pb2.Fill] = []

    def order(self, asset: Asset, amount: int, style: Any, order_id: str | None = None) -> str | None:
        """Place an order, numbered."""
        placed: str | None = super().order(asset, amount, style, order_id or str(len(self.orders) + 1))
        if placed is not None:
            self._changed[placed] = self.orders[placed]
        return placed

    def note_target(self, order_id: str | None, weight: float) -> None:
        """The order, if it was placed, aims at this share of the portfolio's value."""
        if order_id is not None:
            self._target_weights[order_id] = weight

    def cancel(self, order_id: str, relay_status: bool = True) -> None:
        """Cancel an order that is still open."""
        super().cancel(order_id, relay_status)
        if order_id in self.orders:
            self._changed[order_id] = self.orders[order_id]

    def process_splits(self, splits: Sequence[tuple[Asset, float]]) -> None:
        """Rescale open orders; splits are (asset, ratio)."""
        for asset, _ in splits:
            self._changed.update({order.id: order for order in self.open_orders.get(asset, ())})
        super().process_splits(splits)

    def get_transactions(self, bar_data: Any) -> tuple[list[Transaction], list[dict[str, Any]], list[Order]]:
        """Fill open orders; returns fills, commissions and the orders that are done."""
        transactions, commissions, closed = super().get_transactions(bar_data)
        # An order fills at most once in a session. What zipline charges is in this list; a difference below 0 is not refunded.
        charged = {commission["order"].id: commission["cost"] for commission in commissions}
        for fill in transactions:
            self._changed[fill.order_id] = self.orders[fill.order_id]
            self._fills.append(
                run_pb2.Fill(
                    symbol=fill.asset.asset_name,
                    quantity=fill.amount,
                    price=fill.price,
                    commission=charged.get(fill.order_id, 0.0),
                    order_number=int(fill.order_id),
                )
            )
        return transactions, commissions, closed

    def take_fills(self) -> list[run_pb2.Fill]:
        """Fills since the last call, without a session date."""
        fills, self._fills = self._fills, []
        return fills

    def take_changed_orders(self) -> list[run_pb2.Order]:
        """Orders that changed since the last call, as they stand now, without a session date."""
        changed, self._changed = self._changed, {}
        return [
            run_pb2.Order(
                symbol=order.asset.asset_name,
                target_weight=self._target_weights.get(number),
                quantity=order.amount,
                filled=order.filled,
                order_number=int(number),
                cancelled=order.status == ORDER_STATUS.CANCELLED,
            )
            for number, order in changed.items()
        ]


class WatchedPositions(PositionTracker):  # type: ignore[misc]  # zipline has no types
    """Notes corporate actions."""

    def __init__(self, data_frequency: str, last_session: pd.Timestamp) -> None:
        super().__init__(data_frequency)
        self._last_session = last_session
        self._actions: list[run_pb2.CorporateAction] = []

    def earn_dividends(self, cash_dividends: Sequence[Any], stock_dividends: Sequence[Any]) -> None:
        """Owe the dividends of positions held overnight."""
        for dividend in cash_dividends:
            quantity = self.positions[dividend.asset].amount
            in_run = dividend.pay_date.tz_localize(None) <= self._last_session
            self._note(
                run_pb2.CorporateAction.KIND_DIVIDEND_EARNED,
                symbol=dividend.asset.asset_name,
                quantity=quantity,
                cash=quantity * dividend.amount,
                dividend_per_share=dividend.amount,
                pay_date=yyyymmdd(dividend.pay_date) if in_run else None,
            )
        super().earn_dividends(cash_dividends, stock_dividends)

    def pay_dividends(self, next_trading_day: pd.Timestamp) -> float:
        """Pay what is due on a session; returns the cash."""
        due = next_trading_day in self._unpaid_dividends
        cash: float = super().pay_dividends(next_trading_day)
        if due:
            self._note(run_pb2.CorporateAction.KIND_DIVIDEND_PAID, cash=cash)
        return cash

    def handle_splits(self, splits: Sequence[tuple[Asset, float]]) -> float:
        """Rescale positions; returns the cash paid for fractions of units."""
        total = 0.0
        for asset, ratio in splits:
            cash = super().handle_splits([(asset, ratio)])
            quantity = self.positions[asset].amount if asset in self.positions else 0.0
            self._note(run_pb2.CorporateAction.KIND_SPLIT, symbol=asset.asset_name, quantity=quantity, cash=cash, split_ratio=ratio)
            total += cash
        return total

    def maybe_create_close_position_transaction(self, asset: Asset, dt: pd.Timestamp, data_portal: Any) -> Transaction | None:
        """Close a position whose symbol is no longer traded."""
        closing = super().maybe_create_close_position_transaction(asset, dt, data_portal)
        if closing is not None:
            cash = -(closing.price * closing.amount)
            self._note(
                run_pb2.CorporateAction.KIND_AUTOMATIC_CLOSE,
                symbol=asset.asset_name,
                quantity=-closing.amount,
                cash=cash,
                price=closing.price,
            )
        return closing

    def take_actions(self) -> list[run_pb2.CorporateAction]:
        """Corporate actions since the last call, without a session date."""
        actions, self._actions = self._actions, []
        return actions

    def _note(self, kind: run_pb2.CorporateAction.Kind, **values: Any) -> None:
        self._actions.append(run_pb2.CorporateAction(kind=kind, **values))


class SessionRecorder:
    """The only member of the run's metrics set: zipline calls it at both ends of the run and at the end of each session.

    zipline's default metrics compute every ratio anew over the whole history at every session; here the facts leave as they are.
    """

    def __init__(self, blotter: NumberedBlotter) -> None:
        self._blotter = blotter
        self._held: dict[str, tuple[float, float]] = {}

    def start_of_simulation(self, ledger: Ledger, emission_rate: str, _calendar: Any, sessions: pd.DatetimeIndex, _benchmark: Any) -> None:
        """Put the watched positions in the place of the empty ones."""
        self._positions = WatchedPositions(emission_rate, sessions[-1])
        ledger.position_tracker = self._positions

    def end_of_session(self, packet: dict[str, Any], ledger: Ledger, session: pd.Timestamp, _session_ix: int, _portal: Any) -> None:
        """Put the session's facts into the packet."""
        session_date = yyyymmdd(session)
        portfolio = ledger.portfolio
        facts = SessionFacts(
            session_date=session_date,
            portfolio_value=float(portfolio.portfolio_value),
            cash=float(portfolio.cash),
            fills=self._blotter.take_fills(),
            orders=self._blotter.take_changed_orders(),
            positions=self._changed_positions(),
            corporate_actions=self._positions.take_actions(),
            mark_prices=[float(position.last_sale_price) for position in self._positions.positions.values()],
        )
        for entries in (facts.fills, facts.orders, facts.positions, facts.corporate_actions):
            for entry in entries:
                entry.session_date = session_date
        packet[FACTS] = facts

    def _changed_positions(self) -> list[run_pb2.Position]:
        now = {asset.asset_name: (float(held.amount), float(held.cost_basis)) for asset, held in self._positions.positions.items()}
        changed = [(symbol, (0.0, 0.0)) for symbol in self._held if symbol not in now]
        changed += [(symbol, state) for symbol, state in now.items() if self._held.get(symbol) != state]
        self._held = now
        return [run_pb2.Position(symbol=symbol, quantity=quantity, cost_basis=basis) for symbol, (quantity, basis) in changed]


def yyyymmdd(session: pd.Timestamp) -> int:
    """A session's date as a number."""
    return int(session.year * 10_000 + session.month * 100 + session.day)
