"""The lists that are measured as a store grows, and what each is made of: the store's own statement, by psycopg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Executable, Select, func, literal_column, text

from bench.timing import Call
from store_service.filter_fields import Condition
from store_service.filtering import condition
from store_service.models import SORTABLE_METRICS, run_words
from store_service.page_token import PageTokens, derive_key
from store_service.paging import OrderBy, Place, parse_order_by, with_key
from store_service.recording.driver import DriverStatement
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.queries import SORT_KEYS, TIES, count, list_runs
from store_service.runs.similar import NEWEST_FIRST, Subject, same_digest
from store_service.runs.summary import parse_group_by, statistics
from tapedeck.v1 import run_pb2, store_service_pb2

PAGE_SIZE = 20

Cursor = psycopg.Cursor[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """A filter and an order."""

    name: str
    filter: str = ""
    order_by: str = "create_time desc"
    has_deep_page: bool = True
    word: str = ""
    """A word to search for in notes, besides."""

    @property
    def whole_filter(self) -> str:
        """What the store is asked for."""
        return f"search:{self.word}" if self.word else self.filter

    @property
    def order(self) -> OrderBy:
        """The order as the store reads it."""
        return parse_order_by(self.order_by, SORT_KEYS, TIES)

    @property
    def matching(self) -> Condition:
        """The filter in SQL."""
        wanted = func.websearch_to_tsquery(text("'simple'::regconfig"), self.word)
        return run_words.bool_op("@@")(wanted) if self.word else condition(self.filter, RUN_FIELDS)

    def statement(self, after: Place | None) -> Select[Any]:
        """What reads a page."""
        return with_key(list_runs(self.matching), self.order, after, PAGE_SIZE + 1)

    def request(self, cursor: Cursor, database_url: str, *, deep: bool) -> store_service_pb2.ListRunsRequest:
        """Asks for the first page, or for one in the middle: its token is made here, as to walk there takes minutes."""
        request = store_service_pb2.ListRunsRequest(filter=self.whole_filter, order_by=self.order_by, page_size=PAGE_SIZE)
        if deep:
            (found,) = _execute(cursor, count(self.matching))
            places = with_key(list_runs(self.matching).with_only_columns(literal_column("1")), self.order, None, 1)
            ((_, key, run_id),) = _execute(cursor, places.offset(found[0] // 2))
            place = Place(key, (run_id,))
            request.page_token = _tokens(database_url).seal(place.to_json(), self.whole_filter, str(self.order))
        return request


SHAPES = (
    Shape("all runs, newest first"),
    Shape("all runs by sharpe_ratio", order_by="sharpe_ratio desc"),
    Shape("a strategy's runs, newest first", 'strategy = "strategy_3"'),
    Shape("a range of sharpe_ratio, by it", "sharpe_ratio > 0", "sharpe_ratio desc"),
    Shape("search of what 40 runs have", word="seldom", has_deep_page=False),
    Shape("search of what every 20th run has", word="often"),
)
"""What docs/operations.md guarantees."""


def read_page(cursor: Cursor, shape: Shape, database_url: str, page_token: str) -> Call:
    """Read a page without the store."""
    after = None
    if page_token:
        after = Place.from_json(_tokens(database_url).open(page_token, shape.whole_filter, str(shape.order)), shape.order)
    return _read(cursor, shape.statement(after))


def read_by_digest(cursor: Cursor, started: run_pb2.RunStarted) -> Call:
    """Read runs of the same spec without the store."""
    return _read(cursor, with_key(same_digest(Subject(None, started.spec, started.spec_digest)), NEWEST_FIRST, None, PAGE_SIZE + 1))


def summarized_filter(cursor: Cursor, runs: int) -> str:
    """A filter that some number of runs match, and those that arrive meanwhile."""
    found = cursor.execute(b"SELECT create_time FROM runs ORDER BY create_time DESC OFFSET $1 LIMIT 1", (runs,)).fetchone()
    assert found is not None
    return f"create_time > {found[0].isoformat()}"


def read_summary(cursor: Cursor, wanted: str) -> Call:
    """Read statistics of all metrics without the store."""
    return _read(cursor, statistics(condition(wanted, RUN_FIELDS), parse_group_by(""), SORTABLE_METRICS))


def _read(cursor: Cursor, statement: Executable) -> Call:
    prepared = DriverStatement(statement)
    arguments = prepared.arguments({})
    return lambda: cursor.execute(prepared.sql, arguments, prepare=True, binary=True).fetchall()


def _execute(cursor: Cursor, statement: Executable) -> list[Any]:
    prepared = DriverStatement(statement)
    return cursor.execute(prepared.sql, prepared.arguments({})).fetchall()


def _tokens(database_url: str) -> PageTokens:
    return PageTokens(derive_key(database_url))
