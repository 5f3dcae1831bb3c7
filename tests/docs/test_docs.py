"""The documents keep up with what they describe."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

import engine_service.settings
import store_service.settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

SETTINGS: Mapping[str, type[BaseSettings]] = {
    "engine_service": engine_service.settings.Settings,
    "store_service": store_service.settings.Settings,
}


def title(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_lead_to_files_of_the_tree(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("page", DECISIONS, ids=title)
def test_a_decision_says_why_what_and_what_follows(page: Path) -> None:
    assert re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_every_guarantee_names_a_test_that_exists() -> None:
    promises = re.split(r"\n(?=- )", (DOCS / "guarantees.md").read_text())[1:]
    assert promises
    for promise in promises:
        shown_by = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)
        assert shown_by, f"no test: {promise}"
        for path, name in shown_by:
            functions = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if hasattr(node, "name")}
            assert name in functions, f"{path}::{name}"


@pytest.mark.parametrize("service", SETTINGS)
def test_operations_lists_every_setting_of_a_service(service: str) -> None:
    section = (DOCS / "operations.md").read_text().partition(f"### {service}\n")[2].partition("\n#")[0]
    listed = re.findall(r"^\| `TAPEDECK_(\w+)` \|", section, re.MULTILINE)
    assert sorted(name.lower() for name in listed) == sorted(SETTINGS[service].model_fields)
