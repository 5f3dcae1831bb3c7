"""What a sweep costs from the request to ranked, durable results: against vectorbt, and against the least that the machine needs."""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import bare_kernel, vectorbt
from bench.outcome import Outcome
from bench.stage import Stage, target
from deploy.local import Service
from engine_service.datasets import Catalogue, Dataset
from engine_service.session_facts import iso_date
from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc, run_pb2, sweep_pb2
from tapedeck_rpc.channel import open_channel

LEAST_OF_VECTORBT = 8.0
"""Runs a second through both services, all metrics and durable / of vectorbt in its fastest way, which computes no statistics."""

LEAST_OF_BARE = 0.15
"""The same / of a compiled loop that only keeps a curve and five statistics."""

LEAST_OF_SMALL = 0.8
"""Runs a second of a sweep of 100,000 / of one of 1,000."""

MAX_MEMORY_GIB = 1.5
"""What all processes of the engine may take together after 100,000 runs, shared pages counted once."""

FAST, SLOW = range(2, 42), range(45, 295, 10)
"""1,000 pairs of windows."""

MANY_FAST, MANY_SLOW = range(1, 201), range(201, 701)
"""100,000 pairs."""

ROUNDS, SHORT_ROUNDS = 15, 5
SYMBOL = "GOOG"


def measure_sweeps(stage: Stage, *, short: bool) -> list[Outcome]:
    """Sweep through both services, in one process; the same pairs without them; then a hundred times as many."""
    dataset = Catalogue(stage.data_dir).latest("wiki")
    assert dataset is not None
    listed = np.flatnonzero(~np.isnan(dataset.raw("close", SYMBOL)))
    closes = np.array(dataset.adjusted("close", SYMBOL)[listed])
    rounds = SHORT_ROUNDS if short else ROUNDS
    with _running(stage) as (engine, stub):
        early, late = (iso_date(int(dataset.sessions[listed[max(windows)]])) for windows in (SLOW, MANY_SLOW))
        ours = _runs_per_second(stub, _request(dataset, early, FAST, SLOW), rounds)
        small = _runs_per_second(stub, _request(dataset, late, FAST, SLOW), rounds)
        many = _runs_per_second(stub, _request(dataset, late, MANY_FAST, MANY_SLOW), 1)
        memory_gib = _memory_bytes(engine.pid) / 2**30
    bare = len(FAST) * len(SLOW) / _bare_seconds(closes, rounds)
    outcomes = [
        Outcome("sweep of 1,000 pairs / the bare kernel", ours, bare, "runs/s", LEAST_OF_BARE, is_least=True),
        Outcome("sweep of 100,000 pairs / of 1,000", many, small, "runs/s", LEAST_OF_SMALL, is_least=True),
        Outcome("memory of the engine after 100,000 pairs", memory_gib, MAX_MEMORY_GIB, "GiB", 1.0),
    ]
    try:
        arrays = {"closes": closes, "fast": np.array(FAST), "slow": np.array(SLOW), "first": max(SLOW)}
        theirs = len(FAST) * len(SLOW) / vectorbt.seconds("pairs", **arrays)
    except vectorbt.NotInstalled as error:
        print(f"not compared: {error}", file=sys.stderr)
        return outcomes
    return [Outcome("sweep of 1,000 pairs / vectorbt", ours, theirs, "runs/s", LEAST_OF_VECTORBT, is_least=True), *outcomes]


@contextlib.contextmanager
def _running(stage: Stage) -> Iterator[tuple[Service, Any]]:
    """An engine that executes sweeps in one process and records them; its service and a stub."""
    with (
        stage.store(stage.new_database("bench_sweeps")) as store,
        stage.engine(store, {"TAPEDECK_WORKERS": "1"}) as engine,
        open_channel(target(engine, "engine_port")) as channel,
    ):
        yield engine, engine_service_pb2_grpc.EngineServiceStub(channel)


def _request(dataset: Dataset, start_date: str, fast: Sequence[int], slow: Sequence[int]) -> engine_service_pb2.RunSweepRequest:
    spec = run_pb2.RunSpec(
        strategy="sma_crossover",
        dataset="wiki",
        symbols=[SYMBOL],
        start_date=start_date,
        end_date=iso_date(int(dataset.sessions[-1])),
    )
    request = engine_service_pb2.RunSweepRequest(spec=spec, omit_batches=True)
    request.grid.update({"fast": list(fast), "slow": list(slow)})
    return request


def _runs_per_second(stub: Any, request: engine_service_pb2.RunSweepRequest, rounds: int) -> float:
    """The median of some sweeps, after one that is not counted when there are several."""
    speeds: list[float] = []
    for number in range(-1 if rounds > 1 else 0, rounds):
        before = time.perf_counter()
        for answer in stub.RunSweep(request):
            if answer.HasField("finished"):
                finished = answer.finished
        spent = time.perf_counter() - before
        if finished.state != sweep_pb2.SWEEP_STATE_SUCCEEDED or not finished.recorded:
            raise RuntimeError(f"the sweep did not succeed: {finished}")
        if number >= 0:
            speeds.append(finished.result_count / spent)
    return statistics.median(speeds)


def _bare_seconds(closes: NDArray[np.float64], rounds: int) -> float:
    seconds = []
    for number in range(-1, rounds):
        before = time.perf_counter()
        fast, slow = (bare_kernel.moving_averages(closes, np.array(windows)) for windows in (FAST, SLOW))
        bare_kernel.sweep(closes, fast, slow, max(SLOW), np.empty(len(closes)))
        if number >= 0:
            seconds.append(time.perf_counter() - before)
    return statistics.median(seconds)


def _memory_bytes(session: int) -> int:
    """What the processes of a session take together; a page that several share counts once (proc(5), Pss)."""
    total = 0
    for process in Path("/proc").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, NotADirectoryError):
            if process.name.isdigit() and int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
