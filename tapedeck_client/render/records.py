"""What is recorded of a run as rows: sessions, fills, orders, positions, corporate actions, round trips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from rich.console import RenderableType
from rich.text import Text

from tapedeck.v1.run_pb2 import CorporateAction, Fill, Order, Position, RoundTrip
from tapedeck.v1.store_service_pb2 import ReadRunResponse, RunPart
from tapedeck_client.render.tables import plain_table
from tapedeck_client.render.text import UNDEFINED, count, money, number, percent, plain, session

PARTS = {
    "curve": RunPart.RUN_PART_EQUITY_CURVE,
    "fills": RunPart.RUN_PART_FILLS,
    "orders": RunPart.RUN_PART_ORDERS,
    "positions": RunPart.RUN_PART_POSITIONS,
    "actions": RunPart.RUN_PART_CORPORATE_ACTIONS,
    "round-trips": RunPart.RUN_PART_ROUND_TRIPS,
}
"""Parts of a run, by what people call them."""

_ENTRIES: Mapping[str, tuple[type[Message], Callable[[ReadRunResponse], Sequence[Any]]]] = {
    "fills": (Fill, lambda message: message.sessions.fills),
    "orders": (Order, lambda message: message.sessions.orders),
    "positions": (Position, lambda message: message.sessions.positions),
    "actions": (CorporateAction, lambda message: message.sessions.corporate_actions),
    "round-trips": (RoundTrip, lambda message: message.round_trips),
}

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "curve": ("session_date", "portfolio_value", "cash", "drawdown"),
    **{part: tuple(field.name for field in kind.DESCRIPTOR.fields) for part, (kind, _) in _ENTRIES.items()},
}
"""Names of the columns of each part, as in the contract."""


def _units(value: float | None) -> Text:
    return number(value, ",.10g")


def _price(value: float | None) -> Text:
    return number(value, ",.4f")


_WRITERS: Mapping[str, Callable[[Any], Text]] = {
    **dict.fromkeys(("portfolio_value", "cash", "commission", "pnl"), money),
    **dict.fromkeys(("drawdown", "target_weight", "return_on_cost"), percent),
    **dict.fromkeys(("quantity", "filled", "split_ratio"), _units),
    **dict.fromkeys(("price", "entry_price", "exit_price", "cost_basis", "dividend_per_share"), _price),
    "order_number": count,
}
"""How numbers are written, by the name of their column; all else is text."""


def rows(part: str, message: ReadRunResponse) -> Iterator[tuple[Any, ...]]:
    """The rows of a message, by the columns of the part: dates as in ISO 8601, None for what is absent."""
    if part == "curve":
        batch = message.sessions
        cash = batch.cash or [None] * len(batch.session_dates)
        yield from zip(map(session, batch.session_dates), batch.portfolio_values, cash, message.drawdowns, strict=True)
        return
    _, entries = _ENTRIES[part]
    for entry in entries(message):
        yield tuple(_value(entry, name) for name in COLUMNS[part])


def _value(entry: Any, name: str) -> Any:
    field = entry.DESCRIPTOR.fields_by_name[name]
    if field.has_presence and not entry.HasField(name):
        return None
    value = getattr(entry, name)
    if name in {"session_date", "pay_date"}:
        return session(value)
    if field.enum_type is not None:
        return CorporateAction.Kind.Name(value).removeprefix("KIND_").lower() if value in CorporateAction.Kind.values() else str(value)
    return value


def table(part: str, found: Sequence[Sequence[Any]]) -> RenderableType:
    """Rows of a part, one a line."""
    names = COLUMNS[part]
    headings = [name.replace("_", " ").capitalize() for name in names]
    made = plain_table(*headings, right=[heading for heading, name in zip(headings, names, strict=True) if name in _WRITERS])
    made.columns[0].no_wrap = True
    for row in found:
        made.add_row(*(_written(name, value) for name, value in zip(names, row, strict=True)))
    return made


def _written(name: str, value: Any) -> Text:
    if name in _WRITERS:
        return _WRITERS[name](value)
    if value is None or value == "":
        return Text(UNDEFINED, style="dim")
    return Text({True: "yes", False: ""}[value] if isinstance(value, bool) else plain(str(value)))
