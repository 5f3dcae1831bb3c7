"""Strategies for tests: requests for versions and suggestions, the stores of both, and a client of StrategyService."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from store_service.database import Database
from store_service.page_token import PageTokens, derive_key
from store_service.strategies.servicer import StrategyServicer
from store_service.strategies.store import StrategyStore
from store_service.strategies.suggestions import SuggestionStore
from tapedeck.v1 import run_pb2, strategy_pb2, strategy_service_pb2, strategy_service_pb2_grpc
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_replays import served
from tests.fix_runs import make_provenance, whole_run

SOURCE = "def signals(bars, parameters):\n    return bars.close\n"

PAGE_TOKENS = PageTokens(derive_key("tests"))


def strategies_of(database: Database) -> StrategyStore:
    """What keeps versions in a database."""
    return StrategyStore(database, PAGE_TOKENS)


def make_version(**changes: Any) -> strategy_service_pb2.CreateStrategyVersionRequest:
    """A version to keep."""
    fields: dict[str, Any] = {"name": "sma_crossover", "source_code": SOURCE, "parameters": {"fast": 10}, "notes": "The first one."}
    return strategy_service_pb2.CreateStrategyVersionRequest(**{**fields, **changes})


def make_suggestion(run_id: str, request_id: str = "", **changes: Any) -> strategy_service_pb2.CreateSuggestionRequest:
    """A suggestion to attach to a run."""
    fields: dict[str, Any] = {
        "run_id": run_id,
        "priority": strategy_pb2.SUGGESTION_PRIORITY_HIGH,
        "description": "Trade less in calm markets.",
        "specific_changes": ["slow = 60", "skip when volatility < 10 %"],
        "expected_impact": "Half the turnover.",
        "rationale": "Most losses are costs.",
        "references": ["the notes of 2026-11-02"],
    }
    return strategy_service_pb2.CreateSuggestionRequest(suggestion=strategy_pb2.Suggestion(**{**fields, **changes}), request_id=request_id)


def run_of(source: str = SOURCE, **spec: Any) -> list[run_pb2.RunEvent]:
    """All events of a run whose strategy has this source code."""
    return whole_run(started={"provenance": make_provenance(strategy_source_digest=hashlib.sha256(source.encode()).hexdigest())}, **spec)


@pytest.fixture
def strategy_store(database: Database) -> StrategyStore:
    """What keeps versions, on the test's database."""
    return strategies_of(database)


@pytest.fixture
def suggestion_store(database: Database) -> SuggestionStore:
    """What keeps suggestions, on the test's database."""
    return SuggestionStore(database, PAGE_TOKENS)


@pytest.fixture
async def strategy_stub(
    strategy_store: StrategyStore, suggestion_store: SuggestionStore
) -> AsyncIterator[strategy_service_pb2_grpc.StrategyServiceStub]:
    """A client of StrategyService."""
    servicer = StrategyServicer(strategy_store, suggestion_store)
    async with (
        served(strategy_service_pb2_grpc.add_StrategyServiceServicer_to_server, servicer) as target,
        open_aio_channel(target) as channel,
    ):
        yield strategy_service_pb2_grpc.StrategyServiceStub(channel)
