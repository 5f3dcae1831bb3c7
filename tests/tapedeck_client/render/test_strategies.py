"""Strategy versions and suggestions."""

from __future__ import annotations

from tapedeck_client.render.strategies import lineage_tree, strategy_version, strategy_versions, suggestions
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import RUN_ID
from tests.tapedeck_client.strategy_story import CHILD_ID, recorded_suggestions, recorded_versions


def test_a_row_has_the_version_its_runs_and_its_parent() -> None:
    _, _, root, child, _ = (line.split() for line in printed(strategy_versions(recorded_versions())).splitlines())
    assert root == ["aaaa1111", "2026-09-21", "14:13", "sma_crossover", "1,234", "The", "first", "one."]
    assert child == ["bbbb2222", "2026-09-21", "14:13", "sma_crossover", "1", "aaaa1111"]


def test_the_lineage_is_a_tree_with_the_version_marked() -> None:
    root, child, sibling = printed(lineage_tree(recorded_versions(), CHILD_ID)).splitlines()
    assert root.startswith("aaaa1111 sma_crossover, 2026-09-21 14:13, 1,234 runs")
    assert child.rstrip() == "├── bbbb2222 sma_crossover, 2026-09-21 14:13, 1 run ◀"
    assert sibling.rstrip() == "└── cccc3333 sma_crossover, 2026-09-21 14:13, 0 runs"


def test_a_version_is_shown_with_its_source_and_nothing_that_steers_a_terminal() -> None:
    versions = recorded_versions()
    shown = printed(strategy_version(versions[0], versions))
    for wanted in (
        "abcdef012345\n",
        "fast=10, slow=30",
        "The first one.",
        "def signals(bars, parameters):",
        "    return bars.close\N{REPLACEMENT CHARACTER}[31m",
    ):
        assert wanted in "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"
    bare = printed(strategy_version(versions[1], versions))
    assert "Parameters" not in bare
    assert "Notes" not in bare


def test_a_suggestion_is_a_block_with_what_it_says() -> None:
    full, least = (
        [line.rstrip() for line in block.splitlines()] for block in printed(suggestions(recorded_suggestions(RUN_ID))).split("\n\n")
    )
    assert full[0] == "HIGH Trade less in calm markets."
    assert [line.split(maxsplit=1) for line in full[1:-1]] == [
        ["Run", "aaaa0001 (sma_crossover)"],
        ["Change", "slow = 60"],
        ["Change", "skip when volatility < 10 %"],
        ["Impact", "Half the turnover."],
        ["Why", "Most losses are costs."],
        ["See", "the notes of 2026-11-02"],
    ]
    assert least[0] == "LOW Look at it."
    assert len(least) == 3
