"""Whatever is sent to StoreService, it answers, or says what is wrong with it."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapedeck.v1 import store_service_pb2
from tapedeck_rpc.status import from_rpc_error
from tests.fix_runs import Record, make_events, make_started, new_run_id, whole_run
from tests.random_messages import RANDOM_REQUESTS, messages

PATIENCE_SECONDS = 0.3
"""How long an answer stream is read: a watched run that goes on has no end."""

NEVER = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS}
FILTERS = ["strategy = sma*", "alpha > 1", "labels.team:*", "symbols:GOOG", "NOT state = FAILED", "parameters.fast = 10", "foo = 1"]
FILTERS += ["search:sma", "flags:*", "run_id = *7"]
GROUPINGS = ["strategy", "symbol", "parameters.fast", 'parameters."a b".c', "foo"]
ORDERS = ["sharpe_ratio desc", "create_time", "finish_time desc", "foo"]


@pytest.fixture
async def known(record: Record, store_stub: Any) -> dict[str, list[Any]]:
    """Values that mean something to the store: ids of runs of every kind, filters, orders, a token."""
    ended, live = await record(), await record(make_events(make_started()))
    await record(whole_run(started={"request_id": "taken"}))
    token = (await store_stub.ListRuns(store_service_pb2.ListRunsRequest(page_size=1))).next_page_token
    ids = [ended, live, new_run_id()]
    dates = {"start_date": ["2010-01-04", "2010-01-05"], "end_date": ["2010-01-05", "2010-01-06"], "symbols": ["GOOG", "IBM"]}
    words = {"filter": FILTERS, "order_by": ORDERS, "group_by": GROUPINGS, "metrics": ["sharpe_ratio", "trades_total", "foo"]}
    return {"run_id": ids, "run_ids": ids, "page_token": [token], "request_id": ["taken"], **words, **dates}


async def code_of(call: Any) -> grpc.StatusCode:
    """How a call ends: OK for one that is still answering when patience is over, UNKNOWN also for an error without a reason."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            if isinstance(call, grpc.aio.UnaryStreamCall):
                async for _ in call:
                    pass
            else:
                await call
    except TimeoutError:
        call.cancel()
    except grpc.aio.AioRpcError as error:
        return error.code() if from_rpc_error(error).reason != "UNKNOWN" else grpc.StatusCode.UNKNOWN
    return grpc.StatusCode.OK


@pytest.mark.parametrize(
    "method",
    [
        "GetRun",
        "ListRuns",
        "CountRuns",
        "SummarizeRuns",
        "CompareRuns",
        "FindSimilarRuns",
        "WatchRun",
        "ReadRun",
        "ReplayRun",
        "UpdateRun",
        "DeleteRun",
        "UndeleteRun",
        "BatchDeleteRuns",
    ],
)
@settings(max_examples=RANDOM_REQUESTS, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_request_breaks_the_store(store_stub: Any, known: dict[str, list[Any]], method: str, data: st.DataObject) -> None:
    request = data.draw(messages(getattr(store_service_pb2, f"{method}Request"), known))
    assert await code_of(getattr(store_stub, method)(request)) not in NEVER


def test_every_rpc_is_tried() -> None:
    (parametrize, *_) = test_no_request_breaks_the_store.pytestmark
    service = store_service_pb2.DESCRIPTOR.services_by_name["StoreService"]
    assert parametrize.args[1] == [method.name for method in service.methods]
