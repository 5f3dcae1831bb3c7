"""Pages come from an index, from the very place where the page before ended: PostgreSQL's plans say so."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select, text, true

from store_service.database import Database
from store_service.models import METRIC_COLUMNS, SORTABLE_METRICS, runs
from store_service.paging import OrderBy, Place, parse_order_by, with_key, without_key
from store_service.recording.store import RecordingStore
from store_service.runs.queries import SORT_KEYS, TIES, list_runs
from tests.fix_runs import recorder, whole_run

RUN_COUNT = 5_000
"""Enough for the planner to prefer an index; a fifth of the runs has no metrics."""

MIDDLE = uuid.UUID("80000000-0000-7000-8000-000000000000")


@pytest.fixture(scope="module")
async def many_runs(module_database: Database) -> Database:
    """Copies of a recorded run, with random ids, times and metrics."""
    await recorder(RecordingStore(module_database, lease_seconds=30))(whole_run())
    chosen = {"run_id": "gen_random_uuid()", "create_time": "now() - random() * interval '1000 days'"}
    for name in METRIC_COLUMNS:
        chosen[name] = f"CASE WHEN n % 5 > 0 THEN {'random()' if name in SORTABLE_METRICS else name} END"
    chosen |= {"max_drawdown": "CASE WHEN n % 5 > 0 THEN -random() END", "trades_total": "CASE WHEN n % 5 > 0 THEN 200 + n END"}
    chosen |= dict.fromkeys(("trades_won", "trades_lost", "open_positions"), "CASE WHEN n % 5 > 0 THEN (random() * 100)::int END")
    columns, values = zip(*((column.name, chosen.get(column.name, column.name)) for column in runs.c), strict=True)
    copies = f"INSERT INTO runs ({', '.join(columns)}) SELECT {', '.join(values)} FROM runs, generate_series(1, {RUN_COUNT}) n"
    async with module_database.transaction() as connection:
        await connection.execute(text(copies))
        await connection.execute(text("ANALYZE runs"))
    return module_database


async def plan_of(database: Database, page: Select[Any]) -> dict[str, Any]:
    """The node that finds the rows; there must be nothing between it and the limit."""
    async with database.reading() as connection:
        compiled = page.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        explained = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params)
    (whole,) = explained.scalar_one()
    assert whole["Plan"]["Node Type"] == "Limit"
    (node,) = whole["Plan"]["Plans"]
    assert "Plans" not in node, "a sort or another step stands between the index and the page"
    return dict(node)


@pytest.mark.parametrize("direction", ["", " desc"])
@pytest.mark.parametrize("key", ["create_time", *SORTABLE_METRICS])
async def test_every_page_is_a_scan_of_the_index_from_its_place(many_runs: Database, key: str, direction: str) -> None:
    order, rows = parse_order_by(key + direction, SORT_KEYS, TIES), list_runs(true())
    middle: Any = datetime.now(UTC) if key == "create_time" else order.column.type.python_type(50)
    sign = "<" if direction else ">"
    pages = {
        f"(ROW({key}, run_id) {sign} ROW(": with_key(rows, order, Place(middle, (MIDDLE,)), 21),
        "" if key == "create_time" else f"({key} IS NOT NULL)": with_key(rows, order, None, 21),
    }
    if key != "create_time":
        pages[f"({key} IS NULL)"] = without_key(rows, order, None, 21)
        pages[f"(({key} IS NULL) AND (run_id {sign} "] = without_key(rows, order, Place(None, (MIDDLE,)), 21)
    for condition, page in pages.items():
        node = await plan_of(many_runs, page)
        assert (node["Node Type"], node["Index Name"]) == ("Index Scan", f"ix_runs_{key}")
        assert condition in node.get("Index Cond", "")


def test_every_metric_sorts() -> None:
    assert set(SORTABLE_METRICS) < SORT_KEYS.keys()


@pytest.mark.parametrize("key", SORT_KEYS)
def test_a_place_survives_being_written_down(key: str) -> None:
    order = OrderBy(key, SORT_KEYS[key], TIES, descending=True)
    kind = order.column.type.python_type
    value = kind.fromisoformat("2026-01-31") if issubclass(kind, datetime) or kind.__name__ == "date" else kind(7)
    for place in (Place(value, (MIDDLE,)), Place(None, (MIDDLE,))):
        assert Place.from_json(place.to_json(), order) == place


def test_newest_first_is_the_default() -> None:
    assert str(parse_order_by(" ", SORT_KEYS, TIES)) == "create_time desc"
    assert str(parse_order_by("alpha", SORT_KEYS, TIES)) == str(parse_order_by("alpha  asc", SORT_KEYS, TIES)) == "alpha asc"
