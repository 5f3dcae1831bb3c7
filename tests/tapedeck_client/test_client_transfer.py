"""What the methods that transfer runs send, and what becomes of calls that are cut."""

from __future__ import annotations

import pytest

from tapedeck.v1.transfer_service_pb2 import (
    EXPORT_FORMAT_CSV,
    BatchCreateRunsRequest,
    BatchCreateRunsResponse,
    CreatedRun,
    CreateSweepRequest,
    CreateSweepResponse,
    ExportRunsRequest,
    RunEntry,
)
from tapedeck_client import TapedeckClient, client_transfer
from tapedeck_rpc import errors
from tests.tapedeck_client.fake_wire import FakeWire
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, Store, away, spec


def test_create_sends_all_entries_at_once(wire: FakeWire) -> None:
    entries = [RunEntry(spec=spec(), note="one"), RunEntry(spec=spec())]
    created = [CreatedRun(run_id=RUN_ID, created=True), CreatedRun(run_id=OTHER_ID)]
    sent = wire.unary(lambda: wire.client.create(entries), "BatchCreateRuns", BatchCreateRunsResponse(runs=created))
    assert sent == (BatchCreateRunsRequest(runs=entries), created)


def test_create_sweep_sends_its_request(wire: FakeWire) -> None:
    request, answer = CreateSweepRequest(spec=spec(), rank_by="win_rate"), CreateSweepResponse(sweep_id=RUN_ID, created=True)
    assert wire.unary(lambda: wire.client.create_sweep(request), "CreateSweep", answer) == (request, answer)


def test_an_export_is_its_parts(client: TapedeckClient, store: Store) -> None:
    assert b"".join(client.export_runs("pnl > 0", EXPORT_FORMAT_CSV)) == b"one\ntwo\n"
    assert store.requests == [ExportRunsRequest(filter="pnl > 0", format=EXPORT_FORMAT_CSV)]


def test_an_import_sends_parts_that_fit_and_yields_what_became_of_the_runs(
    client: TapedeckClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_transfer, "PART_BYTES", 3)
    answers = list(client.import_runs([b"some bytes", b"", b"more"]))
    assert store.imported == b"some bytesmore"
    assert [answer.committed for answer in answers] == [False, True]


def test_a_transfer_that_is_cut_raises(client: TapedeckClient, store: Store) -> None:
    store.plans = [(1, away()), (1, away())]
    with pytest.raises(errors.Unavailable):
        list(client.export_runs())
    with pytest.raises(errors.Unavailable):
        list(client.import_runs([b"x"]))
