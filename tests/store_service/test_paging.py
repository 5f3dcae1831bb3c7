"""Pages put together are the list, in order; runs and sweeps prove their own lists, plans included, beside their queries."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Date, DateTime, Double, Integer, Uuid

from store_service.database import Database
from store_service.page_token import PageTokens, derive_key
from store_service.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, OrderBy, Place, parse_order_by, parse_page_size
from store_service.sweeps.recording import SweepRecording
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import sweep_pb2
from tapedeck_rpc import errors
from tests.fix_sweeps import make_parts, make_results, make_sweep_spec, make_sweep_started, sent

KEYS = {"day": Column("day", Date), "score": Column("score", Double), "create_time": Column("create_time", DateTime, nullable=False)}
TIES = (Column("id", Uuid), Column("number", Integer))

SCORES = st.lists(st.none() | st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=1, max_size=8)
"""Few different values, so that many are equal."""


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(scores=SCORES, descending=st.booleans(), page_size=st.integers(1, 9))
async def test_pages_are_the_list_by_key_then_by_number_and_without_the_key_last(
    module_database: Database, scores: list[float | None], page_size: int, *, descending: bool
) -> None:
    spec = make_sweep_spec(symbol_grouping=sweep_pb2.SYMBOL_GROUPING_TOGETHER)
    started = make_sweep_started(result_count=len(scores), sweep=spec)
    results = make_results(range(1, len(scores) + 1), metrics={"edge_score": scores})
    await sent(SweepRecording(module_database), make_parts(started, [results]))

    sweeps, token, listed = SweepStore(module_database, PageTokens(derive_key("tests"))), "", list[int]()
    while True:
        order_by = "edge_score desc" if descending else "edge_score"
        page, token = await sweeps.list_sweep_results(started.sweep_id, order_by=order_by, page_size=page_size, page_token=token)
        assert 1 <= len(page) <= page_size
        listed += [result.number for result in page]
        if not token:
            break
    keyed = [(-score if descending else score, number) for number, score in enumerate(scores, 1) if score is not None]
    assert listed == [number for _, number in sorted(keyed)] + [number for number, score in enumerate(scores, 1) if score is None]


@pytest.mark.parametrize(
    ("name", "key"), [("day", date(2010, 1, 4)), ("score", 0.1), ("score", None), ("create_time", datetime(2026, 1, 31, 12, 0, 0, 1, UTC))]
)
def test_a_place_survives_being_written_down(name: str, key: object) -> None:
    order = OrderBy(name, KEYS[name], TIES, descending=True)
    place = Place(key, (uuid.uuid4(), 7))
    assert Place.from_json(place.to_json(), order) == place


def test_an_order_is_a_field_and_a_direction() -> None:
    assert str(parse_order_by("score", KEYS, TIES)) == str(parse_order_by(" score  asc", KEYS, TIES)) == "score asc"
    assert str(parse_order_by("", KEYS, TIES)) == "create_time desc"
    assert str(parse_order_by("", KEYS, TIES, default="score")) == "score asc"


@pytest.mark.parametrize("text", ["nothing", "score up", "score desc desc", "score, day", "desc"])
def test_another_order_is_refused_and_the_fields_are_named(text: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="Fields are create_time, day, score") as refused:
        parse_order_by(text, KEYS, TIES)
    assert (refused.value.reason, [violation.field for violation in refused.value.violations]) == ("INVALID_FILTER", ["order_by"])


def test_a_page_has_a_default_and_a_largest_size() -> None:
    assert [parse_page_size(size) for size in (0, 7, MAX_PAGE_SIZE + 1)] == [DEFAULT_PAGE_SIZE, 7, MAX_PAGE_SIZE]
    with pytest.raises(errors.InvalidArgument):
        parse_page_size(-1)
