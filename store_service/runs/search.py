"""Full text search as a field of a filter: `search:"mean reversion"` finds runs that have both words.

A run has them when its strategy's name and its note do, or when its strategy's name and its version's source do. The versions that have
them are looked up first (`with_versions`): they are few, and PostgreSQL knows how many runs they have when it knows which they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Text,
    any_,
    bindparam,
    column,
    func,
    literal,
    or_,
    select,
    text,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BooleanClauseList

from store_service.filter_fields import Condition, Value
from store_service.models import is_kept, run_words, runs
from store_service.paging import OrderBy, Place, with_key
from store_service.strategy_models import (
    is_counted,
    is_of_version,
    run_iterations,
    run_version_hash,
    strategy_iterations,
    strategy_versions,
    version_hash,
)
from store_service.violations import refuse
from tapedeck_rpc import errors

MAX_VERSIONS = 10_000
"""Versions that the searches of a filter find: each is a number in the statement that looks for their runs, which they make 200 kB long."""

MAX_FIRST_RUNS = 5_000
"""Runs that are read for a page by time, a page of each version: few, wherever they are in the list. When it would be more, all runs of the
versions are looked up by id and sorted if they are FEW_RUNS at most; otherwise PostgreSQL chooses between reading the list until the page
is full and sorting the runs of the versions, whose number it can estimate."""

FEW_RUNS = 10_000
"""Runs of versions that are looked up one by one. PostgreSQL's statistics know nothing of versions that have hardly any of a store's runs;
of those with more it is told which they are."""

_CUT = "[./@+<&-]"
"""Between words, as in the expression that is searched (`words.searched_words`), but for "_", which leaves its words side by side."""

_CUT_OR_NOT = r"[./@+<&]|(?<=\S)-|-(?=[\s-])"
"""The same outside of quotes, where a "-" right before a word means NOT."""


class Search(ColumnElement[bool]):
    """Whether a run has the words. As it is, PostgreSQL takes it for rare, and is slow when it is not: `with_versions` makes more of it."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, wanted: ColumnElement[Any]) -> None:
        """`wanted` is a tsquery."""
        has_words = strategy_versions.c.words.bool_op("@@")(wanted)
        of_versions = select(run_iterations.c.run_id).join(strategy_versions, is_of_version).where(has_words)
        counters = strategy_versions.outerjoin(strategy_iterations, is_counted)
        self.in_note = run_words.bool_op("@@")(wanted)
        self.of_few = runs.c.run_id == any_(func.array(of_versions.scalar_subquery()))
        self.versions = select(version_hash, strategy_iterations.c.last_iteration).select_from(counters).where(has_words)

    def self_group(self, against: Any = None) -> Search:
        """Itself: it is written in parentheses."""
        return self


@compiles(Search)
def _written(search: Search, compiler: Any, **how: Any) -> str:
    return str(compiler.process(or_(search.in_note, search.of_few).self_group(operators.and_), **how))


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions that have the words."""

    hashes: Sequence[int]
    run_count: int
    """At most so many runs have they all together."""


@dataclass(frozen=True, slots=True)
class FirstRuns:
    """The page that is to be read, of runs that are not deleted, by their create_time."""

    order: OrderBy
    after: Place | None
    limit: int


def compare_search(path: Sequence[str], op: str, value: Value) -> Condition:
    """Words, joined by AND unless they say otherwise: "in quotes" means side by side, `or` between two is OR, `-` before one is NOT."""
    if path or op != ":":
        raise ValueError('is written search:"some words"')
    if value.has_wildcard:
        raise ValueError('looks for whole words: it takes no "*"')
    if not any(map(str.isalnum, value.text)):
        raise ValueError(f'needs a word to look for, not "{value.text}"')
    return Search(func.websearch_to_tsquery(text("'simple'::regconfig"), literal(_as_indexed(value.text), Text)))


def _as_indexed(wanted: str) -> str:
    """What is wanted, its words cut as the indexed ones are."""
    parts = wanted.split('"')
    parts[::2] = [re.sub(_CUT_OR_NOT, " ", part) for part in parts[::2]]
    parts[1::2] = [re.sub(_CUT, " ", quoted) for quoted in parts[1::2]]
    return '"'.join(parts)


async def with_versions(connection: AsyncConnection, matching: Condition, first: FirstRuns | None = None) -> Condition:
    """What a filter matches, its searches written with the versions that they find; `first`: no more of it than this page needs.

    Raises:
        InvalidArgument: the searches find too many versions.
    """
    searches = [each for each in visitors.iterate(matching) if isinstance(each, Search)]
    found = {id(search): await _versions_of(connection, search) for search in searches}
    if sum(len(versions.hashes) for versions in found.values()) > MAX_VERSIONS:
        raise _too_many_versions()
    required = _conjuncts(matching)
    others = [each for each in required if not isinstance(each, Search)]
    if first is not None and len(searches) == 1 and len(others) == len(required) - 1:
        (versions,) = found.values()
        if 0 < len(versions.hashes) * first.limit <= MAX_FIRST_RUNS:
            return _first_runs(searches[0], versions, others, first)

    def written(element: Any, **_: Any) -> Condition | None:
        return _of_versions(element, found[id(element)]) if isinstance(element, Search) else None

    return visitors.replacement_traverse(matching, {}, written) if searches else matching


async def _versions_of(connection: AsyncConnection, search: Search) -> Versions:
    found = (await connection.execute(search.versions.limit(MAX_VERSIONS + 1))).all()
    if len(found) > MAX_VERSIONS:
        raise _too_many_versions()
    return Versions([version for version, _ in found], sum(run_count or 0 for _, run_count in found))


def _too_many_versions() -> errors.InvalidArgument:
    problem = f"searches for words that more than {MAX_VERSIONS:,} versions of strategies have: add a word that fewer of them have"
    return refuse("filter", problem)


def _conjuncts(matching: Condition) -> list[Condition]:
    """The conditions that all have to hold."""
    if not isinstance(matching, BooleanClauseList) or matching.operator is not operators.and_:
        return [matching]
    return [each for clause in matching.clauses for each in _conjuncts(clause)]


def _of_versions(search: Search, versions: Versions) -> Condition:
    """The search as indexes serve it. Versions are part of the text: with parameters PostgreSQL would plan for any versions."""
    if not versions.hashes:
        return search.in_note
    if versions.run_count <= FEW_RUNS:
        return search
    known = bindparam(None, versions.hashes, BigInteger, expanding=True, literal_execute=True)
    return or_(search.in_note, run_version_hash.in_(known)).self_group(operators.and_)


def _first_runs(search: Search, versions: Versions, others: Sequence[Condition], first: FirstRuns) -> Condition:
    """The runs of a page are among the first ones by their notes and the first ones of each version, and an index has those in their order.

    Whether versions have few runs or most of all, and whether these are new or old: no plan reads more runs than that.
    """
    matching = select(runs.c.run_id).where(is_kept, *others)
    of_notes = with_key(matching.where(search.in_note), first.order, first.after, first.limit)
    version = func.unnest(literal(versions.hashes, ARRAY(BigInteger))).table_valued(column("hash", BigInteger)).render_derived("version")
    of_one = with_key(matching.where(run_version_hash == version.c.hash), first.order, first.after, first.limit).lateral()
    found = union(of_notes, select(of_one).select_from(version.join(of_one, text("true")))).subquery()
    return runs.c.run_id.in_(select(found.c.run_id))
