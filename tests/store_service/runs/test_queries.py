"""Pages come from an index, from the very place where the page before ended: PostgreSQL's plans say so."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import Select, text, true

from store_service.database import Database
from store_service.filtering import condition
from store_service.models import METRIC_COLUMNS, SORTABLE_METRICS, runs
from store_service.paging import OrderBy, Place, parse_order_by, with_key, without_key
from store_service.recording.queries import _EARLIER
from store_service.recording.store import RecordingStore
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.queries import SORT_KEYS, TIES, count, list_runs, lock_purgeable
from store_service.runs.search import with_versions
from store_service.runs.similar import NEWEST_FIRST, Subject, digest_of, other_digests, same_digest
from store_service.runs.summary import parse_group_by, run_count, statistics
from tests.fix_runs import make_spec, recorder, whole_run

RUN_COUNT = 5_000
"""Enough for the planner to prefer an index; a fifth of the runs has no metrics."""

MIDDLE = uuid.UUID("80000000-0000-7000-8000-000000000000")


@pytest.fixture(scope="module")
async def many_runs(module_database: Database) -> Database:
    """Copies of a recorded run with random ids, times and metrics; every hundredth has a symbol, a label, a note and a sweep of its own."""
    await recorder(RecordingStore(module_database, lease_seconds=30))(whole_run())
    chosen = {"run_id": "gen_random_uuid()", "create_time": "now() - random() * interval '1000 days'"}
    chosen |= {"strategy": "'s' || n % 50", "spec_digest": "md5((n % 10)::text)"}
    for name in METRIC_COLUMNS:
        chosen[name] = f"CASE WHEN n % 5 > 0 THEN {'random()' if name in SORTABLE_METRICS else name} END"
    chosen |= {"max_drawdown": "CASE WHEN n % 5 > 0 THEN -random() END", "trades_total": "CASE WHEN n % 5 > 0 THEN 200 + n END"}
    chosen |= dict.fromkeys(("trades_won", "trades_lost", "open_positions"), "CASE WHEN n % 5 > 0 THEN (random() * 100)::int END")
    rare = {"symbols": "ARRAY['S' || n]", "labels": "jsonb_build_object('team', 't' || n)", "note": "'word' || n"}
    rare |= {"flags": "ARRAY['beta', 'alpha']"}
    rare |= {"sweep_id": "md5(n::text)::uuid", "sweep_number": "n", "request_id": "'r' || n", "replay_of": "run_id"}
    chosen |= {name: f"CASE WHEN n % 100 = 0 THEN {value} ELSE {name} END" for name, value in rare.items()}
    columns, values = zip(*((column.name, chosen.get(column.name, column.name)) for column in runs.c), strict=True)
    copies = f"INSERT INTO runs ({', '.join(columns)}) SELECT {', '.join(values)} FROM runs, generate_series(1, {RUN_COUNT}) n"
    async with module_database.transaction() as connection:
        await connection.execute(text(copies))
        await connection.execute(text("ANALYZE runs"))
    return module_database


async def explained(database: Database, query: Select[Any]) -> dict[str, Any]:
    """How PostgreSQL would execute a query."""
    async with database.reading() as connection:
        compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        values = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in compiled.params.items()}
        (whole,) = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", values)).scalar_one()
    return dict(whole)


def walked(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from walked(below)


async def plan_of(database: Database, page: Select[Any]) -> dict[str, Any]:
    """The node that finds the rows; there must be nothing between it and the limit."""
    whole = await explained(database, page)
    assert whole["Plan"]["Node Type"] == "Limit"
    (node,) = whole["Plan"]["Plans"]
    below = [each for each in node.get("Plans", ()) if each["Parent Relationship"] != "SubPlan"]  # subplans are columns of the rows found
    assert below == [], "a sort or another step stands between the index and the page"
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
    for expected, page in pages.items():
        node = await plan_of(many_runs, page)
        assert (node["Node Type"], node["Index Name"]) == ("Index Scan", f"ix_runs_{key}")
        assert expected in node.get("Index Cond", "")
        assert "Filter" not in node, "deleted runs are read, and passed over"


@pytest.mark.parametrize(
    ("filter_text", "order_by", "index"),
    [
        ('strategy = "s7"', "", "ix_runs_strategy"),
        ('strategy = "s7" AND create_time > 2026-01-01', "", "ix_runs_strategy"),
        ("create_time > 2026-01-01", "create_time", "ix_runs_create_time"),
        ("create_time > 2026-01-01 AND create_time < 2026-02-01", "", "ix_runs_create_time"),
        ("sharpe_ratio > 0.5", "sharpe_ratio desc", "ix_runs_sharpe_ratio"),
        ("max_drawdown > -0.5 AND max_drawdown < -0.1", "max_drawdown", "ix_runs_max_drawdown"),
        ("flags:*", "", "ix_runs_flagged"),
    ],
)
async def test_these_lists_are_scans_of_an_index_in_their_order(many_runs: Database, filter_text: str, order_by: str, index: str) -> None:
    order = parse_order_by(order_by, SORT_KEYS, TIES)
    key = datetime(2026, 1, 15, tzinfo=UTC) if order.name == "create_time" else -0.3
    for after in (None, Place(key, (MIDDLE,))):
        node = await plan_of(many_runs, with_key(list_runs(condition(filter_text, RUN_FIELDS)), order, after, 21))
        assert (node["Node Type"], node["Index Name"]) == ("Index Scan", index)
        assert "Filter" not in node


FOUND_BY = [
    ('symbols:"S700"', "ix_runs_symbols"),
    ('labels.team = "t700"', "ix_runs_labels"),
    ("search:word700", "ix_runs_words"),
    ('search:"word700 -fees" AND sharpe_ratio > 0.1', "ix_runs_words"),
    ('search:word700 OR symbols:"S800"', "ix_runs_words"),
    ('search:word700 OR symbols:"S800"', "ix_runs_symbols"),
    (f"spec_digest = {hashlib.md5(b'7', usedforsecurity=False).hexdigest()}", "ix_runs_spec_digest"),
    (f"sweep_id = {MIDDLE}", "ix_runs_sweep_id"),
    (f"replay_of = {MIDDLE}", "ix_runs_replay_of"),
    (f"run_id = {MIDDLE}", "pk_runs"),
    ('run_id = "*479fbd75"', "ix_runs_run_id_tail"),
    ('run_id = "*479F"', "ix_runs_run_id_tail"),
    ("flags:beta", "ix_runs_flagged"),
    ('flags:"*" AND sharpe_ratio > 0.1', "ix_runs_flagged"),
    ("request_id = r700", "uq_runs_request_id"),
]
"""Filters that an index finds the runs of; what has no order of its own is sorted then."""


@pytest.mark.parametrize(("filter_text", "index"), FOUND_BY)
async def test_these_runs_are_found_by_an_index_to_be_listed_counted_and_summarized(
    many_runs: Database, filter_text: str, index: str
) -> None:
    order = parse_order_by("", SORT_KEYS, TIES)
    async with many_runs.reading() as connection:
        matching = await with_versions(connection, condition(filter_text, RUN_FIELDS))
    by_symbol = parse_group_by("symbol")
    for query in (
        with_key(list_runs(matching), order, None, 21),
        count(matching),
        run_count(matching, by_symbol),
        statistics(matching, by_symbol, ["alpha"]),
    ):
        nodes = list(walked((await explained(many_runs, query))["Plan"]))
        assert index in [node.get("Index Name") for node in nodes]
        assert "runs" not in [node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"]


async def test_the_tail_of_an_id_finds_its_run_by_an_index_among_deleted_runs_too(many_runs: Database) -> None:
    matching, order = condition('run_id = "*479fbd75"', RUN_FIELDS), parse_order_by("", SORT_KEYS, TIES)
    listed = with_key(list_runs(matching, show_deleted=True), order, None, 6)
    found = [node for node in walked((await explained(many_runs, listed))["Plan"]) if node.get("Index Name") == "ix_runs_run_id_tail"]
    assert len(found) == 1
    assert "57dbf974" in found[0]["Index Cond"], "the index is read from the tail on, not as a whole"


async def test_deleted_runs_are_found_by_their_index_to_be_listed_and_purged(many_runs: Database) -> None:
    order = parse_order_by("", SORT_KEYS, TIES)
    trash = with_key(list_runs(runs.c.delete_time.is_not(None), show_deleted=True), order, None, 21)
    for found in (trash, lock_purgeable(50, at_once=False), lock_purgeable(50, at_once=True)):
        async with many_runs.reading() as connection:
            compiled = found.compile(dialect=connection.dialect)
            explained = await connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params)
        assert "Index Scan using ix_runs_purge_time" in "\n".join(explained.scalars())


async def test_runs_of_a_spec_and_similar_ones_are_scans_of_their_indexes_from_their_place(many_runs: Database) -> None:
    subject = Subject(None, make_spec(strategy="s7"), hashlib.md5(b"7", usedforsecurity=False).hexdigest())
    for after in (None, Place(datetime.now(UTC) - timedelta(days=500), (MIDDLE,))):
        from_place = "AND (ROW(create_time, run_id) < ROW(" if after else ""
        same = await plan_of(many_runs, with_key(same_digest(subject), NEWEST_FIRST, after, 21))
        others = await plan_of(many_runs, with_key(other_digests(subject), NEWEST_FIRST, after, 21))
        for node, index, expected in (
            (same, "ix_runs_spec_digest", "spec_digest = "),
            (others, "ix_runs_similar", "hash_array(symbols) = "),
        ):
            assert (node["Node Type"], node["Index Name"]) == ("Index Scan", index)
            assert expected in node["Index Cond"]
            assert from_place in node["Index Cond"]


async def test_earlier_runs_of_a_spec_are_a_scan_of_its_index(many_runs: Database) -> None:
    node = await plan_of(many_runs, _EARLIER.params(id=MIDDLE, spec_digest=hashlib.md5(b"7", usedforsecurity=False).hexdigest()))
    assert (node["Node Type"], node["Index Name"]) == ("Index Scan", "ix_runs_spec_digest")


async def test_the_run_that_has_all_that_a_spec_says_is_looked_for_among_the_newest_of_the_index(many_runs: Database) -> None:
    plan = (await explained(many_runs, digest_of(make_spec(strategy="s7"))))["Plan"]
    path = [plan]
    while "Plans" in path[-1]:
        (below,) = path[-1]["Plans"]
        path.append(below)
    assert (path[-1]["Node Type"], path[-1]["Index Name"]) == ("Index Scan", "ix_runs_similar")
    assert path[-2]["Node Type"] == "Limit"


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
