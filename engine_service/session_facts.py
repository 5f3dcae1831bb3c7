"""What a simulation says about one session."""

from __future__ import annotations

from dataclasses import dataclass

from tapedeck.v1 import run_pb2


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """One row of `run_pb2.SessionBatch`; its comments say what each field means."""

    session_date: int
    """As yyyymmdd."""
    portfolio_value: float
    cash: float
    fills: list[run_pb2.Fill]
    orders: list[run_pb2.Order]
    positions: list[run_pb2.Position]
    corporate_actions: list[run_pb2.CorporateAction]
    mark_prices: list[float]


def iso_date(session_date: int) -> str:
    """The ISO date of a session given as yyyymmdd: 20100104 is 2010-01-04."""
    return f"{session_date // 10_000:04d}-{session_date // 100 % 100:02d}-{session_date % 100:02d}"


def session_of(date: str) -> int:
    """The session of an ISO date, as yyyymmdd: 2010-01-04 is 20100104."""
    return int(date.replace("-", ""))
