"""Runs that are like another one, or like a spec: what they are found by, page by page, and what differs.

Alike are runs that succeeded with the same strategy on the same symbols. Both lists, those of the same spec digest and the others, are read
from an index, newest first.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from sqlalchemy import ARRAY, ColumnElement, Select, Text, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.comparison import compare_specs
from store_service.conversions import RUN_COLUMNS, RunRow, has_succeeded, parse_run_id
from store_service.models import runs
from store_service.page_token import JsonScalar
from store_service.paging import MAX_PAGE_BYTES, OrderBy, Place, place_of, with_key
from store_service.runs.stream import no_such_run
from store_service.violations import refuse
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors

MAX_SIMILAR = 100
"""Most runs on a page: each is compared with the subject field by field, which keeps a thread busy for as long."""

MAX_LOOKED_THROUGH = 1_000
"""Runs of the strategy and symbols, the newest, among which one is looked for that has all that a spec says: no index knows the answer."""

NEWEST_FIRST = OrderBy("create_time", runs.c.create_time, (runs.c.run_id,), descending=True)


@dataclass(frozen=True, slots=True)
class Subject:
    """What runs are compared with."""

    run_id: uuid.UUID | None
    """None: a spec that nobody says was run."""
    spec: run_pb2.RunSpec
    """Complete when it is a run's."""
    spec_digest: str
    """Empty when no run has all that the spec says."""

    def compared_with(self, run: run_pb2.Run) -> store_service_pb2.SimilarRun:
        """A run that is like it, and what differs; time limits never do, because they change no result."""
        asked, found = run_pb2.RunSpec(), run_pb2.RunSpec()
        found.CopyFrom(run.spec)
        if self.run_id is None:  # what the spec leaves out differs from nothing
            asked.CopyFrom(found)
            asked.ClearField("symbols")
        asked.MergeFrom(self.spec)
        asked.timeout_seconds = found.timeout_seconds = 0
        same_digest = run.spec_digest == self.spec_digest
        return store_service_pb2.SimilarRun(run=run, same_digest=same_digest, differences=compare_specs([asked, found]))


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page ended: in which of the two lists, and where in it; with the digest that the first page was made for."""

    spec_digest: str
    same_digest: bool
    place: Place

    @classmethod
    def after(cls, subject: Subject, row: RunRow, last: store_service_pb2.SimilarRun) -> Mark:
        """The mark after the last run of a page, and the row it was made from."""
        return cls(subject.spec_digest, last.same_digest, place_of(row, NEWEST_FIRST))

    def to_json(self) -> list[JsonScalar]:
        """The mark as JSON scalars."""
        return [self.spec_digest, self.same_digest, *self.place.to_json()]

    @classmethod
    def from_json(cls, mark: Sequence[JsonScalar]) -> Mark:
        """The mark that `to_json` wrote."""
        spec_digest, same_digest, *place = mark
        return cls(str(spec_digest), bool(same_digest), Place.from_json(place, NEWEST_FIRST))


def check_subject(run_id: str, spec: run_pb2.RunSpec | None) -> None:
    """Check what runs are to be compared with.

    Raises:
        InvalidArgument: it is neither the id of a run nor a spec that names a strategy and symbols; all that is wrong with it.
    """
    if spec is None:
        if not run_id:
            raise refuse("run_id", "or a spec says what runs are compared with, one of the two")
        parse_run_id(run_id)
        return
    violations = [errors.Violation(f"spec.{field}", "must be given") for field in ("strategy", "symbols") if not getattr(spec, field)]
    try:
        _as_json(spec)
    except json_format.SerializeToJsonError:
        violations.append(errors.Violation("spec.parameters", "have a number that is not finite"))
    if violations:
        raise errors.InvalidArgument(violations=violations)


async def find_subject(connection: AsyncConnection, run_id: str, spec: run_pb2.RunSpec | None, after: Mark | None) -> Subject:
    """What runs are compared with; a spec has the digest of the newest run with all that it says, or the one that the first page found.

    Raises:
        NotFound: there is no such run.
    """
    if spec is not None:
        digest = after.spec_digest if after is not None else (await connection.execute(digest_of(spec))).scalar_one_or_none()
        return Subject(None, spec, digest or "")
    key = parse_run_id(run_id)
    stored = await connection.scalar(select(runs.c.started).where(runs.c.run_id == key))
    if stored is None:
        raise no_such_run(key)
    started = run_pb2.RunStarted.FromString(stored)
    return Subject(key, started.spec, started.spec_digest)


async def read_similar(connection: AsyncConnection, subject: Subject, after: Mark | None, limit: int) -> list[RunRow]:
    """The next runs: those of the same digest, then the others."""
    found: list[RunRow] = []
    place = None if after is None else after.place
    if after is None or after.same_digest:
        found += await connection.execute(with_key(same_digest(subject), NEWEST_FIRST, place, limit))
        place = None
    if len(found) < limit:
        found += await connection.execute(with_key(other_digests(subject), NEWEST_FIRST, place, limit - len(found)))
    return found


def compare_page(subject: Subject, found: Sequence[run_pb2.Run]) -> list[store_service_pb2.SimilarRun]:
    """The first of the runs that were found, compared: as many as fit into a message with all that differs."""
    compared: list[store_service_pb2.SimilarRun] = []
    size = 0
    for run in found:
        compared.append(subject.compared_with(run))
        size += compared[-1].ByteSize()
        if size >= MAX_PAGE_BYTES:
            break
    return compared


def same_digest(subject: Subject) -> Select[Any]:
    """Runs of the same spec, in no order yet; the subject is none of them."""
    is_another = runs.c.run_id.is_distinct_from(subject.run_id)
    return select(*RUN_COLUMNS).where(runs.c.spec_digest == subject.spec_digest, is_another, has_succeeded)


def other_digests(subject: Subject) -> Select[Any]:
    """Runs of other specs with the same strategy and symbols, in no order yet."""
    return select(*RUN_COLUMNS).where(*_alike(subject.spec), runs.c.spec_digest != subject.spec_digest)


def digest_of(spec: run_pb2.RunSpec) -> Select[str]:
    """The digest of the newest run with all that a spec says."""
    columns = (runs.c.spec_digest, runs.c.spec, runs.c.create_time, runs.c.run_id)
    order = (runs.c.create_time.desc(), runs.c.run_id.desc())
    newest = select(*columns).where(*_alike(spec)).order_by(*order).limit(MAX_LOOKED_THROUGH).subquery()
    has_all = newest.c.spec.contains(literal(_as_json(spec), JSONB))
    return select(newest.c.spec_digest).where(has_all).order_by(newest.c.create_time.desc(), newest.c.run_id.desc()).limit(1)


def _alike(spec: run_pb2.RunSpec) -> tuple[ColumnElement[bool], ...]:
    symbols = literal(list(spec.symbols), ARRAY(Text))
    by_hash = func.hash_array(runs.c.symbols) == func.hash_array(symbols)
    return runs.c.strategy == spec.strategy, by_hash, runs.c.symbols == symbols, has_succeeded


def _as_json(spec: run_pb2.RunSpec) -> dict[str, object]:
    """What of a spec can change a result, as `runs.spec` has it."""
    content: dict[str, object] = json_format.MessageToDict(spec, preserving_proto_field_name=True)
    content.pop("timeout_seconds", None)
    return content
