"""What the methods that change runs send, and that they are sent again when their answer was lost."""

from __future__ import annotations

from tapedeck.v1.run_pb2 import Run
from tapedeck.v1.store_service_pb2 import (
    BatchDeleteRunsRequest,
    BatchDeleteRunsResponse,
    DeleteRunRequest,
    DeleteRunResponse,
    UndeleteRunRequest,
    UndeleteRunResponse,
    UpdateRunRequest,
    UpdateRunResponse,
)
from tapedeck_client import TapedeckClient
from tests.tapedeck_client.fake_wire import FakeWire
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, Store, away


def test_update_sends_what_is_to_change_and_nothing_else(wire: FakeWire) -> None:
    response = UpdateRunResponse(run=Run(run_id=RUN_ID, note="new"))
    request, run = wire.unary(
        lambda: wire.client.update(RUN_ID, labels={"team": "alpha"}, remove_labels=["old"], note="", etag="tag"), "UpdateRun", response
    )
    expected = UpdateRunRequest(run_id=RUN_ID, set_labels={"team": "alpha"}, remove_labels=["old"], note="", etag="tag")
    assert (request, run) == (expected, response.run)
    assert request.HasField("note")
    request, _ = wire.unary(lambda: wire.client.update(RUN_ID), "UpdateRun", response)
    assert request == UpdateRunRequest(run_id=RUN_ID)
    assert not request.HasField("note")


def test_delete_and_undelete_name_the_run(wire: FakeWire) -> None:
    run = Run(run_id=RUN_ID)
    assert wire.unary(lambda: wire.client.delete(RUN_ID), "DeleteRun", DeleteRunResponse(run=run)) == (DeleteRunRequest(run_id=RUN_ID), run)
    back = wire.unary(lambda: wire.client.undelete(RUN_ID), "UndeleteRun", UndeleteRunResponse(run=run))
    assert back == (UndeleteRunRequest(run_id=RUN_ID), run)


def test_many_are_deleted_by_ids_or_by_a_filter(wire: FakeWire) -> None:
    response = BatchDeleteRunsResponse(run_count=2)
    by_ids = wire.unary(lambda: wire.client.delete_many([RUN_ID, OTHER_ID]), "BatchDeleteRuns", response)
    assert by_ids == (BatchDeleteRunsRequest(run_ids=[RUN_ID, OTHER_ID]), response)
    request, _ = wire.unary(lambda: wire.client.delete_many(filter="pnl < 0", validate_only=True), "BatchDeleteRuns", response)
    assert request == BatchDeleteRunsRequest(filter="pnl < 0", validate_only=True)


def test_a_change_that_finds_the_store_away_is_sent_again(client: TapedeckClient, store: Store) -> None:
    store.plans = [(0, away())]
    assert client.update(RUN_ID, note="kept").note == "kept"
    assert len(store.requests) == 2
