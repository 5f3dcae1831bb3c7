"""Appending, against a model: whatever arrives, in whatever order, what is stored is a prefix of what was acknowledged, once."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from store_service.database import Database
from store_service.models import run_batches, runs
from store_service.recording import store as recording
from store_service.recording.queries import load_events, lock_run, update_run
from store_service.recording.rows import CHAIN_START, event_digest
from store_service.recording.store import RecordingStore
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors
from tests.fix_runs import make_events, make_finished, make_sessions, make_started, new_run_id, session_dates, whole_run
from tests.random_batches import SYMBOLS, session_batches

LAST = 5
"""Sequence of the model run's last event."""

VARIANTS = "ab"
"""Each event of the model run exists in two variants; what an engine sends twice may be the one or the other."""

NOT_FOUND, GAP, FENCED, TERMINAL, DIFFERENT = errors.NotFound, errors.OutOfRange, "WRITER_FENCED", "RUN_TERMINAL", errors.DataLoss


@dataclass
class Model:
    """What the store should hold of one run."""

    run_id: str
    variants: str = ""
    epoch: int = 1
    ended: bool = False

    def append(self, epoch: int, first: int, variants: str) -> object:  # noqa: PLR0911 - one for each rule
        """Takes a message; returns the next sequence, or what it is refused for."""
        following = len(self.variants) + 1
        if not self.variants and not variants:
            return NOT_FOUND
        if not self.variants and first > 1:
            return GAP
        if epoch != self.epoch:
            return FENCED
        if variants and first > following:
            return GAP
        known = self.variants[first - 1 : first - 1 + len(variants)] if variants else ""
        if not variants.startswith(known):
            return DIFFERENT
        new = variants[len(known) :]
        if new and self.ended:
            return TERMINAL
        self.variants += new
        self.ended = self.ended or len(self.variants) == LAST
        return len(self.variants) + 1


def model_event(run_id: str, sequence: int, variant: str) -> run_pb2.RunEvent:
    """The run's event at a place, in a variant."""
    if sequence == 1:
        started = make_started(run_id, labels={"variant": variant}, create_time={"seconds": 1_600_000_000})
        return run_pb2.RunEvent(sequence=1, started=started)
    if sequence == LAST:
        return run_pb2.RunEvent(sequence=LAST, finished=make_finished(execution_seconds=float(variant == "a")))
    days = session_dates("2010-01-04", LAST * 2)[sequence * 2 - 4 : sequence * 2 - 2]
    return run_pb2.RunEvent(sequence=sequence, sessions=make_sessions(days, [1e5, 1e5 + (variant == "a") * 2**-30]))


sends = st.tuples(
    *(st.just("send"), st.integers(0, 1), st.integers(0, 1)),
    st.integers(1, LAST).flatmap(
        lambda first: st.tuples(st.just(first), st.text("aaaab", max_size=LAST + 1 - first))  # the other variant is rare
    ),
)
"""A message: which run, whether its epoch is a stale one, its first sequence, the variants of its events."""

takeovers = st.tuples(st.just("take over"), st.integers(0, 1), st.just(0), st.just((1, "")))
"""The run's engine vanishes and another one claims it."""


@settings(max_examples=60)
@given(st.lists(sends | takeovers, min_size=1, max_size=14))
async def test_whatever_arrives_the_store_holds_what_it_acknowledged(
    module_database: Database, actions: list[tuple[str, int, int, tuple[int, str]]]
) -> None:
    store = RecordingStore(module_database, lease_seconds=3_600)
    models = [Model(new_run_id()), Model(new_run_id())]
    for kind, number, behind, (first, variants) in actions:
        model = models[number]
        if kind == "take over":
            await take_over(module_database, model)
            continue
        epoch = model.epoch - behind
        sent = [model_event(model.run_id, first + place, variant) for place, variant in enumerate(variants)]
        assert await outcome(store, model.run_id, epoch, first, sent) == model.append(epoch, first, variants)
    for model in models:
        await check_stored(module_database, model)


async def outcome(store: RecordingStore, run_id: str, epoch: int, first: int, sent: Sequence[run_pb2.RunEvent]) -> object:
    try:
        return (await store.append(run_id, epoch, first, sent)).next_sequence
    except errors.FailedPrecondition as error:
        return error.reason
    except errors.CallError as error:
        return type(error)


async def take_over(database: Database, model: Model) -> None:
    """As ClaimStaleRun does; done by hand, because that would claim whatever run of whatever test is the oldest."""
    if model.variants and not model.ended:
        model.epoch += 1
        async with database.transaction() as connection:
            taken = update(runs).where(runs.c.run_id == uuid.UUID(model.run_id))
            await connection.execute(taken.values(writer_epoch=runs.c.writer_epoch + 1))


async def check_stored(database: Database, model: Model) -> None:
    expected = [model_event(model.run_id, sequence, variant) for sequence, variant in enumerate(model.variants, 1)]
    run_id = uuid.UUID(model.run_id)
    async with database.reading() as connection:
        stored = await load_events(connection, run_id, 1, LAST + 1)
        columns = (runs.c.next_sequence, runs.c.chain_digest, runs.c.sessions_recorded, runs.c.state)
        row = (await connection.execute(select(*columns).where(runs.c.run_id == run_id))).one_or_none()
        batch_count = len((await connection.execute(select(run_batches.c.sequence).where(run_batches.c.run_id == run_id))).all())
    assert [event.SerializeToString(deterministic=True) for event in stored] == [
        event.SerializeToString(deterministic=True) for event in expected
    ]
    if row is None:
        assert model.variants == ""
        return
    batches = [event for event in expected if event.HasField("sessions")]
    state = run_pb2.RUN_STATE_SUCCEEDED if model.ended else run_pb2.RUN_STATE_RUNNING if batches else run_pb2.RUN_STATE_QUEUED
    assert tuple(row) == (len(expected) + 1, chain_of(expected), 2 * len(batches), state)
    assert batch_count == len(batches)


def chain_of(events: Sequence[run_pb2.RunEvent]) -> bytes:
    chain = CHAIN_START
    for event in events:
        chain = hashlib.sha256(chain + event_digest(event)).digest()
    return chain


@settings(max_examples=40)
@given(session_batches(), st.booleans())
async def test_any_sessions_come_back_to_the_bit(
    module_database: Database, batches: list[run_pb2.SessionBatch], in_one_message: bool
) -> None:
    store = RecordingStore(module_database, lease_seconds=30)
    run_id = new_run_id()
    started = make_started(run_id)
    started.spec.symbols[:] = SYMBOLS
    events = make_events(started, *batches)
    for sent in [events] if in_one_message else [[event] for event in events]:
        await store.append(run_id, 1, sent[0].sequence, sent)
    async with module_database.reading() as connection:
        stored = await load_events(connection, uuid.UUID(run_id), 1, len(events))
    assert [event.SerializeToString(deterministic=True) for event in stored] == [
        event.SerializeToString(deterministic=True) for event in events
    ]


async def test_a_claim_ends_so_many_runs_and_no_more(database: Database) -> None:
    store = RecordingStore(database, lease_seconds=30)
    ended = [whole_run()[:2] for _ in range(recording.MAX_ENDED_PER_CLAIM + 1)]
    for events in ended:
        await store.append(events[0].started.run_id, 1, 1, events)
    async with database.transaction() as connection:
        await connection.execute(update(runs).values(cancel_requested=True, lease_expire_time=text("now() - interval '1 s'")))
    assert await store.claim_stale("engine") is None
    async with database.reading() as connection:
        states = (await connection.scalars(select(runs.c.state))).all()
    assert states.count(run_pb2.RUN_STATE_CANCELLED) == recording.MAX_ENDED_PER_CLAIM
    assert await store.claim_stale("engine") is None


async def test_no_index_follows_a_sign_of_life_or_a_batch(database: Database) -> None:
    """A live run's row is updated within its page: thirty indexes stay as they are."""
    store = RecordingStore(database, lease_seconds=30)
    events = whole_run()
    await store.append(events[0].started.run_id, 1, 1, events[:2])
    async with database.transaction() as connection:
        run = await lock_run(connection, uuid.UUID(events[0].started.run_id))
        assert run is not None
        for progress in (run.progress, replace(run.progress, next_sequence=4, sessions_recorded=3)):
            await update_run(connection, run.run_id, progress, timedelta(seconds=30), {})
        in_page = await connection.scalar(text("SELECT pg_stat_get_xact_tuples_hot_updated('runs'::regclass)"))
    assert in_page == 2
