"""Taking an export of another store: the whole file in one transaction, under new ids that are the same at every import."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.database import Database
from store_service.models import runs
from store_service.recording.copy_format import joined
from store_service.recording.queries import NUMBER_RUNS, insert_events
from store_service.strategies.rollups import ADD_RUNS
from store_service.transfer.attached import ImportedVersions, keep_suggestions
from store_service.transfer.imported_run import Known, Line, as_stored, imported_id, is_same, read_line
from store_service.transfer.lines import malformed, parse_header, split_lines
from store_service.transfer.pipeline import one_ahead
from store_service.transfer.whole_run import WholeRun, insert_heads, trips_of
from tapedeck.v1 import strategy_pb2, transfer_service_pb2
from tapedeck_rpc import errors

MAX_CONCURRENT_IMPORTS = 2
"""Imports at once: each holds a connection of the pool and its transaction until the file ends."""

PART_TIMEOUT_SECONDS = 30.0
"""How long an import waits for the next part of the file; its sender has all of it. Then the transaction is given up."""

COUNTING_TIMEOUT_SECONDS = 300
"""Longest time of each of the last statements, which number all runs and add them to statistics, and longest wait for what it locks: some
ten seconds for a million of them, after those of another import. Given up, the whole file would have to be sent again."""

RUNS_PER_ANSWER = 20
"""Runs that are written and answered together, so that statements that take many rows have some, and an answer shows that it goes on."""

BYTES_PER_ANSWER = 4 * 1024 * 1024
"""Size of their lines, when there are several. With what is made of them are held at once: the runs that are written, the next ones, and
the line after those."""

_KNOWN = select(runs.c.run_id, runs.c.spec_digest, runs.c.finished, runs.c.chain_digest).where(
    runs.c.run_id == any_(bindparam("run_ids", type_=ARRAY(Uuid)))
)

Answer = transfer_service_pb2.ImportRunsResponse
Imported = transfer_service_pb2.ImportedRun


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
    begin, size, contents = 2, 0, list[bytes]()
    async for content in lines:
        size += len(content)
        if contents and (len(contents) == RUNS_PER_ANSWER or size > BYTES_PER_ANSWER):
            for group in await asyncio.to_thread(_read, contents, begin):
                yield group
            begin, size, contents = begin + len(contents), len(content), []
        contents.append(content)
    for group in await asyncio.to_thread(_read, contents, begin):
        yield group


def _read(contents: Sequence[bytes], begin: int) -> list[list[Line]]:
    """The runs of lines that are numbered from `begin` on, in such groups."""
    groups: list[list[Line]] = []
    for number, content in enumerate(contents, begin):
        line = read_line(content, number)
        ids = {each.original_id for each in groups[-1]} if groups else set()
        if not groups or line.original_id in ids or line.link in ids:
            groups.append([])
        groups[-1].append(line)
    return groups


async def _take(connection: AsyncConnection, group: Sequence[Line]) -> list[Imported]:
    """Store the runs that are not here."""
    ids = [each for line in group for each in line.ids]
    known = {row.run_id: row for row in await connection.execute(_KNOWN, {"run_ids": ids})}
    places = {line.number: _here(line, known) for line in group}
    absent = [line for line in group if places[line.number] is None]
    sent = [await asyncio.to_thread(as_stored, line, known) if line.whole_run is None else line.whole_run for line in absent]
    is_new = await insert_heads(connection, sent)
    new = [(line, run) for line, run, added in zip(absent, sent, is_new, strict=True) if added]
    numbers = {line.number for line, _ in new}
    taken = [
        Imported(
            original_run_id=str(line.original_id),
            run_id=str(places[line.number] or imported_id(line.original_id)),
            added=line.number in numbers,
        )
        for line in group
    ]
    stored = [run for _, run in new]
    batches = joined([run.changes.batches for run in stored if run.changes.batches])
    await insert_events(connection, batches, trips_of(stored))
    await keep_suggestions(connection, _suggested(new))
    return taken


def _suggested(new: Sequence[tuple[Line, WholeRun]]) -> Iterator[tuple[uuid.UUID, strategy_pb2.Suggestion, datetime]]:
    """What is suggested about new runs."""
    for line, run in new:
        for suggestion in line.exported.suggestions:
            yield run.run_id, suggestion, suggestion.create_time.ToDatetime(tzinfo=UTC)


def _here(line: Line, known: Known) -> uuid.UUID | None:
    """What a run is called that is here already.

    Raises:
        InvalidArgument: it was imported before, with another result.
    """
    new_id = imported_id(line.original_id)
    if line.original_id in known and is_same(line, known[line.original_id]):
        return line.original_id
    if new_id not in known:
        return None
    if not is_same(line, known[new_id]):
        raise malformed(line.number, f"has run {line.original_id}, which was imported before as {new_id} with another result")
    return new_id


async def _count(connection: AsyncConnection, added: bytearray) -> None:
    """Number the new runs, whose ids are 16 bytes each, and add them to the statistics of their strategies.

    At the end: it locks what engines need to record runs of the same strategies.
    """
    for timeout in ("statement_timeout", "lock_timeout"):
        await connection.execute(text(f"SET LOCAL {timeout} = {COUNTING_TIMEOUT_SECONDS * 1000}"))
    # The array as text: as objects, so many ids would keep the event loop busy for seconds.
    run_ids = f"{{{added.hex(',', 16)}}}"
    for statement in (NUMBER_RUNS, ADD_RUNS):
        await statement.run(connection, {"run_ids": run_ids})
