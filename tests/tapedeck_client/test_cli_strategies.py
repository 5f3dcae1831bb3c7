"""strategy-versions, strategy-version, suggest, suggestions: what is asked for, and what is shown."""

from __future__ import annotations

import json

import pytest

from tapedeck.v1.strategy_pb2 import SuggestionPriority
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import RUN_ID, Store
from tests.tapedeck_client.strategy_story import CHILD_ID, ROOT_ID


def test_versions_are_listed_of_one_strategy_when_it_is_named(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("strategy-versions", "sma_crossover", "--filter", "notes:first", "--limit", "2")
    assert result.exit_code == 0
    assert (store.requests[-1].filter, store.requests[-1].page_size) == ('(notes:first) AND name = "sma_crossover"', 2)
    assert "aaaa1111" in result.stdout
    assert "cccc3333" not in result.stdout


def test_a_version_is_shown_by_its_tail_with_its_source_and_its_lineage(tapedeck: Tapedeck) -> None:
    shown = tapedeck("strategy-version", "aaaa1111").stdout
    assert ROOT_ID in shown
    assert "def signals(bars, parameters):" in shown
    assert "├── bbbb2222" in shown


def test_an_unknown_tail_of_a_version_is_said(tapedeck: Tapedeck) -> None:
    result = tapedeck("strategy-version", "dddd4444")
    assert result.exit_code == 1
    assert 'no strategy version has an id that ends with "dddd4444"' in result.stderr


def test_json_is_the_contract(tapedeck: Tapedeck) -> None:
    versions = json.loads(tapedeck("strategy-versions", "--json").stdout)["versions"]
    assert versions[1]["parent_version_id"] == ROOT_ID
    assert json.loads(tapedeck("strategy-version", CHILD_ID, "--json").stdout)["version_id"] == CHILD_ID


def test_a_suggestion_says_what_its_options_say(tapedeck: Tapedeck, store: Store) -> None:
    options = ("--change", "slow = 60", "--change", "fast = 5", "--impact", "fewer trades", "--why", "costs", "--see", "notes")
    result = tapedeck("suggest", "aaaa0001", "Trade less", "--priority", "high", *options, "--request-id", "key")
    assert result.exit_code == 0
    request = store.requests[-1]
    assert request.request_id == "key"
    asked = request.suggestion
    assert (asked.run_id, asked.priority, asked.description) == (RUN_ID, SuggestionPriority.SUGGESTION_PRIORITY_HIGH, "Trade less")
    assert (list(asked.specific_changes), list(asked.references)) == (["slow = 60", "fast = 5"], ["notes"])
    assert (asked.expected_impact, asked.rationale) == ("fewer trades", "costs")
    assert "HIGH Trade less" in result.stdout
    assert tapedeck("suggest", RUN_ID, "Again").exit_code == 0
    assert store.requests[-1].request_id


def test_suggestions_are_listed_of_a_run_a_strategy_and_a_priority(tapedeck: Tapedeck, store: Store) -> None:
    shown = tapedeck("suggestions", "aaaa0001", "--priority", "high", "--strategy", "sma_crossover").stdout
    assert store.requests[-1].filter == f'run_id = "{RUN_ID}" AND strategy = "sma_crossover" AND priority = "HIGH"'
    assert "HIGH Trade less in calm markets." in shown
    tapedeck("suggestions")
    assert store.requests[-1].filter == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("strategy-versions",), "an engine registers"),
        (("strategy-versions", "x"), "no version matches"),
        (("suggestions",), "suggest RUN"),
    ],
)
def test_a_list_of_nothing_says_what_to_do(tapedeck: Tapedeck, store: Store, arguments: tuple[str, ...], said: str) -> None:
    store.versions.clear()
    store.suggestions.clear()
    assert said in tapedeck(*arguments).stdout
