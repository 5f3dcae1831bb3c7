"""similar: what is asked for, and what is shown."""

from __future__ import annotations

import json

from tapedeck.v1.store_service_pb2 import FindSimilarRunsResponse
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, Store


def test_similar_shows_what_differs_from_the_run_whose_tail_is_given(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("similar", "aaaa0001", "--limit", "7")
    assert result.exit_code == 0
    assert (store.requests[-1].run_id, store.requests[-1].page_size) == (RUN_ID, 7)
    assert "bbbb0002" in result.stdout
    assert "parameters.fast: 10 → 20" in result.stdout


def test_similar_prints_json(tapedeck: Tapedeck) -> None:
    (similar,) = json.loads(tapedeck("similar", RUN_ID, "--json").stdout)["runs"]
    assert similar["run"]["run_id"] == OTHER_ID
    assert similar["differences"] == [{"field": "parameters.fast", "values": [10, 20]}]


def test_similar_says_when_there_is_none(tapedeck: Tapedeck, store: Store) -> None:
    store.similar = FindSimilarRunsResponse()
    assert "no other run" in tapedeck("similar", RUN_ID).stdout
