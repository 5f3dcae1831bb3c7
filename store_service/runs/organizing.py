"""What can be changed of recorded runs: their labels and their note, and whether they are deleted. One method per verb."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import etag_of, parse_run_id, run_id_violations
from store_service.database import Database
from store_service.filter_fields import Condition
from store_service.filtering import condition
from store_service.models import MAX_NOTE_CHARS, is_kept
from store_service.runs import queries
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.reading import finding
from store_service.runs.search import with_versions
from store_service.runs.store import RunStore
from store_service.runs.stream import no_such_run
from store_service.strategies.rollups import mark_stale
from store_service.violations import refuse
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors

MAX_LABELS, MAX_LABEL_KEY_CHARS, MAX_LABEL_VALUE_CHARS = 64, 63, 255
"""What an engine accepts with a run, no more and no less."""

MAX_IDS = 1_000
"""Runs named one by one in a request: as many as the largest page of ListRuns has."""

MAX_DELETED = 10_000
"""Runs deleted by one filter: they are locked together, and written together within the time of a statement."""

MAX_IDS_ANSWERED = 100
"""Ids in an answer: enough to see whether these are the runs that were meant."""

MAX_IDS_IN_SENTENCE = 5
"""Ids that an error names."""


class RunOrganizer:
    """Labels, annotates, deletes and brings back runs."""

    def __init__(self, database: Database, runs: RunStore, *, purge_after: timedelta) -> None:
        """`purge_after` is how long a deleted run can be brought back."""
        self._database = database
        self._runs = runs
        self._purge_after = purge_after

    async def update_run(
        self,
        run_id: str,
        *,
        set_labels: Mapping[str, str] | None = None,
        remove_labels: Sequence[str] = (),
        note: str | None = None,
        etag: str = "",
    ) -> run_pb2.Run:
        """Change labels, key by key, and the note; None: it stays. A run that is already as asked for is no mismatch of the etag.

        Raises:
            InvalidArgument: everything that is wrong with the request.
            NotFound: there is no such run.
            FailedPrecondition: it is deleted (RUN_DELETED).
            Aborted: it is not the run that the etag names any more (ETAG_MISMATCH).
        """
        added = dict(set_labels or {})
        _check_changes(run_id, added, remove_labels, note)
        key, removed = uuid.UUID(run_id), set(remove_labels)
        async with self._database.transaction() as connection:
            row = (await connection.execute(queries.LOCK_CHANGEABLE, {"run_id": key})).one_or_none()
            if row is None:
                raise no_such_run(key)
            if row.delete_time is not None:
                raise is_deleted(key)
            labels = {name: value for name, value in {**row.labels, **added}.items() if name not in removed}
            new_note = row.note if note is None else note or None
            if (labels, new_note) != (row.labels, row.note):
                _check_etag(etag, etag_of(row.labels, row.note))
                if len(labels) > max(MAX_LABELS, len(row.labels)):
                    raise refuse("set_labels", f"would leave the run with {len(labels)} labels: it has at most {MAX_LABELS}")
                await connection.execute(queries.change(key, labels, new_note))
        return await self._runs.get_run(run_id)

    async def delete_run(self, run_id: str) -> run_pb2.Run:
        """Delete a run; one that is deleted already stays as it is.

        Raises:
            InvalidArgument: the id is no UUID.
            NotFound: there is no such run.
            FailedPrecondition: it has not ended (RUN_NOT_FINISHED).
        """
        key = parse_run_id(run_id)
        async with self._database.transaction() as connection:
            await self._delete(connection, await _found_by_id(connection, [key], lock=True))
        return await self._runs.get_run(run_id)

    async def undelete_run(self, run_id: str) -> run_pb2.Run:
        """Bring a deleted run back; one that is not deleted stays as it is.

        Raises:
            InvalidArgument: the id is no UUID.
            NotFound: there is no such run, or it is purged.
        """
        key = parse_run_id(run_id)
        async with self._database.transaction() as connection:
            if (await connection.execute(queries.undelete_run(key))).rowcount:
                await mark_stale(connection, [key])
        return await self._runs.get_run(run_id)

    async def batch_delete_runs(
        self, run_ids: Sequence[str] = (), filter_text: str = "", *, validate_only: bool = False
    ) -> store_service_pb2.BatchDeleteRunsResponse:
        """Delete runs by their ids or by a filter, all of them or none; `validate_only`: only say which.

        Raises:
            InvalidArgument: everything that is wrong with the request; or the filter matches too many runs.
            NotFound: some ids name no run.
            FailedPrecondition: some runs have not ended (RUN_NOT_FINISHED).
            DeadlineExceeded: no index serves the filter, and there are too many runs.
        """
        ids, matching = _check_which(run_ids, filter_text)
        async with self._database.transaction() as connection:
            if ids:
                found = await _found_by_id(connection, ids, lock=not validate_only)
            else:
                found = await _found_by_filter(connection, matching, lock=not validate_only)
            if not validate_only:
                await self._delete(connection, found)
            answer = store_service_pb2.BatchDeleteRunsResponse(run_count=len(found), run_ids=map(str, found[:MAX_IDS_ANSWERED]))
            answer.purge_time.FromDatetime((await connection.execute(select(func.now() + self._purge_after))).scalar_one())
        return answer

    async def _delete(self, connection: AsyncConnection, found: Sequence[uuid.UUID]) -> None:
        if found:
            await connection.execute(queries.delete_runs(found, self._purge_after))
            await mark_stale(connection, found)


def is_deleted(run_id: uuid.UUID | str) -> errors.FailedPrecondition:
    """The error for a deleted run that is to be used."""
    message = f"run {run_id} is deleted: undelete it first"
    return errors.FailedPrecondition(message, reason="RUN_DELETED", metadata={"run_id": str(run_id)})


async def _found_by_id(connection: AsyncConnection, ids: Sequence[uuid.UUID], *, lock: bool) -> list[uuid.UUID]:
    """Those of the runs that are not deleted yet."""
    rows = (await connection.execute(queries.deletable(queries.named(ids), len(ids), lock=lock))).all()
    unknown = sorted(set(ids) - {row.run_id for row in rows})
    if len(unknown) == 1:
        raise no_such_run(unknown[0])
    if unknown:
        raise errors.NotFound(f"there are no runs {_sentence(unknown)}", reason="RUN_NOT_FOUND")
    _check_ended([row.run_id for row in rows if row.is_live])
    return [row.run_id for row in rows if row.is_kept]


async def _found_by_filter(connection: AsyncConnection, matching: Condition, *, lock: bool) -> list[uuid.UUID]:
    """The runs that match and are not deleted yet."""
    with finding():
        found = is_kept & await with_versions(connection, matching)
        rows = (await connection.execute(queries.deletable(found, MAX_DELETED + 1, lock=lock))).all()
    if len(rows) > MAX_DELETED:
        problem = f"matches more than {MAX_DELETED:,} runs, the most that are deleted at once: narrow it, for example by create_time"
        raise refuse("filter", problem)
    _check_ended([row.run_id for row in rows if row.is_live])
    return [row.run_id for row in rows]


def _check_changes(run_id: str, added: Mapping[str, str], removed: Sequence[str], note: str | None) -> None:
    violations = run_id_violations(run_id)
    for field, names in (("set_labels", added), ("remove_labels", removed)):
        if len(names) > MAX_LABELS:
            violations.append(errors.Violation(field, f"takes at most {MAX_LABELS} labels, not {len(names):,}"))
    for name, value in islice(added.items(), MAX_LABELS):
        if not 0 < len(name) <= MAX_LABEL_KEY_CHARS:
            problem = f"a key has 1 to {MAX_LABEL_KEY_CHARS} characters: {name[:80]!r} has {len(name)}"
            violations.append(errors.Violation("set_labels", problem))
        if len(value) > MAX_LABEL_VALUE_CHARS:
            problem = f"a value has at most {MAX_LABEL_VALUE_CHARS} characters: that of {name[:80]!r} has {len(value)}"
            violations.append(errors.Violation("set_labels", problem))
    violations += [errors.Violation("remove_labels", f"{name[:80]!r} is to be set too") for name in removed[:MAX_LABELS] if name in added]
    if len(note or "") > MAX_NOTE_CHARS:
        violations.append(errors.Violation("note", f"has at most {MAX_NOTE_CHARS:,} characters, not {len(note or ''):,}"))
    if violations:
        raise errors.InvalidArgument(violations=violations)


def _check_etag(given: str, current: str) -> None:
    if given and given != current:
        raise errors.Aborted(
            f"the run's labels or note were changed since they had the etag {given[:40]!r}: read it again",
            reason="ETAG_MISMATCH",
            metadata={"etag": current},
        )


def _check_which(run_ids: Sequence[str], filter_text: str) -> tuple[list[uuid.UUID], Condition]:
    if bool(run_ids) == bool(filter_text.strip()):
        raise refuse("run_ids", 'or a filter says which runs are deleted, one of the two; the filter "run_id:*" matches all runs')
    if len(run_ids) > MAX_IDS:
        raise refuse("run_ids", f"takes at most {MAX_IDS:,} runs, not {len(run_ids):,}")
    violations = [violation for place, text in enumerate(run_ids) for violation in run_id_violations(text, f"run_ids[{place}]")]
    if violations:
        raise errors.InvalidArgument(violations=violations)
    return [uuid.UUID(text) for text in run_ids], condition(filter_text, RUN_FIELDS)


def _check_ended(live: Sequence[uuid.UUID]) -> None:
    if len(live) == 1:
        message = f"run {live[0]} has not ended: cancel it first"
        raise errors.FailedPrecondition(message, reason="RUN_NOT_FINISHED", metadata={"run_id": str(live[0])})
    if live:
        message = f"{len(live):,} runs have not ended: cancel them first, or leave them out: {_sentence(live)}"
        raise errors.FailedPrecondition(message, reason="RUN_NOT_FINISHED")


def _sentence(ids: Sequence[uuid.UUID]) -> str:
    more = len(ids) - MAX_IDS_IN_SENTENCE
    return ", ".join(map(str, ids[:MAX_IDS_IN_SENTENCE])) + (f" and {more:,} more" if more > 0 else "")
