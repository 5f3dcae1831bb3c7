"""A run of an import's file: read, checked, named as this store names it, compared with one that is here."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Row

from store_service.conversions import run_id_violations
from store_service.recording import rows
from store_service.recording.changes import changes_of
from store_service.recording.checks import Problems, check_envelope, check_storable, is_instant
from store_service.strategies.checks import MAX_SUGGESTIONS_OF_RUN, check_suggested
from store_service.transfer.creating import EXTERNAL
from store_service.transfer.lines import at_line, malformed, parse_run
from store_service.transfer.whole_run import WholeRun, check_labels_and_note, derived_id
from tapedeck.v1 import run_pb2, transfer_service_pb2

MAX_EVENTS_OF_RUN = 100_000
"""Events of one run: more than the line that holds them can have."""

Known = Mapping[uuid.UUID, Row[*tuple[Any, ...]]]


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
    chains: frozenset[bytes] = frozenset()
    """Of a result from elsewhere, the digests of its events under both of its ids. Others have a result_digest, or none that is to last:
    executed again, their sessions are cut into other events."""

    @property
    def started(self) -> run_pb2.RunStarted:
        """Its first event."""
        return self.exported.events[0].started

    @property
    def ids(self) -> list[uuid.UUID]:
        """Whatever it and the run that it replays may be called here."""
        named = [self.original_id] if self.link is None else [self.original_id, self.link]
        return [*named, *map(imported_id, named)]


def imported_id(original_id: uuid.UUID) -> uuid.UUID:
    """What a run of another store is called here. It depends on nothing else, so links find their run whenever it was imported."""
    return derived_id(original_id.int >> 80, hashlib.sha256(b"imported" + original_id.bytes).digest())


def read_line(content: bytes, number: int) -> Line:
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
    if len(exported.suggestions) > MAX_SUGGESTIONS_OF_RUN:
        problems.add("suggestions", f"has {len(exported.suggestions):,} suggestions, a run has at most {MAX_SUGGESTIONS_OF_RUN:,}")
    for place, suggestion in enumerate(exported.suggestions[:MAX_SUGGESTIONS_OF_RUN]):
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
    if link:
        return line
    chain = _chain(events) if events[-1].finished.engine_kind == EXTERNAL else None
    run = as_stored(line, {})  # which changes the events
    return replace(line, whole_run=run, chains=frozenset({chain, run.changes.progress.chain_digest}) if chain else frozenset())


def _chain(events: Sequence[run_pb2.RunEvent]) -> bytes:
    return rows.advanced(rows.NOT_STARTED, map(rows.event_digest, events), [], None).chain_digest


def is_same(line: Line, row: Row[*tuple[Any, ...]]) -> bool:
    """Whether a run that is here asked the same and ended the same.

    One that has not ended, which its engine was to record, will. A result from elsewhere is the same event by event. Of other runs the
    state, the metrics, the error and the result_digest are compared, not the sessions that the engine computed it of.
    """
    if line.chains:
        return row.chain_digest in line.chains
    if row.finished is None:
        return bool(row.spec_digest == line.started.spec_digest)
    here, sent = run_pb2.RunFinished.FromString(row.finished), line.exported.events[-1].finished
    return (row.spec_digest, *_result(here)) == (line.started.spec_digest, *_result(sent))


def _result(finished: run_pb2.RunFinished) -> tuple[Any, ...]:
    """What a run came to, whichever execution of it."""
    return finished.state, finished.metrics, finished.result_digest, finished.error


def as_stored(line: Line, known: Known) -> WholeRun:
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
