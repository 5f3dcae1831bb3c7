"""Runs whose version's source has the words come from indexes, whether they are few, most of all, or all old: PostgreSQL's plans say so."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from store_service.database import Database
from store_service.filtering import condition
from store_service.models import runs
from store_service.paging import Place, parse_order_by, with_key
from store_service.recording.store import RecordingStore
from store_service.runs import search
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.queries import SORT_KEYS, TIES, count, list_runs
from store_service.runs.search import FirstRuns, with_versions
from tests.fix_runs import recorder
from tests.fix_strategies import make_version, run_of, strategies_of
from tests.store_service.runs.test_queries import MIDDLE, explained, walked

RUN_COUNT = 4_000

_COPIES = f"""
    INSERT INTO runs ({{columns}}) SELECT {{values}}
    FROM runs, generate_series(1, {RUN_COUNT}) n, LATERAL (SELECT encode(sha256(convert_to(CASE
        WHEN n > {RUN_COUNT} * 0.9 THEN 'def old(): ancient' WHEN n % 500 = 7 THEN 'def seldom(): rare' ELSE 'def usual(): common'
    END, 'UTF8')), 'hex') AS digest) AS version
"""


@pytest.fixture(scope="module")
async def versions(module_database: Database) -> Database:
    """Runs of three versions of a strategy: of one are most, of one are eight, and of one those that were made first."""
    record = recorder(RecordingStore(module_database, lease_seconds=30))
    for source in ("def old(): ancient", "def seldom(): rare", "def usual(): common"):
        await strategies_of(module_database).create_version(make_version(source_code=source))
    await record(run_of("of no version"))
    changed = {"run_id": "gen_random_uuid()", "create_time": "now() - n * interval '1 hour'", "sharpe_ratio": "random()"}
    changed["provenance"] = "jsonb_set(provenance, '{strategy_source_digest}', to_jsonb(digest))"
    names = [column.name for column in runs.c]
    copies = _COPIES.format(columns=", ".join(names), values=", ".join(changed.get(name, f"runs.{name}") for name in names))
    number = """
        INSERT INTO run_iterations
        SELECT run_id, strategy, digest, row_number() OVER (PARTITION BY digest)
        FROM (SELECT run_id, strategy, provenance ->> 'strategy_source_digest' AS digest FROM runs) AS made
        WHERE run_id NOT IN (SELECT run_id FROM run_iterations)
    """
    counters = "INSERT INTO strategy_iterations SELECT strategy, source_digest, max(iteration) FROM run_iterations GROUP BY 1, 2 "
    async with module_database.transaction() as connection:
        for statement in (copies, number, f"{counters} ON CONFLICT DO NOTHING", "ANALYZE runs, run_iterations"):
            await connection.execute(text(statement))
    return module_database


@pytest.mark.parametrize("order_by", ["", "create_time asc"])
@pytest.mark.parametrize(
    "filter_text", ["search:common", "search:rare", "search:ancient", "search:common AND capital_base > 1", "search:sma"]
)
async def test_a_page_by_time_reads_the_first_runs_of_each_version_from_the_index(
    versions: Database, filter_text: str, order_by: str
) -> None:
    order = parse_order_by(order_by, SORT_KEYS, TIES)
    for after in (None, Place("2026-01-15T00:00:00Z", (MIDDLE,))):
        async with versions.reading() as connection:
            matching = await with_versions(connection, condition(filter_text, RUN_FIELDS), FirstRuns(order, after, 21))
        plan = (await explained(versions, with_key(list_runs(matching), order, after, 21)))["Plan"]
        (first,) = (node for node in walked(plan) if node["Node Type"] == "Limit" and _index_of(node) == "ix_runs_version")
        (scan,) = first["Plans"]
        assert scan["Node Type"] == "Index Scan"
        assert ("ROW(create_time, run_id)" in scan["Index Cond"]) == (after is not None)
        assert "runs" not in [node.get("Relation Name") for node in walked(plan) if node["Node Type"] == "Seq Scan"]


def _index_of(node: dict[str, Any]) -> str | None:
    """The index below a node, when nothing is between."""
    below = node.get("Plans", [])
    return below[0].get("Index Name") if len(below) == 1 else None


@pytest.mark.parametrize("few_runs", [0, 10_000], ids=["many runs", "few runs"])
async def test_runs_of_a_version_are_found_by_an_index_in_any_order(
    versions: Database, monkeypatch: pytest.MonkeyPatch, few_runs: int
) -> None:
    monkeypatch.setattr(search, "FEW_RUNS", few_runs)
    async with versions.reading() as connection:
        matching = await with_versions(connection, condition("search:rare", RUN_FIELDS))
    for query in (with_key(list_runs(matching), parse_order_by("sharpe_ratio desc", SORT_KEYS, TIES), None, 21), count(matching)):
        nodes = list(walked((await explained(versions, query))["Plan"]))
        assert {"ix_runs_words", "pk_runs" if few_runs else "ix_runs_version"} <= {node.get("Index Name") for node in nodes}
        assert "runs" not in [node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"]


async def test_versions_are_found_by_the_words_of_their_source(versions: Database) -> None:
    (matching,) = [each for each in (condition("search:rare", RUN_FIELDS),) if isinstance(each, search.Search)]
    async with versions.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        compiled = matching.versions.compile(dialect=connection.dialect)
        plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params)).scalars())
    assert "Bitmap Index Scan on ix_strategy_versions_words" in plan
    assert "Index Scan using pk_strategy_iterations" in plan
