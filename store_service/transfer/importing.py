"""Taking an export of another store: the whole file in one transaction, under new ids that are the same at every import."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Row, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import run_id_violations
from store_service.database import Database
from store_service.models import runs
from store_service.recording import rows
from store_service.recording.changes import changes_of
from store_service.recording.checks import Problems, check_envelope, check_storable, is_instant
from store_service.recording.queries import insert_events, number_runs
from store_service.transfer.attached import ImportedVersions, keep_suggestions
from store_service.transfer.lines import at_line, malformed, parse_header, parse_run, split_lines
from store_service.transfer.whole_run import WholeRun, check_labels_and_note, derived_id, insert_head
from tapedeck.v1 import run_pb2, transfer_service_pb2
from tapedeck_rpc import errors

MAX_CONCURRENT_IMPORTS = 2
"""Imports at once: each holds a connection of the pool and its transaction until the file ends."""

PART_TIMEOUT_SECONDS = 30.0
"""How long an import waits for the next part of the file; its sender has all of it. Then the transaction is given up."""

NUMBERING_TIMEOUT_SECONDS = 300
"""Longest time of the last statement, which gives all runs their iterations: some ten seconds for a million of them."""

RUNS_PER_ANSWER = 100
"""Runs of an answer: often enough to show that it goes on."""

MAX_EVENTS_OF_RUN = 100_000
"""Events of one run: more than the line that holds them can have."""

_KNOWN = select(runs.c.run_id, runs.c.spec_digest, runs.c.finished).where(runs.c.run_id.in_(bindparam("run_ids", expanding=True)))

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
                async for content in lines:
                    number += 1
                    line = await asyncio.to_thread(_read, content, number)
                    await versions.keep(line.exported.strategy_versions, number)
                    taken = await _take(connection, line)
                    answer.runs.append(taken)
                    if taken.added:
                        added += uuid.UUID(taken.run_id).bytes
                    if len(answer.runs) == RUNS_PER_ANSWER:
                        yield answer
                        answer = Answer()
                if number - 1 != header.run_count:
                    raise malformed(number, f"is the last one, after {number - 1:,} runs; the header says {header.run_count:,}")
                await _give_iterations(connection, added)
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


def _read(content: bytes, number: int) -> Line:
    """A run of the file, checked but for its sessions.

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
    if not is_instant(exported.finish_time):
        problems.add("finish_time", "must be an instant between the years 1970 and 9999")
    problems.violations += run_id_violations(run_id, "events[0].started.run_id")
    with at_line(number):
        problems.raise_any()
    return Line(number, exported, uuid.UUID(run_id), uuid.UUID(started.replay.original_run_id) if started.HasField("replay") else None)


async def _take(connection: AsyncConnection, line: Line) -> Imported:
    """Store a run unless it is here."""
    known = {row.run_id: row for row in await connection.execute(_KNOWN, {"run_ids": line.ids})}
    new_id = imported_id(line.original_id)
    if line.original_id in known and _is_same(line, known[line.original_id]):
        return Imported(original_run_id=str(line.original_id), run_id=str(line.original_id))
    if new_id in known and not _is_same(line, known[new_id]):
        raise malformed(line.number, f"has run {line.original_id}, which was imported before as {new_id} with another result")
    added = new_id not in known
    if added:
        run = await asyncio.to_thread(_whole_run, line, new_id, known)
        added = await insert_head(connection, run)
        if added:
            await insert_events(connection, run.changes.batches, run.changes.trips)
            await keep_suggestions(connection, new_id, line.exported.suggestions, line.number)
    return Imported(original_run_id=str(line.original_id), run_id=str(new_id), added=added)


async def _give_iterations(connection: AsyncConnection, added: bytearray) -> None:
    """Number the new runs, whose ids are 16 bytes each. At the end: it locks what engines need to record runs of the same strategies."""
    await connection.execute(text(f"SET LOCAL statement_timeout = {NUMBERING_TIMEOUT_SECONDS * 1000}"))
    await number_runs(connection, [uuid.UUID(bytes=bytes(added[at : at + 16])) for at in range(0, len(added), 16)])


def _is_same(line: Line, row: Row[*tuple[Any, ...]]) -> bool:
    """Whether a run that is here asked the same and ended the same: with the same metrics, digest of the ledger and time."""
    finished = rows.finished_values(line.exported.events[-1].finished)["finished"]
    return bool(row.spec_digest == line.started.spec_digest and row.finished == finished)


def _whole_run(line: Line, run_id: uuid.UUID, known: Known) -> WholeRun:
    """The run as this store names it.

    Raises:
        InvalidArgument: everything that is wrong with its sessions.
    """
    exported, started = line.exported, line.started
    started.run_id, started.request_id = str(run_id), ""
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
