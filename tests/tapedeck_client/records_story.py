"""What a store has recorded of a run of four sessions, as ReadRun sends it."""

from __future__ import annotations

from collections.abc import Sequence

from tapedeck.v1.run_pb2 import CorporateAction, Fill, Order, Position, RoundTrip, SessionBatch
from tapedeck.v1.store_service_pb2 import ReadRunRequest, ReadRunResponse, RunPart, RunPlace

DAYS = (20050103, 20050104, 20050105, 20050106)


def _sessions(start: int, kept: Sequence[int]) -> ReadRunResponse:
    days = DAYS[start : start + 2]
    whole: dict[int, SessionBatch] = {
        RunPart.RUN_PART_EQUITY_CURVE: SessionBatch(session_dates=days, portfolio_values=[100_000, 99_000.125], cash=[0, 12.5]),
        RunPart.RUN_PART_FILLS: SessionBatch(
            fills=[Fill(session_date=days[0], symbol="GOOG", quantity=-1234.5, price=1 / 3, commission=0.01, order_number=start + 1)]
        ),
        RunPart.RUN_PART_ORDERS: SessionBatch(
            orders=[
                Order(session_date=days[0], symbol="GOOG", target_weight=0.5, quantity=10, filled=10, order_number=1),
                Order(session_date=days[1], symbol="GOOG", quantity=-10, order_number=2, cancelled=True),
            ]
        ),
        RunPart.RUN_PART_POSITIONS: SessionBatch(positions=[Position(session_date=days[0], symbol="GOOG", quantity=10, cost_basis=99.5)]),
        RunPart.RUN_PART_CORPORATE_ACTIONS: SessionBatch(
            corporate_actions=[
                CorporateAction(
                    session_date=days[0],
                    symbol="GOOG",
                    kind=CorporateAction.KIND_SPLIT,
                    quantity=20,
                    cash=0.5,
                    split_ratio=0.5,
                    pay_date=20050107,
                ),
                CorporateAction(session_date=days[1], kind=CorporateAction.KIND_DIVIDEND_PAID, cash=3),
            ]
        ),
    }
    message = ReadRunResponse(place=RunPlace(session_date=days[1]))
    for part in kept:
        message.sessions.MergeFrom(whole.get(part, SessionBatch()))
    if RunPart.RUN_PART_EQUITY_CURVE in kept:
        message.drawdowns.extend([0, -0.00999875])
    return message


def read_story(request: ReadRunRequest) -> list[ReadRunResponse]:
    """The messages of a request: two of sessions, two of round trips, from its place on."""
    kept = request.parts or RunPart.values()[1:]
    messages = [_sessions(start, kept) for start in (0, 2)] if set(kept) != {RunPart.RUN_PART_ROUND_TRIPS} else []
    if RunPart.RUN_PART_ROUND_TRIPS in kept:
        trip = RoundTrip(
            symbol="GOOG", entry_date="2005-01-03", exit_date="2005-01-05", quantity=10, entry_price=99, exit_price=101, pnl=19.5
        )
        messages += [ReadRunResponse(round_trips=[trip], place=RunPlace(session_date=DAYS[-1], round_trip=number)) for number in (1, 2)]
    after = (request.after.round_trip, request.after.session_date)
    return [message for message in messages if (message.place.round_trip, message.place.session_date) > after]
