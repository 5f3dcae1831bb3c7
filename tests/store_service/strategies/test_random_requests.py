"""Whatever is sent to StrategyService, it answers, or says what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store_service.strategies.store import StrategyStore
from store_service.strategies.suggestions import SuggestionStore
from tapedeck.v1 import strategy_service_pb2
from tests.fix_runs import Record, new_run_id
from tests.fix_strategies import make_suggestion, make_version, run_of
from tests.random_messages import RANDOM_REQUESTS, messages
from tests.store_service.runs.test_random_requests import NEVER, code_of

FILTERS = ["name = sma*", "priority = HIGH", "NOT strategy = x", "notes:first", "parameters.fast = 10", "alpha > 1", "run_id:*"]
METHODS = [method.name for method in strategy_service_pb2.DESCRIPTOR.services_by_name["StrategyService"].methods]


@pytest.fixture
async def known(
    record: Record, strategy_store: StrategyStore, suggestion_store: SuggestionStore, strategy_stub: Any
) -> dict[str, list[Any]]:
    """Values that mean something to the store: ids of every kind, filters, tokens."""
    versions = [(await strategy_store.create_version(make_version(source_code=text)))[0].version_id for text in ("one", "two")]
    runs = [await record(run_of("one")), new_run_id()]
    suggestions = [(await suggestion_store.create_suggestion(make_suggestion(runs[0], key))).suggestion_id for key in ("taken", "other")]
    tokens = [
        (await strategy_stub.ListStrategyVersions(strategy_service_pb2.ListStrategyVersionsRequest(page_size=1))).next_page_token,
        (await strategy_stub.ListSuggestions(strategy_service_pb2.ListSuggestionsRequest(page_size=1))).next_page_token,
    ]
    ids = {"version_id": versions, "parent_version_id": versions, "run_id": runs, "suggestion_id": suggestions}
    return {**ids, "filter": FILTERS, "page_token": tokens, "request_id": ["taken"], "priority": [1, 2], "strategy": ["sma_crossover"]}


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=RANDOM_REQUESTS, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_request_breaks_the_store(strategy_stub: Any, known: dict[str, list[Any]], method: str, data: st.DataObject) -> None:
    request = data.draw(messages(getattr(strategy_service_pb2, f"{method}Request"), known))
    assert await code_of(getattr(strategy_stub, method)(request)) not in NEVER
