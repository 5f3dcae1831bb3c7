"""Cash, positions and value of a run from its record alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2

Kind = run_pb2.CorporateAction


def iso(session_date: int) -> str:
    text = str(session_date)
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def added(start: float, values: Iterable[float]) -> float:
    """The values added one after the other, as zipline does; sum() is compensated from Python 3.12 on."""
    for value in values:
        start += value
    return start


def rebuild(facts: Sequence[SessionFacts], capital_base: float) -> tuple[list[float], list[float], list[dict[str, float]]]:
    """Cash, value and quantities of each session, from fills, corporate actions and mark prices alone."""
    cash, held = capital_base, dict[str, float]()
    all_cash, values, quantities = [], [], []
    for one in facts:
        paid = [action.cash for action in one.corporate_actions if action.kind == Kind.KIND_DIVIDEND_PAID]
        splits = [action for action in one.corporate_actions if action.kind == Kind.KIND_SPLIT]
        cash += added(0.0, paid)
        cash += added(0.0, (action.cash for action in splits))
        for action in splits:
            if action.symbol in held:
                held[action.symbol] = action.quantity
        held = {symbol: quantity for symbol, quantity in held.items() if quantity}
        for fill in one.fills:
            cash -= fill.price * fill.quantity
            held[fill.symbol] = held.get(fill.symbol, 0.0) + fill.quantity
            if held[fill.symbol] == 0.0:
                del held[fill.symbol]
        for fill in one.fills:
            cash -= fill.commission
        for action in one.corporate_actions:
            if action.kind == Kind.KIND_AUTOMATIC_CLOSE:
                cash += action.cash
                assert held.pop(action.symbol) == action.quantity
        worths = [quantity * price for quantity, price in zip(held.values(), one.mark_prices, strict=True)]
        long, short = (added(0.0, filter(side, worths)) for side in (lambda worth: worth > 0, lambda worth: worth < 0))
        all_cash.append(cash)
        values.append(cash + (long + short))
        quantities.append(dict(held))
    return all_cash, values, quantities


def check_rebuilds(facts: Sequence[SessionFacts], capital_base: float) -> None:
    cash, values, quantities = rebuild(facts, capital_base)
    assert cash == [one.cash for one in facts]
    assert values == [one.portfolio_value for one in facts]
    held: dict[str, float] = {}
    for one, rebuilt in zip(facts, quantities, strict=True):
        held |= {position.symbol: position.quantity for position in one.positions}
        assert {symbol: quantity for symbol, quantity in held.items() if quantity} == rebuilt
