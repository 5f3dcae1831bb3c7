"""What the methods on strategy versions and suggestions send, and what they return."""

from __future__ import annotations

from tapedeck.v1 import strategy_service_pb2 as pb
from tapedeck.v1.strategy_pb2 import SuggestionPriority
from tapedeck_client import TapedeckClient
from tests.tapedeck_client.fake_wire import FakeWire
from tests.tapedeck_client.services import RUN_ID, Store, away
from tests.tapedeck_client.strategy_story import CHILD_ID, ROOT_ID, recorded_versions


def test_a_version_is_sent_whole(wire: FakeWire) -> None:
    version = recorded_versions()[0]
    request, kept = wire.unary(
        lambda: wire.client.create_strategy_version("s", "code", parameters={"fast": 10}, parent_version_id=ROOT_ID, notes="n"),
        "CreateStrategyVersion",
        pb.CreateStrategyVersionResponse(version=version, created=True),
    )
    wanted = pb.CreateStrategyVersionRequest(name="s", source_code="code", parent_version_id=ROOT_ID, notes="n", parameters={"fast": 10})
    assert (request, kept) == (wanted, version)


def test_versions_and_their_runs_are_fetched_page_by_page(client: TapedeckClient, store: Store) -> None:
    store.page_size = 2
    assert list(client.strategy_versions("name = s")) == store.versions
    assert [request.page_token for request in store.requests] == ["", "2"]
    assert list(client.strategy_version_runs(ROOT_ID, page_size=2)) == store.runs
    assert {request.version_id for request in store.requests[2:]} == {ROOT_ID}
    assert client.get_strategy_version(CHILD_ID) == store.versions[1]
    assert list(client.strategy_lineage(CHILD_ID).versions) == store.versions


def test_statistics_are_those_of_the_strategy(client: TapedeckClient, store: Store) -> None:
    assert client.strategy_statistics("sma_crossover") == store.statistics
    assert store.requests == [pb.GetStrategyStatisticsRequest(strategy="sma_crossover")]


def test_a_suggestion_is_sent_again_under_the_same_request_id(client: TapedeckClient, store: Store) -> None:
    store.plans = [(0, away())]
    made = client.suggest(RUN_ID, SuggestionPriority.SUGGESTION_PRIORITY_LOW, "Look at it.", references=["notes"])
    first, second = store.requests
    assert first == second
    assert first.request_id
    assert made == first.suggestion
    assert list(client.suggestions("priority = LOW")) == store.suggestions


def test_a_suggestion_to_remove_is_named(wire: FakeWire) -> None:
    request, _ = wire.unary(lambda: wire.client.delete_suggestion(CHILD_ID), "DeleteSuggestion", pb.DeleteSuggestionResponse())
    assert request == pb.DeleteSuggestionRequest(suggestion_id=CHILD_ID)
