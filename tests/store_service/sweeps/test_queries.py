"""Lists over all sweeps come from an index, from the very place where the page before ended: PostgreSQL's plans say so."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, text

from store_service.database import Database
from store_service.filtering import condition
from store_service.models import RESULT_METRICS, sweep_results
from store_service.paging import OrderBy, Place, with_key
from store_service.sweeps.filter_fields import RESULT_FIELDS, SWEEP_FIELDS
from store_service.sweeps.queries import NEWEST_FIRST, SORT_KEYS, list_results, list_sweeps, parse_result_order

SWEEP_COUNT, RESULT_COUNT = 50, 200
"""Enough for the planner to prefer an index: sweeps of so many results, a fifth of them without metrics, each of one of five symbols."""

MIDDLE = uuid.UUID("80000000-0000-7000-8000-000000000000")

ALL = condition("", RESULT_FIELDS)
ONE_SYMBOL = condition("symbol = S3", RESULT_FIELDS)


@pytest.fixture(scope="module")
async def many_results(module_database: Database) -> Database:
    """Sweeps with random ids, times and metrics."""
    metrics = dict.fromkeys(RESULT_METRICS, "CASE WHEN n % 5 > 0 THEN (random() * 100)::int END")
    metrics |= {"max_drawdown": "-random()", "trades_total": "1000"}
    make_sweeps = f"""
        INSERT INTO sweeps (sweep_id, create_time, finish_time, state, source, strategy, dataset, "interval", symbols, labels,
                            result_count, started, finished)
        SELECT gen_random_uuid(), now() - random() * interval '1000 days', now(), 1, 1, 's', 'd', '1d', '{{}}', '{{}}',
               {RESULT_COUNT}, '', ''
        FROM generate_series(1, {SWEEP_COUNT})
    """
    make_results = f"""
        INSERT INTO sweep_results (sweep_id, create_time, number, symbol, parameters, {", ".join(metrics)})
        SELECT sweep_id, create_time, n, 'S' || n * 5 / {RESULT_COUNT}, '{{}}', {", ".join(metrics.values())}
        FROM sweeps, generate_series(1, {RESULT_COUNT}) n
    """
    async with module_database.transaction() as connection:
        for statement in (make_sweeps, make_results, "ANALYZE sweeps, sweep_results"):
            await connection.execute(text(statement))
    return module_database


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, without those that look up the run made of each result."""
    yield plan
    for child in plan.get("Plans", []):
        if child.get("Parent Relationship") != "SubPlan":
            yield from nodes_of(child)


async def plan_of(database: Database, page: Select[Any]) -> list[dict[str, Any]]:
    async with database.reading() as connection:
        compiled = page.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        explained = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params)
    (whole,) = explained.scalar_one()
    return list(nodes_of(whole["Plan"]))


async def scan_of(database: Database, page: Select[Any], table: str = "sweep_results") -> dict[str, Any]:
    """The node that finds the rows; nothing sorts them."""
    nodes = await plan_of(database, page)
    assert not [node["Node Type"] for node in nodes if "Sort" in node["Node Type"]]
    (scan,) = (node for node in nodes if node.get("Relation Name") == table)
    return scan


def middle_of(order: OrderBy) -> Place:
    value: Any = datetime.now(UTC) - timedelta(days=500) if order.name == "create_time" else 50.0
    return Place(value, (MIDDLE, 7))


@pytest.mark.parametrize("direction", ["", " desc"])
@pytest.mark.parametrize(
    ("key", "matching", "index"),
    [
        ("create_time", ALL, "ix_sweep_results_create_time"),
        ("create_time", ONE_SYMBOL, "ix_sweep_results_symbol_create_time"),
    ],
)
async def test_every_page_over_all_sweeps_is_a_scan_of_the_index_from_its_place(
    many_results: Database, key: str, matching: Any, index: str, direction: str
) -> None:
    order, rows = parse_result_order(key + direction, one_sweep=False), list_results(matching, None)
    sign = "<" if direction else ">"
    pages = {f"ROW({key}, sweep_id, number) {sign} ROW(": with_key(rows, order, middle_of(order), 21), "": with_key(rows, order, None, 21)}
    for wanted, page in pages.items():
        scan = await scan_of(many_results, page)
        assert (scan["Node Type"], scan["Index Name"]) == ("Index Scan", index)
        assert wanted in scan.get("Index Cond", "")


@pytest.mark.parametrize("direction", ["", " desc"])
async def test_one_sweep_by_number_is_a_scan_of_its_primary_key_from_its_place(many_results: Database, direction: str) -> None:
    order = parse_result_order(f"number{direction}", one_sweep=True)
    for after in (None, Place(50, ())):
        scan = await scan_of(many_results, with_key(list_results(ALL, MIDDLE), order, after, 21))
        assert (scan["Node Type"], scan["Index Name"]) == ("Index Scan", "pk_sweep_results")
        assert ("number" in scan["Index Cond"]) == (after is not None)


@pytest.mark.parametrize("key", RESULT_METRICS)
async def test_one_sweep_by_a_metric_reads_that_sweep_alone(many_results: Database, key: str) -> None:
    order = parse_result_order(f"{key} desc", one_sweep=True)
    async with many_results.reading() as connection:
        sweep_id = await connection.scalar(text("SELECT sweep_id FROM sweeps LIMIT 1"))
    nodes = await plan_of(many_results, with_key(list_results(ALL, sweep_id), order, Place(50.0, (-7,)), 21))
    (scan,) = (node for node in nodes if node.get("Relation Name") == "sweep_results")
    conditions = [node.get("Index Cond", "") for node in nodes if "Index" in node["Node Type"]]
    assert scan["Node Type"] != "Seq Scan"
    assert any("sweep_id = " in condition for condition in conditions)


async def test_sweeps_newest_first_are_a_scan_of_their_index(many_results: Database) -> None:
    place = Place(datetime.now(UTC), (MIDDLE,))
    async with many_results.transaction() as connection:
        # Fifty sweeps fit into one page of the table, and reading it is cheaper than any index.
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        page = with_key(list_sweeps(condition("", SWEEP_FIELDS)), NEWEST_FIRST, place, 21)
        compiled = page.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        (whole,) = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params)).scalar_one()
    (scan,) = whole["Plan"]["Plans"]
    assert (scan["Node Type"], scan["Index Name"]) == ("Index Scan", "ix_sweeps_create_time")


def test_every_metric_sorts() -> None:
    assert SORT_KEYS.keys() == {"number", "create_time", *RESULT_METRICS}


@pytest.mark.parametrize("one_sweep", [True, False])
@pytest.mark.parametrize("key", SORT_KEYS)
def test_a_place_survives_being_written_down(key: str, *, one_sweep: bool) -> None:
    order = parse_result_order(f"{key} desc", one_sweep=one_sweep)
    value: Any = datetime.now(UTC) if key == "create_time" else 7 if key == "number" else 0.1
    ties: tuple[Any, ...] = (MIDDLE, 7) if not one_sweep else () if key == "number" else (-7,)
    for place in (Place(value, ties), Place(None, ties)):
        assert Place.from_json(place.to_json(), order) == place


def test_the_default_order_is_by_number_in_one_sweep_and_newest_first_over_all() -> None:
    assert str(parse_result_order("", one_sweep=True)) == "number asc"
    assert str(parse_result_order("", one_sweep=False)) == "create_time desc"
    assert {column.name for column in SORT_KEYS.values()} < set(sweep_results.c.keys())
