"""StoreService on the wire: every rpc, with an empty request and through its own descriptors."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from tapedeck.v1 import store_service_pb2
from tapedeck_rpc.status import from_rpc_error
from tests.fix_runs import Record

SERVICE = store_service_pb2.DESCRIPTOR.services_by_name["StoreService"]


async def test_every_default_works_with_an_empty_body(store_stub: Any, record: Record) -> None:
    run_id = await record()
    listed = await store_stub.ListRuns(store_service_pb2.ListRunsRequest())
    counted = await store_stub.CountRuns(store_service_pb2.CountRunsRequest())
    assert [run.run_id for run in listed.runs] == [run_id]
    (summarized,) = (await store_stub.SummarizeRuns(store_service_pb2.SummarizeRunsRequest())).groups
    assert (counted.run_count, summarized.run_count) == (1, 1)


WITH_DEFAULTS = {"ListRuns", "CountRuns", "SummarizeRuns"}


@pytest.mark.parametrize("method", [method.name for method in SERVICE.methods if method.name not in WITH_DEFAULTS])
async def test_what_is_missing_is_said(store_stub: Any, method: str) -> None:
    request = getattr(store_service_pb2, f"{method}Request")()
    call = getattr(store_stub, method)(request)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (call.read() if SERVICE.methods_by_name[method].server_streaming else call)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert from_rpc_error(refused.value).reason == "INVALID_REQUEST"
