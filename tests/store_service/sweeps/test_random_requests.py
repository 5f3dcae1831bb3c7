"""Whatever is sent to SweepService, it answers, or says what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapedeck.v1 import sweep_pb2, sweep_service_pb2
from tests.fix_runs import Record, new_run_id, whole_run
from tests.fix_sweeps import RecordSweep, make_sweep_started, whole_sweep, without_results
from tests.random_messages import RANDOM_REQUESTS, messages
from tests.store_service.runs.test_random_requests import NEVER, code_of

FILTERS = ["strategy = sma*", "alpha > 1", "labels.team:*", "symbols:GOOG", "NOT state = FAILED", "parameters.fast = 10", "symbol = GOOG"]
ORDERS = ["sharpe_ratio desc", "create_time", "number desc", "edge_score", "foo"]


@pytest.fixture
async def known(record: Record, record_sweep: RecordSweep, sweep_stub: Any) -> dict[str, list[Any]]:
    """Values that mean something to the store: ids of sweeps of every kind, filters, orders, tokens."""
    ids = [await record_sweep() for _ in range(2)]
    ids += [await record_sweep(without_results(sweep_pb2.SWEEP_STATE_CANCELLED)), new_run_id()]
    ids.append(await record_sweep(whole_sweep(make_sweep_started(request_id="taken"))))
    await record(whole_run(started={"request_id": "taken"}))
    tokens = [
        (await sweep_stub.ListSweeps(sweep_service_pb2.ListSweepsRequest(page_size=1))).next_page_token,
        (await sweep_stub.ListSweepResults(sweep_service_pb2.ListSweepResultsRequest(page_size=1))).next_page_token,
    ]
    return {"sweep_id": ids, "filter": FILTERS, "order_by": ORDERS, "page_token": tokens, "request_id": ["taken"], "number": [1, 2]}


@pytest.mark.parametrize("method", ["GetSweep", "ListSweeps", "ListSweepResults", "PromoteSweepResult"])
@settings(max_examples=RANDOM_REQUESTS, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_request_breaks_the_store(sweep_stub: Any, known: dict[str, list[Any]], method: str, data: st.DataObject) -> None:
    request = data.draw(messages(getattr(sweep_service_pb2, f"{method}Request"), known))
    assert await code_of(getattr(sweep_stub, method)(request)) not in NEVER


def test_every_rpc_is_tried() -> None:
    (parametrize, *_) = test_no_request_breaks_the_store.pytestmark
    service = sweep_service_pb2.DESCRIPTOR.services_by_name["SweepService"]
    assert parametrize.args[1] == [method.name for method in service.methods]
