"""Monthly cross-sectional momentum over 20 symbols and 33 years, invented ones: the kernel against vectorbt and against zipline."""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import exchange_calendars
import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench import vectorbt
from bench.outcome import Outcome
from bench.stage import Stage
from bench.zipline_alone import execute_alone
from engine_service import simulation
from engine_service.datasets import Catalogue, Dataset
from engine_service.ingest import Draft, ingest
from engine_service.kernel.buffers import make_buffers
from engine_service.kernel.costs import costs_of
from engine_service.kernel.market import Decisions, open_market
from engine_service.kernel.measuring import gather
from engine_service.run_spec import Plan, plan
from engine_service.session_facts import iso_date
from engine_service.strategies import load_strategies
from engine_service.sweeps.columns import METRICS
from engine_service.sweeps.compiled_runs import measure_runs
from tapedeck.v1 import run_pb2

LEAST_OF_VECTORBT, LEAST_OF_ZIPLINE = 10.0, 500.0
"""Runs a second of the kernel, with all metrics / of vectorbt's ledger, and of zipline."""

SYMBOLS, FIRST_DATE, LAST_DATE = 20, dt.date(1990, 1, 2), dt.date(2022, 12, 30)
PARAMETERS = {"lookback": 252, "top": 10, "weight": 0.98}
CAPITAL_BASE = 1e6
SEED = 7

ROUNDS, SHORT_ROUNDS = 30, 10
ZIPLINE_ROUNDS, SHORT_ZIPLINE_ROUNDS = 3, 1


def measure_momentum(stage: Stage, *, short: bool) -> list[Outcome]:
    """Play the same target weights in all three."""
    ready = _plan(stage.data_dir, _invent(stage.data_dir))
    targets = simulation.target_weights(ready.spec, ready.strategy, ready.dataset)
    ours = _seconds(_kernel_run(ready, targets), SHORT_ROUNDS if short else ROUNDS)
    simulation.warm(ready.dataset)
    zipline = _seconds(lambda: execute_alone(ready), SHORT_ZIPLINE_ROUNDS if short else ZIPLINE_ROUNDS)
    outcomes = [Outcome("20 symbols x 33 years: kernel / zipline", 1 / ours, 1 / zipline, "runs/s", LEAST_OF_ZIPLINE, is_least=True)]
    closes = np.column_stack([ready.dataset.raw("close", symbol) for symbol in ready.spec.symbols])[-len(targets) :]
    try:
        theirs = vectorbt.seconds("targets", closes=closes, targets=targets)
    except vectorbt.NotInstalled as error:
        print(f"not compared: {error}", file=sys.stderr)
        return outcomes
    return [
        Outcome("20 symbols x 33 years: kernel / vectorbt", 1 / ours, 1 / theirs, "runs/s", LEAST_OF_VECTORBT, is_least=True),
        *outcomes,
    ]


def _invent(data_dir: Path) -> Dataset:
    """A dataset of random walks."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_DATE.isoformat(), end=LAST_DATE.isoformat())
    dates = [session.date() for session in calendar.sessions]
    walks = np.random.default_rng(SEED).normal(3e-4, 0.015, (SYMBOLS, len(dates)))
    prices = np.round(50.0 * np.cumprod(1.0 + walks, axis=1), 2)
    frames = []
    for number, own in enumerate(prices):
        fields = dict.fromkeys(("open", "high", "low", "close"), own)
        frames.append(pl.DataFrame({"symbol": f"S{number:02d}", "date": dates, **fields, "volume": np.full(len(own), 1e8)}))
    return ingest(Draft("momentum", "XNYS", "USD", "invented", "none", pl.concat(frames)), data_dir)


def _plan(data_dir: Path, dataset: Dataset) -> Plan:
    spec = run_pb2.RunSpec(
        strategy="cross_sectional_momentum",
        dataset=dataset.name,
        symbols=[coverage.symbol for coverage in dataset.symbols],
        start_date=iso_date(int(dataset.sessions[PARAMETERS["lookback"]])),  # type: ignore[call-overload]
        end_date=iso_date(int(dataset.sessions[-1])),
        capital_base=CAPITAL_BASE,
    )
    spec.parameters.update(PARAMETERS)
    return plan(spec, load_strategies(), Catalogue(data_dir), run_timeout_seconds=600)


def _kernel_run(ready: Plan, targets: NDArray[np.float64]) -> Callable[[], None]:
    """One run of the kernel with all its metrics, on a market that is open."""
    last = len(ready.dataset.sessions) - 1
    market = open_market(ready.dataset, ready.spec.symbols, last + 1 - len(targets), last)
    costs, buffers = costs_of(ready.spec.slippage, ready.spec.commission), make_buffers(market)
    decisions = Decisions(np.empty(targets.size, np.int64), np.empty(targets.size, np.int64), np.empty(targets.size))
    rows, ended, none = np.empty((1, len(METRICS))), np.empty((1, 2), dtype=np.int64), np.empty(0)

    def run() -> None:
        ends = np.array([gather(targets, decisions)])
        measure_runs(market, costs, CAPITAL_BASE, decisions, ends, none, buffers, rows, ended)

    return run


def _seconds(work: Callable[[], object], rounds: int) -> float:
    """The median of some rounds, after one that is not counted."""
    seconds = []
    for number in range(-1, rounds):
        before = time.perf_counter()
        work()
        if number >= 0:
            seconds.append(time.perf_counter() - before)
    return statistics.median(seconds)
