"""The benchmark's curve. It is not part of what a run records, so the engine simulates it: the benchmark, bought and held without costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tapedeck.v1.run_pb2 import Commission, NoSlippage, PerTradeCommission, RunSpec, RunState, Slippage
from tapedeck_client.client import TapedeckClient
from tapedeck_client.recorded import Ledger, capital_base
from tapedeck_rpc.errors import CallError

CAPITAL = 1e9
"""Of the benchmark's run: whole shares of any price then follow the symbol to a millionth. The curve is scaled to the run's capital."""


class Benchmark(NamedTuple):
    """The curve to compare a run with, or why there is none."""

    symbol: str
    values: list[float]
    """At the close of each session of the run, scaled to its capital [T]; empty when there is no curve."""
    problem: str = ""


def benchmark(client: TapedeckClient, spec: RunSpec, session_dates: Sequence[int]) -> Benchmark | None:
    """The benchmark of a run; None when its spec names none, or when it has no sessions.

    Args:
        client: Asked to execute an unsaved run on the version of the data that the run read.
        spec: Of the run, as recorded.
        session_dates: Those the run has recorded, as yyyymmdd [T].
    """
    if not spec.benchmark_symbol or not session_dates:
        return None
    ledger = Ledger()
    try:
        for message in client.run(_held(spec), save=False):
            ledger.add(message.event)
            if message.event.HasField("finished") and message.event.finished.state != RunState.RUN_STATE_SUCCEEDED:
                return Benchmark(spec.benchmark_symbol, [], message.event.finished.error.message)
    except CallError as error:
        return Benchmark(spec.benchmark_symbol, [], error.message)
    values = dict(zip(ledger.session_dates, ledger.portfolio_values, strict=True))
    if not values.keys() >= set(session_dates):
        return Benchmark(spec.benchmark_symbol, [], "it has no value on some sessions of the run")
    return Benchmark(spec.benchmark_symbol, [values[date] * capital_base(spec) / CAPITAL for date in session_dates])


def _held(spec: RunSpec) -> RunSpec:
    """A spec that buys the benchmark on the first session, for all the capital, and holds it."""
    held = RunSpec(
        strategy="buy_and_hold",
        dataset=spec.dataset,
        dataset_fingerprint=spec.dataset_fingerprint,
        symbols=[spec.benchmark_symbol],
        start_date=spec.start_date,
        end_date=spec.end_date,
        interval=spec.interval,
        capital_base=CAPITAL,
        slippage=Slippage(none=NoSlippage()),
        commission=Commission(per_trade=PerTradeCommission(cost=0)),
    )
    held.parameters.update({"weight": 1})
    return held
