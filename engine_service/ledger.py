"""What a run keeps of its sessions until its end: enough for metrics, round trips and the result digest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine_service import metrics
from engine_service.datasets import Dataset
from engine_service.result_digest import ResultDigest
from engine_service.round_trips import RoundTripMatcher
from engine_service.session_facts import SessionFacts, iso_date
from tapedeck.v1 import run_pb2


class Undefined(Exception):
    """The portfolio's value is no number any more, so nothing after it means anything."""


class Ledger:
    """Takes sessions in order; `finish` sums them up."""

    def __init__(self) -> None:
        self._session_dates: list[int] = []
        self._portfolio_values: list[float] = []
        self._sessions_with_position = 0
        self._open_positions = 0
        self._traded_value = 0.0
        self._round_trips: list[run_pb2.RoundTrip] = []
        self._matcher = RoundTripMatcher()
        self._digest = ResultDigest()

    @property
    def session_count(self) -> int:
        """Number of sessions so far."""
        return len(self._session_dates)

    @property
    def last_session_date(self) -> str:
        """The last session so far, as an ISO date; empty before the first."""
        return iso_date(self._session_dates[-1]) if self._session_dates else ""

    def add(self, facts: SessionFacts) -> None:
        """Take the next session.

        Raises:
            Undefined: portfolio value or cash is NaN or infinite.
        """
        if not (math.isfinite(facts.portfolio_value) and math.isfinite(facts.cash)):
            session = iso_date(facts.session_date)
            raise Undefined(f"the portfolio's value became {facts.portfolio_value} on {session}: the run trades more than numbers can hold")
        self._session_dates.append(facts.session_date)
        self._portfolio_values.append(facts.portfolio_value)
        self._open_positions = len(facts.mark_prices)
        self._sessions_with_position += bool(facts.mark_prices)
        if facts.fills or facts.corporate_actions:
            self._traded_value += _traded_value(facts)
            self._round_trips += self._matcher.add(facts.fills, facts.corporate_actions)
        self._digest.add(facts)

    def finish(self, spec: run_pb2.RunSpec, dataset: Dataset) -> run_pb2.RunFinished:
        """The end of a run that succeeded."""
        session_dates = np.array(self._session_dates, dtype=np.int32)
        return run_pb2.RunFinished(
            state=run_pb2.RUN_STATE_SUCCEEDED,
            metrics=metrics.compute(
                session_dates,
                np.array(self._portfolio_values),
                capital_base=spec.capital_base,
                round_trips=self._round_trips,
                traded_value=self._traded_value,
                sessions_with_position=self._sessions_with_position,
                open_positions=self._open_positions,
                benchmark_closes=_closes(dataset, spec.benchmark_symbol, session_dates) if spec.benchmark_symbol else None,
            ),
            round_trips=self._round_trips,
            result_digest=self._digest.hexdigest(),
        )


def _traded_value(facts: SessionFacts) -> float:
    # A loop: from Python 3.12 on, sum() of floats is compensated, so its bits would depend on the version.
    total = 0.0
    for fill in facts.fills:
        total += abs(fill.quantity * fill.price)
    return total


def _closes(dataset: Dataset, symbol: str, session_dates: NDArray[np.int32]) -> NDArray[np.float64]:
    """Forward-adjusted closes from the session before the first one on; NaN in front when the dataset starts with the run."""
    first, last = np.searchsorted(dataset.sessions, session_dates[[0, -1]])
    closes = dataset.adjusted("close", symbol)
    before = closes[first - 1] if first else np.nan
    return np.concatenate(([before], closes[first : last + 1]))
