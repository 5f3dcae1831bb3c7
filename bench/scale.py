"""Whether answers stay as fast as a store grows: shapes with a guarantee in docs/operations.md, in a large store and in a small one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import psycopg

from bench.arrivals import arriving
from bench.filling import fill
from bench.outcome import Outcome, milliseconds
from bench.recording import record
from bench.sample import execute_for_events, sample_plan, warm
from bench.shapes import SHAPES, Cursor, read_by_digest, read_page, read_summary, summarized_filter
from bench.stage import Stage, target
from bench.timing import Call, in_turn
from tapedeck.v1 import run_pb2, store_service_pb2, store_service_pb2_grpc, strategy_service_pb2, strategy_service_pb2_grpc
from tapedeck_rpc.channel import open_channel

MAX_GROWTH = 1.5
"""A page of the large store / of the small one: a tree of a hundred times as many entries is a level deeper, and in fewer caches."""

MAX_OF_RAW = 15.0
"""A page through gRPC / by psycopg from the same store: each run of it is made of two messages, and sent as a third."""

MAX_STATISTICS = 3.0
"""GetStrategyStatistics / GetRun: both read rows by their keys."""

MAX_SUMMARY = 1.3
"""SummarizeRuns / the same aggregate by psycopg: what it costs to count first, so that too many are refused and not begun with."""

SMALL, LARGE = 10_000, 1_000_000
SHORT_SMALL, SHORT_LARGE = 1_000, 10_000
"""Runs in the stores."""

SUMMARIZED = 90_000
"""Runs that are summarized: a tenth less than the most that may be, as others arrive meanwhile."""

ROUNDS, SUMMARY_ROUNDS = 200, 9
SHORT_ROUNDS, SHORT_SUMMARY_ROUNDS = 15, 3


@dataclass(frozen=True, slots=True)
class FilledStore:
    """A store with many runs, as clients reach it and from within."""

    url: str
    record_target: str
    runs: store_service_pb2_grpc.StoreServiceStub
    strategies: strategy_service_pb2_grpc.StrategyServiceStub
    cursor: Cursor


def measure_scale(stage: Stage, *, short: bool) -> list[Outcome]:
    """Fill a small and a large store, and read both in turn while runs arrive in both."""
    ready = sample_plan(stage.data_dir)
    warm(ready)
    events = execute_for_events(ready)
    sizes = (SHORT_LARGE, SHORT_SMALL) if short else (LARGE, SMALL)
    with contextlib.ExitStack() as stack:
        large, small = (_filled_store(stage, stack, size, events) for size in sizes)
        arrivals = stack.enter_context(arriving([large.record_target, small.record_target], [large.url, small.url], events))
        outcomes = [
            *_measure_pages(large, small, SHORT_ROUNDS if short else ROUNDS),
            *_measure_duplicates(large, small, events[0].started, SHORT_ROUNDS if short else ROUNDS),
            _measure_statistics(large, events[0].started.run_id, SHORT_ROUNDS if short else ROUNDS),
            _measure_summary(large, min(sizes[0] // 2, SUMMARIZED), SHORT_SUMMARY_ROUNDS if short else SUMMARY_ROUNDS),
            arrivals.outcome("reads"),
        ]
        if not short:
            _check_refused(large.runs)
    for size in sizes:
        stage.drop_database(_name(size))
    return outcomes


def _name(size: int) -> str:
    return f"bench_scale_{size}"


def _filled_store(stage: Stage, stack: contextlib.ExitStack, size: int, events: Sequence[run_pb2.RunEvent]) -> FilledStore:
    url = stage.new_database(_name(size))
    store = stack.enter_context(stage.store(url))
    asyncio.run(record(target(store, "record_port"), [events]))
    fill(url, size, varied=True)
    channel = stack.enter_context(open_channel(target(store, "store_port")))
    connection = stack.enter_context(psycopg.connect(url, autocommit=True))
    return FilledStore(
        url,
        target(store, "record_port"),
        store_service_pb2_grpc.StoreServiceStub(channel),
        strategy_service_pb2_grpc.StrategyServiceStub(channel),
        psycopg.RawCursor(connection),
    )


def _outcomes(name: str, rounds: int, in_large: Call, in_small: Call, raw: Call) -> list[Outcome]:
    """What a call takes in the large store: against the small one, and against what it is made of."""
    large, small, without = map(milliseconds, in_turn(rounds, in_large, in_small, raw))
    return [
        Outcome(f"{name}, large / small", large, small, "ms", MAX_GROWTH),
        Outcome(f"{name}, gRPC / SQL", large, without, "ms", MAX_OF_RAW),
    ]


def _measure_pages(large: FilledStore, small: FilledStore, rounds: int) -> list[Outcome]:
    outcomes = []
    for shape, deep in itertools.product(SHAPES, (False, True)):
        if deep and not shape.has_deep_page:
            continue
        requests = [shape.request(store.cursor, store.url, deep=deep) for store in (large, small)]
        in_large, in_small = (_call(store.runs.ListRuns, request) for store, request in zip((large, small), requests, strict=True))
        name = f"{shape.name}, {'deep' if deep else 'first'} page"
        outcomes += _outcomes(name, rounds, in_large, in_small, read_page(large.cursor, shape, large.url, requests[0].page_token))
    return outcomes


def _call(method: Any, request: object) -> Call:
    return lambda: method(request)


def _measure_duplicates(large: FilledStore, small: FilledStore, started: run_pb2.RunStarted, rounds: int) -> list[Outcome]:
    """Runs of the spec that was recorded, of which both stores have as many: what an engine's first message of a run asks for, too."""
    request = store_service_pb2.FindSimilarRunsRequest(run_id=started.run_id)
    in_large, in_small = (_call(store.runs.FindSimilarRuns, request) for store in (large, small))
    return _outcomes("runs of the same spec, first page", rounds, in_large, in_small, read_by_digest(large.cursor, started))


def _measure_statistics(store: FilledStore, run_id: str, rounds: int) -> Outcome:
    statistics, get = in_turn(
        rounds,
        _call(store.strategies.GetStrategyStatistics, strategy_service_pb2.GetStrategyStatisticsRequest(strategy="strategy_3")),
        _call(store.runs.GetRun, store_service_pb2.GetRunRequest(run_id=run_id)),
    )
    return Outcome("GetStrategyStatistics / GetRun", milliseconds(statistics), milliseconds(get), "ms", MAX_STATISTICS)


def _measure_summary(store: FilledStore, runs: int, rounds: int) -> Outcome:
    """All metrics of the newest runs."""
    wanted = summarized_filter(store.cursor, runs)
    request = store_service_pb2.SummarizeRunsRequest(filter=wanted)
    through, without = in_turn(rounds, _call(store.runs.SummarizeRuns, request), read_summary(store.cursor, wanted), warm_up_rounds=1)
    return Outcome(f"SummarizeRuns of {runs:,} runs / SQL", milliseconds(through), milliseconds(without), "ms", MAX_SUMMARY)


def _check_refused(stub: store_service_pb2_grpc.StoreServiceStub) -> None:
    """Make sure that too many runs are refused, and not begun with."""
    try:
        stub.SummarizeRuns(store_service_pb2.SummarizeRunsRequest())
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
            return
        raise
    raise RuntimeError("more runs were summarized than the limit says")
