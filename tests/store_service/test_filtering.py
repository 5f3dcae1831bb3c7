"""Filters: what they match is what their words say, and whatever is wrong with one is said in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from store_service.database import Database
from store_service.filtering import MAX_COMPARISONS, MAX_DEPTH, MAX_FILTER_CHARS, condition
from store_service.models import runs
from store_service.recording.store import RecordingStore
from store_service.runs.filter_fields import RUN_FIELDS
from tapedeck_rpc import errors
from tests.filter_model import FACTS, Facts, Filter, filters, matches, written
from tests.fix_runs import make_events, make_started, recorder, whole_run


async def matched(database: Database, text: str) -> set[str]:
    """Ids of the runs that a filter matches."""
    async with database.reading() as connection:
        return {str(row.run_id) for row in await connection.execute(select(runs.c.run_id).where(condition(text, RUN_FIELDS)))}


@pytest.fixture(scope="module")
async def recorded(module_database: Database) -> list[Facts]:
    """Runs that differ in everything a filter may name."""
    record = recorder(RecordingStore(module_database, lease_seconds=3_600))
    return [await facts.record(record) for facts in FACTS]


@settings(max_examples=300)
@given(wanted=filters)
async def test_a_filter_matches_what_its_words_say(module_database: Database, recorded: list[Facts], wanted: Filter) -> None:
    expected = {facts.run_id for facts in recorded if matches(wanted, facts)}
    assert await matched(module_database, written(wanted)) == expected


SIGNS = (
    '"',
    "'",
    "(",
    ")",
    "AND",
    "OR",
    "NOT",
    "=",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    ":",
    "*",
    ".",
    "\\",
    "%",
    "_",
    "/",
    ",",
    "-",
    " ",
    "{}",
    "''",
)
NAMES = (
    "strategy",
    "symbols",
    "labels.team",
    "labels",
    "parameters.fast",
    "parameters",
    "state",
    "run_id",
    "alpha",
    "create_time",
    "end_date",
    "search",
)
VALUES = ("RUNNING", "1", "-1.5", "1e999", "NaN", "2010-01-04", "2010-02-30", "2026-01-01T00:00:00Z", "true", "null", "9" * 400)
TOKENS = st.sampled_from(SIGNS + NAMES + VALUES)


@settings(max_examples=300)
@given(text=st.lists(TOKENS | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=12).map(" ".join))
async def test_whatever_is_typed_is_understood_or_refused(module_database: Database, text: str) -> None:
    try:
        await matched(module_database, text)
    except errors.InvalidArgument as refused:
        told = (refused.reason, {violation.field for violation in refused.violations})
    else:
        told = ("INVALID_FILTER", {"filter"})
    assert told == ("INVALID_FILTER", {"filter"})


@pytest.mark.parametrize("text", ["", "  ", "\n"])
async def test_an_empty_filter_matches_all(module_database: Database, recorded: list[Facts], text: str) -> None:
    assert await matched(module_database, text) == {facts.run_id for facts in recorded}


def assert_same(one: str, other: str) -> None:
    assert str(condition(one, RUN_FIELDS).compile(compile_kwargs={"literal_binds": True})) == str(
        condition(other, RUN_FIELDS).compile(compile_kwargs={"literal_binds": True})
    )


def test_or_binds_tighter_than_and_as_in_aip_160() -> None:
    assert_same("strategy = a AND strategy = b OR strategy = c", "strategy = a AND (strategy = b OR strategy = c)")


def test_conditions_side_by_side_are_joined_by_and() -> None:
    assert_same("strategy = a strategy = b", "strategy = a AND strategy = b")


def test_words_that_look_like_operators_can_be_values_and_quoted_keys() -> None:
    condition('strategy = AND labels."OR" = NOT', RUN_FIELDS)


def problems_of(text: str) -> list[str]:
    with pytest.raises(errors.InvalidArgument) as refused:
        condition(text, RUN_FIELDS)
    assert refused.value.reason == "INVALID_FILTER"
    return [violation.description for violation in refused.value.violations]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("strategy = a AND", "ends too early, after 'strategy = a AND': what began there is not complete"),
        ("strategy == a", "can't be read at character 11, '= a': conditions look like sharpe_ratio > 1 AND symbols:GOOG"),
        ('strategy = "a', "can't be read at character 12, '\"a': conditions look like sharpe_ratio > 1 AND symbols:GOOG"),
        ("strategy = a\x00", "holds the character U+0000, which no stored text can hold"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


def test_an_unknown_field_is_refused_with_the_known_ones() -> None:
    with pytest.raises(errors.InvalidArgument, match=r"'sharp_ratio' is not a field of a run: did you mean sharpe_ratio\?") as refused:
        condition("sharp_ratio > 1", RUN_FIELDS)
    for known in ("sharpe_ratio", "labels", "parameters", "symbols", "strategy"):
        assert known in refused.value.message


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert len(problems_of("foo = 1 AND (start_date = never OR NOT state = DONE)")) == 3


def test_limits_are_told() -> None:
    assert problems_of("strategy = " + "a" * MAX_FILTER_CHARS) == [
        f"has {MAX_FILTER_CHARS + 11} characters, {MAX_FILTER_CHARS} are allowed"
    ]
    many = " ".join(["alpha=1"] * (MAX_COMPARISONS + 1))
    assert problems_of(many) == [f"has {MAX_COMPARISONS + 1} comparisons, {MAX_COMPARISONS} are allowed"]
    deep = "NOT (" * MAX_DEPTH + "alpha = 1" + ")" * MAX_DEPTH
    assert problems_of(deep) == [f"is nested deeper than {MAX_DEPTH} levels"]
    assert problems_of("parameters" + ".a" * MAX_DEPTH + " = 1") == [f"is nested deeper than {MAX_DEPTH} levels"]


def test_parentheses_alone_do_not_nest() -> None:
    condition("(" * 1_000 + "alpha = 1" + ")" * 1_000, RUN_FIELDS)


async def test_a_run_without_the_field_matches_neither_the_comparison_nor_its_opposite(database: Database) -> None:
    record = recorder(RecordingStore(database, lease_seconds=3_600))
    queued = await record(make_events(make_started(labels={})))
    ended = await record(whole_run())
    assert await matched(database, "sharpe_ratio = 7") == set()
    assert await matched(database, "sharpe_ratio != 7") == {ended}
    assert await matched(database, "NOT sharpe_ratio = 7") == {queued, ended}
    assert await matched(database, "NOT labels.team:*") == {queued}
