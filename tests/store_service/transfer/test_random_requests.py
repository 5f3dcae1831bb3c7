"""Whatever is sent to TransferService, it answers, or says what is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store_service.database import Database
from tapedeck.v1 import transfer_service_pb2
from tapedeck_rpc import errors
from tests.fix_runs import Record, whole_run
from tests.fix_transfer import Transfers, make_entry, make_ranked
from tests.random_messages import RANDOM_REQUESTS, messages
from tests.store_service.runs.test_random_requests import FILTERS, NEVER, code_of

VALUES = [b"null", b"{}", b"[]", b"1e999", b"Infinity", b"9" * 400, b"NaN", b"-1", b'"x"', b"\n"]

SUGGESTIONS: dict[str, list[Any]] = {"filter": FILTERS, "request_id": ["taken"], "symbol": ["GOOG"], "rank_by": ["edge_score"]}

VALID: dict[str, Callable[[], Any]] = {
    "BatchCreateRuns": lambda: transfer_service_pb2.BatchCreateRunsRequest(runs=[make_entry()]),
    "CreateSweep": make_ranked,
    "ExportRuns": transfer_service_pb2.ExportRunsRequest,
}
"""Requests that are fine, to be changed: hardly a random one gets past the first checks."""


@pytest.mark.parametrize("method", ["BatchCreateRuns", "CreateSweep", "ExportRuns"])
@settings(max_examples=RANDOM_REQUESTS, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_request_breaks_the_store(transfer_stub: Any, record: Record, method: str, data: st.DataObject) -> None:
    request = VALID[method]() if data.draw(st.booleans()) else getattr(transfer_service_pb2, f"{method}Request")()
    request.MergeFrom(data.draw(messages(type(request), SUGGESTIONS)))
    assert await code_of(getattr(transfer_stub, method)(request)) not in NEVER


@pytest.fixture
async def exported(database: Database, record: Record) -> bytes:
    """A file with one run."""
    await record(whole_run())
    return await Transfers(database).export()


@settings(max_examples=RANDOM_REQUESTS, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1), length=st.integers(0, 200), put=st.one_of(st.binary(max_size=20), st.sampled_from(VALUES)))
async def test_no_random_change_of_a_file_breaks_its_import(
    database: Database, exported: bytes, share: float, length: int, put: bytes
) -> None:
    start = round(share * len(exported))
    with contextlib.suppress(errors.CallError):  # anything else is a bug of ours
        await Transfers(database).take(exported[:start] + put + exported[start + length :])


def test_every_rpc_is_tried() -> None:
    methods = {method.name for method in transfer_service_pb2.DESCRIPTOR.services_by_name["TransferService"].methods}
    assert methods == {"BatchCreateRuns", "CreateSweep", "ExportRuns", "ImportRuns"}
