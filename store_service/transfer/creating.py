"""Saving results that were produced elsewhere: entries of a request as runs, all of them or none."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.database import Database
from store_service.recording import rows
from store_service.recording.changes import changes_of
from store_service.recording.checks import MAX_EVENTS, Problems, check_envelope
from store_service.recording.copy_format import joined
from store_service.recording.queries import insert_events, number_runs, request_owner
from store_service.strategies.checks import check_suggested
from store_service.strategies.rollups import add_runs
from store_service.transfer.attached import keep_suggestions
from store_service.transfer.whole_run import WholeRun, check_labels_and_note, derived_id, insert_head, trips_of
from store_service.violations import refuse
from tapedeck.v1 import run_pb2, strategy_pb2, transfer_service_pb2
from tapedeck_rpc import errors

MAX_ENTRIES = 1_000
"""Entries of one request: they are written in one transaction, which takes a second or two, and with all suggestions some seconds."""

MAX_ENTRIES_BYTES = 8 * 1024 * 1024
"""Size of them together: half of the largest message. What is more is sent in several requests, or imported."""

MAX_BATCHES = MAX_EVENTS - 2
"""Batches of sessions of an entry: with its first and its last event as many as one message of a recorded run has."""

MAX_SUGGESTIONS = 50
"""Suggestions of an entry: more than anybody acts on after one run; those of a thousand entries are written in some two seconds."""

EXTERNAL = "external"
"""Kind of engine of a run that Tapedeck did not execute."""

DEFAULT_INTERVAL, DEFAULT_CAPITAL_BASE = "1d", 100_000.0
"""What the contract of RunSpec says about a spec without them."""

_EVENT = re.compile(r"events\[(\d+)\](?:\.(started|sessions|finished))?")
"""Where the checks of events find something: the entry has the same fields, without the events around them."""

Entry = transfer_service_pb2.RunEntry


class RunCreation:
    """Creates runs of results from elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def batch_create_runs(self, entries: Sequence[Entry]) -> list[transfer_service_pb2.CreatedRun]:
        """Save entries, all of them or none; one answer for each, in their order.

        A result that was saved before is not saved again: not when its run was changed, or deleted and not purged yet, meanwhile.

        Raises:
            InvalidArgument: everything that is wrong with all of them (INVALID_REQUEST, UNSTORABLE_VALUE); or request_ids that made runs
                of something else (REQUEST_ID_REUSED).
        """
        if len(entries) > MAX_ENTRIES:
            raise refuse("runs", f"has {len(entries):,} entries, a request has at most {MAX_ENTRIES:,}")
        size = sum(entry.ByteSize() for entry in entries)
        if size > MAX_ENTRIES_BYTES:
            raise refuse("runs", f"has {size:,} bytes, a request has at most {MAX_ENTRIES_BYTES:,}")
        if not entries:
            return []
        made = await asyncio.to_thread(_whole_runs, entries)
        async with self._database.transaction() as connection:
            created = await _store(connection, entries, made)
        return [transfer_service_pb2.CreatedRun(run_id=str(run.run_id), created=place in created) for place, run in enumerate(made)]


async def _store(connection: AsyncConnection, entries: Sequence[Entry], made: Sequence[WholeRun]) -> set[int]:
    """Store the runs made of entries that are new; returns their places."""
    created, reused = set[int](), list[errors.Violation]()
    # In one order: two requests with the same results or request_ids never wait for each other.
    for place, run in sorted(enumerate(made), key=lambda each: _key(each[1])):
        if await insert_head(connection, run):
            created.add(place)
            continue
        owner = await request_owner(connection, run.changes.values["request_id"] or "")
        if owner is not None and owner[0] != run.run_id:
            reused.append(errors.Violation(f"runs[{place}].request_id", f"was used before, for something else, by run {owner[0]}"))
    if reused:
        raise errors.InvalidArgument(violations=reused, reason="REQUEST_ID_REUSED")
    new = [made[place] for place in sorted(created)]
    await insert_events(connection, joined([run.changes.batches for run in new if run.changes.batches]), trips_of(new))
    await keep_suggestions(connection, _suggested(entries, made, created))
    await number_runs(connection, [run.run_id for run in new])
    await add_runs(connection, [run.run_id for run in new])
    return created


def _key(run: WholeRun) -> str:
    """What two results share that can't both be stored: equal ids come of equal contents, of which the request_id is one."""
    return run.changes.values["request_id"] or str(run.run_id)


def _suggested(
    entries: Sequence[Entry], made: Sequence[WholeRun], created: set[int]
) -> Iterator[tuple[uuid.UUID, strategy_pb2.Suggestion, datetime]]:
    """What is suggested about new runs, in the order of the entries: each a little later than the one before, so that it is listed so."""
    now = datetime.now(UTC)
    for place in sorted(created):
        for number, suggestion in enumerate(entries[place].suggestions):
            yield made[place].run_id, suggestion, now + timedelta(microseconds=number)


def _whole_runs(entries: Sequence[Entry]) -> list[WholeRun]:
    """The runs of entries.

    Raises:
        InvalidArgument: everything that is wrong with all of them.
    """
    made, found = [], Problems()
    for place, entry in enumerate(entries):
        try:
            made.append(_whole_run(entry))
        except errors.InvalidArgument as error:
            found.violations += [errors.Violation(_place(place, each.field), each.description) for each in error.violations]
            if error.reason == "UNSTORABLE_VALUE":
                found.reason = error.reason
    found.raise_any()
    return made


def _whole_run(entry: Entry) -> WholeRun:
    problems = Problems()
    if not entry.HasField("create_time"):
        problems.add("create_time", "must say when the run was made")
    if not entry.HasField("metrics") and not entry.sessions:
        problems.add("metrics", "or sessions must be there: a run without a result is none")
    if len(entry.sessions) > MAX_BATCHES:
        problems.add("sessions", f"has {len(entry.sessions)} batches, an entry has at most {MAX_BATCHES}")
    check_labels_and_note(entry.labels, entry.note, "", problems)
    if len(entry.suggestions) > MAX_SUGGESTIONS:
        problems.add("suggestions", f"has {len(entry.suggestions):,} suggestions, an entry has at most {MAX_SUGGESTIONS}")
    for place, suggestion in enumerate(entry.suggestions[:MAX_SUGGESTIONS]):
        check_suggested(suggestion, f"suggestions[{place}]", problems)
    events = _events(entry)
    content = rows.advanced(rows.NOT_STARTED, map(rows.event_digest, events), [], None).chain_digest
    run_id = derived_id(entry.create_time.seconds * 1_000 + entry.create_time.nanos // 1_000_000, content)
    events[0].started.run_id = str(run_id)
    check_envelope(str(run_id), 1, events, problems, max_events=len(events))
    symbols = list(entry.spec.symbols)
    changes = changes_of(run_id, rows.NOT_STARTED, events, symbols, problems, needs_cash=False)
    finish_time = entry.create_time.ToDatetime(tzinfo=UTC)
    return WholeRun(run_id, changes, {"finish_time": finish_time, "note": entry.note or None})


def _events(entry: Entry) -> list[run_pb2.RunEvent]:
    """The run as events, without its id."""
    spec = run_pb2.RunSpec()
    spec.CopyFrom(entry.spec)
    spec.interval = spec.interval or DEFAULT_INTERVAL
    if not spec.HasField("capital_base"):
        spec.capital_base = DEFAULT_CAPITAL_BASE
    session_count = sum(len(batch.session_dates) for batch in entry.sessions)
    started = run_pb2.RunStarted(
        spec=spec,
        provenance=entry.provenance,
        spec_digest=_spec_digest(spec, entry.provenance),
        session_count=session_count,
        labels=entry.labels,
        request_id=entry.request_id,
        create_time=entry.create_time,
        strategy_type=entry.strategy_type,
    )
    finished = run_pb2.RunFinished(
        state=run_pb2.RUN_STATE_SUCCEEDED,
        metrics=entry.metrics if entry.HasField("metrics") else None,
        round_trips=entry.round_trips,
        recorded=True,
        execution_seconds=entry.execution_seconds,
        session_count=session_count,
        engine_kind=EXTERNAL,
    )
    last = len(entry.sessions) + 2
    return [
        run_pb2.RunEvent(sequence=1, started=started),
        *(run_pb2.RunEvent(sequence=number, sessions=batch) for number, batch in enumerate(entry.sessions, 2)),
        run_pb2.RunEvent(sequence=last, finished=finished),
    ]


def _spec_digest(spec: run_pb2.RunSpec, provenance: run_pb2.Provenance) -> str:
    """What tells a question asked elsewhere from another. It never equals one of an engine: nobody knows whether they were the same."""
    digest = hashlib.sha256(EXTERNAL.encode())
    digest.update(spec.SerializeToString(deterministic=True))
    digest.update(provenance.SerializeToString(deterministic=True))
    return digest.hexdigest()


def _place(entry: int, path: str) -> str:
    """Where something is in the request: events[0].started.spec of an entry is its spec, events[1].sessions are its sessions[0]."""
    found = _EVENT.match(path)
    if found is None:
        return f"runs[{entry}].{path}"
    rest = path[found.end() :].removeprefix(".")
    sessions = f"sessions[{int(found[1]) - 1}]" if found[2] == "sessions" else ""
    return ".".join(filter(None, (f"runs[{entry}]", sessions, rest)))
