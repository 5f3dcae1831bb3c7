"""SweepService on the wire; what its verbs do is in the contract tests."""

from __future__ import annotations

from typing import Any

from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2, sweep_service_pb2
from tests.fix_replays import LedgerEngine
from tests.fix_sweeps import RecordSweep


async def test_a_promotion_streams_the_events_of_the_new_run(sweep_stub: Any, record_sweep: RecordSweep) -> None:
    request = sweep_service_pb2.PromoteSweepResultRequest(sweep_id=await record_sweep(), number=2)
    events = [answer.event async for answer in sweep_stub.PromoteSweepResult(request)]
    assert [event.WhichOneof("event") for event in events] == ["started", "sessions", "finished"]
    assert events[0].started.sweep == run_pb2.SweepLink(sweep_id=request.sweep_id, number=2)


async def test_a_caller_who_leaves_does_not_end_the_run(
    sweep_stub: Any, record_sweep: RecordSweep, run_store: RunStore, ledger_engine: LedgerEngine
) -> None:
    ledger_engine.may_go_on.clear()
    request = sweep_service_pb2.PromoteSweepResultRequest(sweep_id=await record_sweep(), number=2)
    call = sweep_stub.PromoteSweepResult(request)
    run_id = (await call.read()).event.started.run_id
    call.cancel()
    ledger_engine.may_go_on.set()
    states = [(event.sequence, event.finished.state) async for event in run_store.watch_run(run_id, 3)]
    assert states == [(3, run_pb2.RUN_STATE_SUCCEEDED)]
