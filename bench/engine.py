"""What a run through both services costs on top of the same run in process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import pairwise

from bench.outcome import Outcome, milliseconds
from bench.sample import TIMEOUT_SECONDS, execute, sample_plan, warm
from bench.stage import Stage, target
from bench.zipline_alone import execute_alone
from engine_service.job import ZIPLINE, Job
from engine_service.run_spec import Plan
from engine_service.worker_process import WorkerProcess, start_fork_server
from tapedeck.v1 import run_pb2
from tapedeck_client import TapedeckClient

MAX_COST = 1.05
"""Wall time of a saved zipline run through both services / of the same run by zipline alone in process."""

MAX_OWN_COST = 1.25
"""The same / our own zipline run in process, which takes less than half of zipline's time: what the services add is not hidden by that."""

MAX_ZIPLINE = 0.5
"""Our zipline run in process / zipline alone with its default metrics."""

MAX_KERNEL = 0.05
"""Wall time of a saved kernel run through both services / of the same run by zipline alone."""

MAX_START = 0.05
"""Time from a request until a worker computes / wall time of the run."""

ROUNDS, SHORT_ROUNDS = 25, 5
WARM_UP_ROUNDS = 3
"""Rounds that are not counted."""

READY_SECONDS = 0.5
"""Longer than a worker takes to get ready, which it does before it is needed."""

WORKER_MEMORY_BYTES = 2 << 30
"""What a worker may use; the engine's default."""


def measure_engine(stage: Stage, *, short: bool) -> list[Outcome]:
    """Run in process and through the services in turn, then start workers without them."""
    ready = sample_plan(stage.data_dir)
    warm(ready)
    rounds = SHORT_ROUNDS if short else ROUNDS
    times = _measure_runs(stage, ready, rounds)
    alone, ours, zipline, kernel = (milliseconds(one) for one in (times.alone, times.ours, times.zipline, times.kernel))
    start = milliseconds(times.admissions) + milliseconds(asyncio.run(_measure_starts(stage, ready, rounds)))
    return [
        Outcome("zipline run through both services / zipline alone", zipline, alone, "ms", MAX_COST),
        Outcome("zipline run through both services / ours in process", zipline, ours, "ms", MAX_OWN_COST),
        Outcome("our zipline run in process / zipline alone", ours, alone, "ms", MAX_ZIPLINE),
        Outcome("kernel run through both services / zipline alone", kernel, alone, "ms", MAX_KERNEL),
        Outcome("request until a warm worker computes / its run", start, zipline, "ms", MAX_START),
    ]


@dataclass(frozen=True)
class Times:
    """Seconds of each round."""

    alone: list[float] = field(default_factory=list)
    """zipline itself, in process."""
    ours: list[float] = field(default_factory=list)
    """Our zipline run, in process."""
    zipline: list[float] = field(default_factory=list)
    """The zipline run through both services."""
    admissions: list[float] = field(default_factory=list)
    """Until the first event of that."""
    kernel: list[float] = field(default_factory=list)
    """The kernel run through both services."""


def _measure_runs(stage: Stage, ready: Plan, rounds: int) -> Times:
    times = Times()
    with (
        stage.store(stage.new_database("bench_engine")) as store,
        stage.engine(store) as engine,
        TapedeckClient(target(engine, "engine_port"), target(store, "store_port")) as client,
    ):
        for number in range(-WARM_UP_ROUNDS, rounds):
            clocks = [time.perf_counter()]
            final_value = execute_alone(ready)
            clocks.append(time.perf_counter())
            here = execute(ready)
            clocks.append(time.perf_counter())
            events = client.run(ready.spec, engine=run_pb2.ENGINE_CHOICE_ZIPLINE)
            next(events)
            admitted = time.perf_counter()
            *_, last = events
            clocks.append(time.perf_counter())
            _check_same(final_value, here, last.event.finished)
            if number >= 0:
                for spent, (begin, end) in zip((times.alone, times.ours, times.zipline), pairwise(clocks), strict=True):
                    spent.append(end - begin)
                times.admissions.append(admitted - clocks[2])
        for number in range(-WARM_UP_ROUNDS, rounds):
            clocks = [time.perf_counter()]
            final_value = execute_alone(ready)
            clocks.append(time.perf_counter())
            *_, last = client.run(ready.spec, engine=run_pb2.ENGINE_CHOICE_KERNEL)
            clocks.append(time.perf_counter())
            _check_same(final_value, here, last.event.finished)
            if number >= 0:
                for spent, (begin, end) in zip((times.alone, times.kernel), pairwise(clocks), strict=True):
                    spent.append(end - begin)
    return times


def _check_same(final_value: float, here: run_pb2.RunFinished, *through: run_pb2.RunFinished) -> None:
    same = all(here.result_digest == there.result_digest and there.recorded for there in through)
    if not same or here.metrics.final_portfolio_value != final_value:
        raise RuntimeError("a run through the services is not the same as the run in process, or not recorded")


async def _measure_starts(stage: Stage, ready: Plan, rounds: int) -> list[float]:
    """Seconds of each round: a ready worker's way from a job to its last event, without what the worker says it needed for it."""
    await start_fork_server(stage.data_dir)
    spec = ready.spec.SerializeToString()
    job = Job(spec, stage.data_dir, frozenset(), 2, TIMEOUT_SECONDS, WORKER_MEMORY_BYTES, ZIPLINE, is_built_in=True)
    starts = []
    for number in range(-WARM_UP_ROUNDS, rounds):
        worker = await WorkerProcess.start()
        await asyncio.sleep(READY_SECONDS)
        before = time.perf_counter()
        worker.begin(job)
        try:
            events = [event async for event in worker.events(TIMEOUT_SECONDS)]
            spent = time.perf_counter() - before
        finally:
            await worker.close()
        if number >= 0:
            starts.append(spent - events[-1].finished.execution_seconds)
    return starts
