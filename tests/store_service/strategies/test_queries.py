"""The lists of StrategyService come from an index, from the very place where the page before ended, and numbers have no gaps."""

from __future__ import annotations

import asyncio
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select, text

from store_service.database import Database
from store_service.filtering import condition
from store_service.paging import OrderBy, Place, with_key
from store_service.recording.store import RecordingStore
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.queries import list_runs
from store_service.strategies import queries
from store_service.strategies.filter_fields import SUGGESTION_FIELDS, VERSION_FIELDS
from tests.fix_runs import recorder
from tests.fix_strategies import make_version, run_of, strategies_of

MIDDLE = uuid.UUID("80000000-0000-7000-8000-000000000000")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
async def many_suggestions(module_database: Database) -> Database:
    """Enough of them for the planner to prefer an index."""
    await recorder(RecordingStore(module_database, lease_seconds=30))(run_of("some version"))
    insert = """
        INSERT INTO suggestions (run_id, priority, description, specific_changes, expected_impact, rationale, "references", request_digest)
        SELECT run_id, 1 + n % 3, 'd', '{}', '', '', '{}', '' FROM runs, generate_series(1, 2000) n
    """
    async with module_database.transaction() as connection:
        for statement in (insert, "ANALYZE runs, suggestions"):
            await connection.execute(text(statement))
    return module_database


async def plan_of(database: Database, page: Select[Any]) -> list[dict[str, Any]]:
    """The nodes of a plan, without what is looked up for each row; tables of tests fit into one page, so no sequential scan is allowed."""
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        compiled = page.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        (whole,) = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params)).scalar_one()
    found, nodes = [whole["Plan"]], []
    while found:
        nodes.append(found.pop())
        found += [child for child in nodes[-1].get("Plans", []) if child.get("Parent Relationship") not in {"SubPlan", "InitPlan"}]
    return nodes


@pytest.mark.parametrize(
    ("rows", "order", "place", "index", "wanted"),
    [
        (
            queries.list_versions(condition("", VERSION_FIELDS)),
            *(queries.NEWEST_FIRST, Place(NOW, (MIDDLE,)), "ix_strategy_versions_create_time"),
            "ROW(create_time, version_id) < ROW(",
        ),
        (
            queries.list_versions(condition("name = sma_crossover", VERSION_FIELDS)),
            *(queries.NEWEST_FIRST, Place(NOW, (MIDDLE,)), "ix_strategy_versions_name"),
            "ROW(create_time, version_id) < ROW(",
        ),
        (queries.list_runs(MIDDLE), queries.BY_ITERATION, Place(7, ()), "uq_run_iterations_strategy", "(iteration > 7)"),
        (
            queries.list_suggestions(condition("", SUGGESTION_FIELDS)),
            *(queries.BY_PRIORITY, Place(1, (NOW, MIDDLE)), "ix_suggestions_priority"),
            "ROW(priority, create_time, suggestion_id) > ROW(",
        ),
        (
            queries.list_suggestions(condition(f"run_id = {MIDDLE}", SUGGESTION_FIELDS)),
            *(queries.BY_PRIORITY, Place(1, (NOW, MIDDLE)), "ix_suggestions_run_id"),
            "ROW(priority, create_time, suggestion_id) > ROW(",
        ),
    ],
)
async def test_a_page_is_a_scan_of_its_index_from_its_place(
    many_suggestions: Database, rows: Select[Any], order: OrderBy, place: Place, index: str, wanted: str
) -> None:
    nodes = await plan_of(many_suggestions, with_key(rows, order, place, 21))
    assert not [node["Node Type"] for node in nodes if "Sort" in node["Node Type"]]
    (scan,) = (node for node in nodes if node.get("Index Name") == index)
    assert wanted in re.sub(r"[a-z_]+\.", "", scan["Index Cond"])


async def test_iterations_have_no_gap_whoever_writes_at_the_same_time(module_database: Database) -> None:
    stores = [RecordingStore(module_database, lease_seconds=30) for _ in range(3)]
    sources = ("one", "two")
    await asyncio.gather(*(recorder(stores[n % 3])(run_of(sources[n % 2], strategy=f"s{n % 5}")) for n in range(60)))
    for store in stores:
        await store.close()
    async with module_database.reading() as connection:
        query = """
            SELECT strategy, source_digest, array_agg(iteration ORDER BY iteration)
            FROM run_iterations WHERE strategy LIKE 's_' GROUP BY 1, 2
        """
        numbers = [row[2] for row in await connection.execute(text(query))]
    assert sum(map(len, numbers)) == 60
    assert all(list(given) == list(range(1, len(given) + 1)) for given in numbers)


async def test_a_tree_that_is_too_large_is_cut(module_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_LINEAGE", 2)
    strategies, parent = strategies_of(module_database), ""
    for generation in range(3):
        made, _ = await strategies.create_version(make_version(source_code=f"generation {generation}", parent_version_id=parent))
        parent = made.version_id
    tree, truncated = await strategies.get_lineage(parent)
    assert ([version.version_id == parent for version in tree], truncated) == ([False, False], True)


async def test_the_runs_of_a_version_are_found_by_an_index(many_suggestions: Database) -> None:
    matching = condition(f"strategy_version = {MIDDLE}", RUN_FIELDS)
    nodes = await plan_of(many_suggestions, list_runs(matching))
    assert "uq_run_iterations_strategy" in {node.get("Index Name") for node in nodes}
