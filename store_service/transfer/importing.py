"""Taking an export of another store: the whole file in one transaction, under new ids that are the same at every import."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Row, Uuid, any_, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import run_id_violations
from store_service.database import Database
from store_service.models import runs
from store_service.recording import rows
from store_service.recording.changes import changes_of
from store_service.recording.checks import Problems, check_envelope, check_storable, is_instant
from store_service.recording.copy_format import joined
from store_service.recording.queries import insert_events, number_runs
from store_service.strategies.checks import check_suggested
from store_service.strategies.rollups import add_runs
from store_service.transfer.attached import ImportedVersions, keep_suggestions
from store_service.transfer.lines import at_line, malformed, parse_header, parse_run, split_lines
from store_service.transfer.pipeline import one_ahead
from store_service.transfer.whole_run import WholeRun, check_labels_and_note, derived_id, insert_head, trips_of
from tapedeck.v1 import run_pb2, strategy_pb2, transfer_service_pb2
from tapedeck_rpc import errors

MAX_CONCURRENT_IMPORTS = 2
"""Imports at once: each holds a connection of the pool and its transaction until the file ends."""

PART_TIMEOUT_SECONDS = 30.0
"""How long an import waits for the next part of the file; its sender has all of it. Then the transaction is given up."""

COUNTING_TIMEOUT_SECONDS = 300
"""Longest time of each of the last statements, which number all runs and add them to statistics: some ten seconds for a million of them."""

RUNS_PER_ANSWER = 20
"""Runs that are written and answered together, so that statements that take many rows have some, and an answer shows that it goes on."""

BYTES_PER_ANSWER = 4 * 1024 * 1024
"""Size of their lines, when there are several: with what is made of them, they are held twice."""

MAX_EVENTS_OF_RUN = 100_000
"""Events of one run: more than the line that holds them can have."""

_KNOWN = select(runs.c.run_id, runs.c.spec_digest, runs.c.finished).where(runs.c.run_id == any_(bindparam("run_ids", type_=ARRAY(Uuid))))

Known = Mapping[uuid.UUID, Row[*tuple[Any, ...]]]
Answer = transfer_service_pb2.ImportRunsResponse
Imported = transfer_service_pb2.ImportedRun


@dataclass(frozen=True, slots=True)
class Line:
    """A run of the file."""

    number: int
    exported: transfer_service_pb2.ExportedRun
    original_id: uuid.UUID
    link: uuid.UUID | None
    """The run that it replays, by its id in the file."""
    whole_run: WholeRun | None = None
    """As it will be stored; None for a replay, until it is known whether the other run is here."""

    @property
    def started(self) -> run_pb2.RunStarted:
        """Its first event."""
        return self.exported.events[0].started

    @property
    def ids(self) -> list[uuid.UUID]:
        """Whatever it and the run that it replays may be called here."""
        named = [self.original_id] if self.link is None else [self.original_id, self.link]
        return [*named, *map(imported_id, named)]


class RunImports:
    """Takes files of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_IMPORTS)

    async def import_runs(self, parts: AsyncIterator[bytes]) -> AsyncGenerator[Answer]:
        """Take a file; answers say what became of its runs, the last one that all of them are durable.

        Raises:
            InvalidArgument: a line is malformed or holds what can't be stored, the file ends early, or a run differs from the one that was
                imported before; `metadata["line"]` says where.
            DeadlineExceeded: a part did not arrive in time.
        """
        async with self._slots:
            answer = Answer()
            async with aclosing(split_lines(_in_time(parts))) as lines, self._database.transaction() as connection:
                header = parse_header(await anext(lines, b""))
                versions, number, added = ImportedVersions(connection), 1, bytearray()
                async with aclosing(one_ahead(_groups(lines))) as groups:
                    async for group in groups:
                        number = group[-1].number
                        for line in group:
                            await versions.keep(line.exported.strategy_versions, line.number)
                        taken = await _take(connection, group)
                        added += b"".join(uuid.UUID(run.run_id).bytes for run in taken if run.added)
                        answer.runs.extend(taken)
                        if len(answer.runs) >= RUNS_PER_ANSWER:
                            yield answer
                            answer = Answer()
                if number - 1 != header.run_count:
                    raise malformed(number, f"is the last one, after {number - 1:,} runs; the header says {header.run_count:,}")
                await _count(connection, added)
            answer.committed = True
            yield answer


def imported_id(original_id: uuid.UUID) -> uuid.UUID:
    """What a run of another store is called here. It depends on nothing else, so links find their run whenever it was imported."""
    return derived_id(original_id.int >> 80, hashlib.sha256(b"imported" + original_id.bytes).digest())


async def _in_time(parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    while True:
        try:
            async with asyncio.timeout(PART_TIMEOUT_SECONDS):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise errors.DeadlineExceeded("the next part of the file did not arrive in time", reason="DEADLINE_EXCEEDED") from None
        yield part


async def _groups(lines: AsyncIterator[bytes]) -> AsyncGenerator[list[Line]]:
    """The runs of the lines after the first, some at a time: none of them twice, and no replay with the run that it replays."""
    number, size, group = 1, 0, list[Line]()
    async for content in lines:
        number += 1
        line = await asyncio.to_thread(_read, content, number)
        size += len(content)
        ids = {each.original_id for each in group}
        if group and (len(group) == RUNS_PER_ANSWER or size > BYTES_PER_ANSWER or line.original_id in ids or line.link in ids):
            yield group
            size, group = len(content), []
        group.append(line)
    if group:
        yield group


def _read(content: bytes, number: int) -> Line:
    """A run of the file, checked, but for the sessions of a replay.

    Raises:
        InvalidArgument: everything that is wrong with the line.
    """
    exported = parse_run(content, number)
    events, problems = exported.events, Problems()
    if len(events) < 2 or not events[0].HasField("started") or not events[-1].HasField("finished"):
        raise malformed(number, "is no whole run: its events must begin with started and end with finished")
    started = events[0].started
    run_id = started.run_id
    check_envelope(run_id, 1, events, problems, max_events=MAX_EVENTS_OF_RUN)
    check_labels_and_note(exported.labels, exported.note, "", problems)
    check_storable(exported.verdict, "verdict", problems)
    times = {"finish_time": exported.finish_time}
    for place, suggestion in enumerate(exported.suggestions):
        check_suggested(suggestion, f"suggestions[{place}]", problems)
        times[f"suggestions[{place}].create_time"] = suggestion.create_time
    for path, time in times.items():
        if not is_instant(time):
            problems.add(path, "must be an instant between the years 1970 and 9999")
    problems.violations += run_id_violations(run_id, "events[0].started.run_id")
    with at_line(number):
        problems.raise_any()
    link = uuid.UUID(started.replay.original_run_id) if started.HasField("replay") else None
    line = Line(number, exported, uuid.UUID(run_id), link)
    return line if link else replace(line, whole_run=_whole_run(line, {}))


async def _take(connection: AsyncConnection, group: Sequence[Line]) -> list[Imported]:
    """Store the runs that are not here."""
    ids = [each for line in group for each in line.ids]
    known = {row.run_id: row for row in await connection.execute(_KNOWN, {"run_ids": ids})}
    taken, stored, about = list[Imported](), list[WholeRun](), list[tuple[uuid.UUID, strategy_pb2.Suggestion, datetime]]()
    for line in group:
        here = _here(line, known)
        added = False
        if here is None:
            here, run = imported_id(line.original_id), line.whole_run
            if run is None:
                run = await asyncio.to_thread(_whole_run, line, known)
            added = await insert_head(connection, run)
            if added:
                stored.append(run)
                about += ((here, each, each.create_time.ToDatetime(tzinfo=UTC)) for each in line.exported.suggestions)
        taken.append(Imported(original_run_id=str(line.original_id), run_id=str(here), added=added))
    batches = joined([run.changes.batches for run in stored if run.changes.batches])
    await insert_events(connection, batches, trips_of(stored))
    await keep_suggestions(connection, about)
    return taken


def _here(line: Line, known: Known) -> uuid.UUID | None:
    """What a run is called that is here already.

    Raises:
        InvalidArgument: it was imported before, with another result.
    """
    new_id = imported_id(line.original_id)
    if line.original_id in known and _is_same(line, known[line.original_id]):
        return line.original_id
    if new_id not in known:
        return None
    if not _is_same(line, known[new_id]):
        raise malformed(line.number, f"has run {line.original_id}, which was imported before as {new_id} with another result")
    return new_id


async def _count(connection: AsyncConnection, added: bytearray) -> None:
    """Number the new runs, whose ids are 16 bytes each, and add them to the statistics of their strategies.

    At the end: it locks what engines need to record runs of the same strategies.
    """
    await connection.execute(text(f"SET LOCAL statement_timeout = {COUNTING_TIMEOUT_SECONDS * 1000}"))
    run_ids = [uuid.UUID(bytes=bytes(added[at : at + 16])) for at in range(0, len(added), 16)]
    await number_runs(connection, run_ids)
    await add_runs(connection, run_ids)


def _is_same(line: Line, row: Row[*tuple[Any, ...]]) -> bool:
    """Whether a run that is here asked the same and ended the same; one that has not ended, which its engine was to record, will."""
    if row.finished is None:
        return bool(row.spec_digest == line.started.spec_digest)
    here, sent = run_pb2.RunFinished.FromString(row.finished), line.exported.events[-1].finished
    return (row.spec_digest, *_result(here)) == (line.started.spec_digest, *_result(sent))


def _result(finished: run_pb2.RunFinished) -> tuple[Any, ...]:
    """What a run came to, whichever execution of it."""
    return finished.state, finished.metrics, finished.result_digest, finished.error


def _whole_run(line: Line, known: Known) -> WholeRun:
    """The run as this store names it.

    Raises:
        InvalidArgument: everything that is wrong with its sessions.
    """
    exported, started, finished = line.exported, line.started, line.exported.events[-1].finished
    run_id = imported_id(line.original_id)
    started.run_id, started.request_id = str(run_id), ""
    # A client that kept the run could not say so.
    finished.recorded, finished.not_recorded_reason = True, ""
    replayed = None
    if line.link is not None:
        replayed = next((each for each in (imported_id(line.link), line.link) if each in known), None)
        started.replay.original_run_id = str(replayed or line.link)
    if exported.HasField("verdict"):
        exported.verdict.run_id, exported.verdict.original_run_id = started.run_id, started.replay.original_run_id
    with at_line(line.number):
        symbols = list(started.spec.symbols)
        changes = changes_of(run_id, rows.NOT_STARTED, exported.events, symbols, Problems(), needs_cash=False)
    values: rows.Row = {
        "finish_time": exported.finish_time.ToDatetime(tzinfo=UTC),
        "labels": Jsonb(dict(exported.labels)),
        "note": exported.note or None,
        "verdict": exported.verdict.SerializeToString() if exported.HasField("verdict") else None,
        "replay_of": replayed,
    }
    return WholeRun(run_id, changes, values)
