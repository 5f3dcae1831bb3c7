"""Executes shards: in the kernel's compiled loop, or run by run on zipline. Loaded by processes that compute only."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path

import numpy as np
import pydantic
from google.protobuf import json_format, struct_pb2
from numpy.typing import NDArray

from engine_service import simulation
from engine_service.datasets import Catalogue, Dataset
from engine_service.job import KERNEL, ZIPLINE
from engine_service.kernel.buffers import BEYOND_PRECISION, DONE, make_buffers
from engine_service.kernel.costs import costs_of
from engine_service.kernel.market import Market
from engine_service.ledger import Ledger
from engine_service.session_facts import iso_date
from engine_service.strategies import Bars, Strategy, StrategyFailed, load_strategies
from engine_service.strategies.look_ahead import LookAhead, compute_signals, find_peek
from engine_service.strategies.memory import Memory, remembered
from engine_service.sweeps import ranking
from engine_service.sweeps.columns import COLUMNS, METRICS, canonical, metric_columns, metrics_row
from engine_service.sweeps.compiled_runs import collect, measure_runs
from engine_service.sweeps.deciding import decide, room_for_decisions
from engine_service.sweeps.edge_score import edge_scores
from engine_service.sweeps.ground import Ground, benchmark_closes, open_ground
from engine_service.sweeps.parameters import validate_all
from engine_service.sweeps.run_failures import failure, kernel_failure
from engine_service.sweeps.shard import Shard, ShardResults
from engine_service.sweeps.time_limit import TimeIsUp, time_limit
from tapedeck.v1 import run_pb2, sweep_pb2

MAX_GROUNDS = 4
"""Markets that a process keeps open. A sweep goes symbol by symbol, so it needs one at a time; the others are for sweeps beside it."""

_turn = threading.Lock()
"""One shard at a time: a Dask worker with several threads would mix up what a process keeps from shard to shard."""


class SweepStopped(Exception):
    """What a shard met ends the whole sweep."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Bench:
    """What a process keeps from shard to shard."""

    def __init__(self, data_dir: Path, plugins: frozenset[str]) -> None:
        self._catalogue = Catalogue(data_dir)
        self._strategies = load_strategies(plugins)
        self._plugins = plugins
        self._memory = Memory()
        self._grounds: OrderedDict[tuple[object, ...], Ground] = OrderedDict()

    def execute(self, shard: Shard) -> ShardResults:
        """Execute a shard.

        Raises:
            SweepStopped: see there.
        """
        spec = run_pb2.RunSpec.FromString(shard.spec)
        strategy = self._strategies.get(spec.strategy)
        if strategy is None:
            raise SweepStopped("STRATEGY_NOT_INSTALLED", f"strategy {spec.strategy!r} is not installed in a worker")
        dataset = self._catalogue.version(spec.dataset, spec.dataset_fingerprint)
        if dataset is None:
            raise SweepStopped("DATASET_GONE", f"a worker does not have dataset {spec.dataset!r}")
        fixed = json_format.MessageToDict(spec.parameters)
        parameters = validate_all(strategy.parameters, [{**fixed, **combination} for combination in shard.combinations])
        rows = np.full((len(parameters), len(COLUMNS)), np.nan)
        failures: dict[int, run_pb2.RunError] = {}
        if shard.checks_look_ahead and strategy.signals is not None:
            self._check_look_ahead(strategy, self._ground(spec, dataset).bars, parameters[0])
        if shard.engine_kind == KERNEL:
            self._execute_in_kernel(shard, spec, strategy, dataset, parameters, rows, failures)
        else:
            for place, each in enumerate(parameters):
                self._execute_on_zipline(place, spec, strategy, dataset, each, rows, failures)
        return _results(shard, parameters, rows, failures)

    def _ground(self, spec: run_pb2.RunSpec, dataset: Dataset) -> Ground:
        key = (dataset.fingerprint, *spec.symbols, spec.start_date, spec.end_date)
        if key not in self._grounds:
            self._grounds[key] = open_ground(spec, dataset)
        self._grounds.move_to_end(key)
        while len(self._grounds) > MAX_GROUNDS:
            self._grounds.popitem(last=False)
        return self._grounds[key]

    def _check_look_ahead(self, strategy: Strategy, bars: Bars, parameters: pydantic.BaseModel) -> None:
        try:
            with remembered(self._memory):
                signals = compute_signals(strategy, bars, parameters)
            peek = find_peek(strategy, bars, parameters, signals)
        except StrategyFailed:
            return  # the run itself will say so
        if peek:
            raise SweepStopped("LOOK_AHEAD", peek)

    def _execute_in_kernel(
        self,
        shard: Shard,
        spec: run_pb2.RunSpec,
        strategy: Strategy,
        dataset: Dataset,
        parameters: Sequence[pydantic.BaseModel],
        rows: NDArray[np.float64],
        failures: dict[int, run_pb2.RunError],
    ) -> None:
        ground = self._ground(spec, dataset)
        seed = spec.seed if spec.strategy in self._plugins else None  # built-in strategies draw no random numbers
        with remembered(self._memory):
            decisions, ends = decide(strategy, ground, parameters, failures, seed=seed, timeout_seconds=spec.timeout_seconds)
        measured, ended = np.empty((len(parameters), len(METRICS))), np.zeros((len(parameters), 2), dtype=np.int64)
        costs = costs_of(spec.slippage, spec.commission)
        benchmark = benchmark_closes(spec, dataset, ground)
        ground.buffers = measure_runs(ground.market, costs, spec.capital_base, decisions, ends, benchmark, ground.buffers, measured, ended)
        rows[:, : len(METRICS)] = measured
        for place in np.flatnonzero(ended[:, 0] != DONE).tolist():
            status, session = ended[place].tolist()
            if place in failures:
                continue
            if status == BEYOND_PRECISION and shard.falls_back:
                self._execute_on_zipline(place, spec, strategy, dataset, parameters[place], rows, failures)
            else:
                failures[place] = kernel_failure(status, iso_date(int(ground.bars.sessions[ground.first + session])))

    def _execute_on_zipline(
        self,
        place: int,
        spec: run_pb2.RunSpec,
        strategy: Strategy,
        dataset: Dataset,
        parameters: pydantic.BaseModel,
        rows: NDArray[np.float64],
        failures: dict[int, run_pb2.RunError],
    ) -> None:
        complete = run_pb2.RunSpec()
        complete.CopyFrom(spec)
        complete.parameters.Clear()
        complete.parameters.update(parameters.model_dump(mode="json"))
        ledger = Ledger()
        try:
            with time_limit(spec.timeout_seconds):
                for facts in simulation.simulate(complete, strategy, dataset, ZIPLINE):
                    ledger.add(facts)
                rows[place, : len(METRICS)] = metrics_row(ledger.finish(complete, dataset).metrics)
        except LookAhead as error:
            raise SweepStopped("LOOK_AHEAD", str(error)) from None
        except (Exception, TimeIsUp) as error:  # noqa: BLE001 - one run that breaks is one result less
            failures[place] = failure(error, spec.timeout_seconds, ledger.last_session_date)


def execute(shard: Shard) -> ShardResults:
    """Execute a shard in this process, after those before it."""
    with _turn:
        try:
            return _bench(shard.data_dir, shard.plugins).execute(shard)
        except SweepStopped as error:
            return ShardResults(0, b"", b"", error=run_pb2.RunError(reason=error.reason, message=str(error)).SerializeToString())


def warm() -> None:
    """Compile everything, or load what an earlier process compiled: what a process does before its first shard."""
    from engine_service.kernel import simulation as kernel
    from engine_service.kernel.market import EVENT
    from engine_service.strategies import decisions as of_strategies

    kernel.warm()
    of_strategies.warm()
    market = Market(np.ones((1, 2)), np.ones((1, 2)), np.ones(1, np.int64), np.full(1, 2), np.empty(0, EVENT))
    decisions = room_for_decisions(2)
    count = collect(np.full((2, 1), 0.5), 0, np.array([[0, 1]]), *decisions, 0)
    rows, ended = np.empty((1, len(METRICS))), np.zeros((1, 2), dtype=np.int64)
    costs = costs_of(run_pb2.Slippage(), run_pb2.Commission())
    measure_runs(market, costs, 1.0, decisions, np.array([count]), np.empty(0), make_buffers(market), rows, ended)


@cache
def _bench(data_dir: Path, plugins: frozenset[str]) -> Bench:
    return Bench(data_dir, plugins)


def _results(
    shard: Shard,
    parameters: Sequence[pydantic.BaseModel],
    rows: NDArray[np.float64],
    failures: dict[int, run_pb2.RunError],
) -> ShardResults:
    if failures:
        rows = np.delete(rows, list(failures), axis=0)
        parameters = [each for place, each in enumerate(parameters) if place not in failures]
    metrics = canonical(rows[:, : len(METRICS)])
    score = sweep_pb2.EdgeScore.FromString(shard.edge_score)
    rows = np.column_stack([metrics, edge_scores(score, metrics)])
    results = sweep_pb2.SweepResults(
        symbols=[shard.symbol] * len(rows) if shard.symbol else [],
        parameters=[_parameter_column(name, parameters) for name in shard.names],
        metrics=metric_columns(rows),
    )
    return ShardResults(
        count=len(rows),
        results=results.SerializeToString(),
        rows=rows.tobytes(),
        best=ranking.best(shard.rank_by, rows[:, COLUMNS.index(shard.rank_by)].tolist(), range(len(rows)), shard.top),
        failed_count=len(failures),
        first_failure=failures[min(failures)].SerializeToString() if failures else b"",
    )


def _parameter_column(name: str, parameters: Sequence[pydantic.BaseModel]) -> sweep_pb2.ParameterColumn:
    values = list(map(attrgetter(name), parameters))
    if all(issubclass(kind, int | float) and kind is not bool for kind in set(map(type, values))):
        return sweep_pb2.ParameterColumn(name=name, numbers=values)
    said = struct_pb2.ListValue()
    said.extend([each.model_dump(mode="json", include={name})[name] for each in parameters])
    return sweep_pb2.ParameterColumn(name=name, values=said.values)
