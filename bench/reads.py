"""What reading runs costs: one run against PostgreSQL itself, lists of a large store against those of a small one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Any

import psycopg

from bench.filling import fill
from bench.outcome import Outcome, milliseconds
from bench.recording import record
from bench.sample import execute_for_events, sample_plan, warm
from bench.stage import Stage, target
from bench.timing import Call, in_turn
from tapedeck.v1 import store_service_pb2, store_service_pb2_grpc
from tapedeck_rpc.channel import open_channel

MAX_GET = 8.0
"""GetRun through gRPC / the same row by psycopg."""

MAX_GROWTH = 1.5
"""ListRuns in the large store / in the small one."""

SMALL, LARGE, SHORT_LARGE = 1_000, 100_000, 10_000
"""Runs in the stores."""

GET_ROUNDS, LIST_ROUNDS = 2_000, 400
SHORT_GET_ROUNDS, SHORT_LIST_ROUNDS = 300, 60
PAGE_SIZE = 20
ORDERS = ("create_time desc", "sharpe_ratio desc")

WALK_PAGE_SIZE = 500
"""Size of the pages that are walked through to reach a deep one: in the middle of the list."""


def measure_reads(stage: Stage, *, short: bool) -> list[Outcome]:
    """Fill a small and a large store from one recorded run, and read both in turn."""
    ready = sample_plan(stage.data_dir)
    warm(ready)
    events = execute_for_events(ready)
    with contextlib.ExitStack() as stack:
        stubs: list[store_service_pb2_grpc.StoreServiceStub] = []
        for size in (SMALL, SHORT_LARGE if short else LARGE):
            url = stage.new_database(f"bench_reads_{size}")
            store = stack.enter_context(stage.store(url))
            asyncio.run(record(target(store, "record_port"), [events]))
            fill(url, size)
            channel = stack.enter_context(open_channel(target(store, "store_port")))
            stubs.append(store_service_pb2_grpc.StoreServiceStub(channel))
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        small, large = stubs
        get = _measure_get(large, connection, events[0].started.run_id, SHORT_GET_ROUNDS if short else GET_ROUNDS)
        return [get, *_measure_lists(small, large, SHORT_LIST_ROUNDS if short else LIST_ROUNDS)]


def _measure_get(stub: store_service_pb2_grpc.StoreServiceStub, connection: psycopg.Connection[Any], run_id: str, rounds: int) -> Outcome:
    request = store_service_pb2.GetRunRequest(run_id=run_id)
    row = b"SELECT * FROM runs WHERE run_id = %s"
    through, without = in_turn(
        rounds,
        lambda: stub.GetRun(request),
        lambda: connection.execute(row, (run_id,), prepare=True, binary=True).fetchone(),
    )
    return Outcome("GetRun / its row by psycopg", milliseconds(through), milliseconds(without), "ms", MAX_GET)


def _measure_lists(
    small: store_service_pb2_grpc.StoreServiceStub, large: store_service_pb2_grpc.StoreServiceStub, rounds: int
) -> list[Outcome]:
    outcomes = []
    for order_by, deep in itertools.product(ORDERS, (False, True)):
        calls = [_list_call(stub, order_by, deep=deep) for stub in (large, small)]
        in_large, in_small = in_turn(rounds, *calls)
        name = f"ListRuns by {order_by.split()[0]}, {'deep' if deep else 'first'} page, large / small"
        outcomes.append(Outcome(name, milliseconds(in_large), milliseconds(in_small), "ms", MAX_GROWTH))
    return outcomes


def _list_call(stub: store_service_pb2_grpc.StoreServiceStub, order_by: str, *, deep: bool) -> Call:
    page_token = ""
    if deep:
        total = stub.CountRuns(store_service_pb2.CountRunsRequest()).run_count
        for _ in range(total // 2 // WALK_PAGE_SIZE):
            request = store_service_pb2.ListRunsRequest(order_by=order_by, page_size=WALK_PAGE_SIZE, page_token=page_token)
            page_token = stub.ListRuns(request).next_page_token
    request = store_service_pb2.ListRunsRequest(order_by=order_by, page_size=PAGE_SIZE, page_token=page_token)
    return lambda: stub.ListRuns(request)
