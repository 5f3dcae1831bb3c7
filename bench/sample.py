"""The run that is measured: sma_crossover on AAPL over the last 2,148 sessions of the sample dataset."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path

from engine_service import metrics, simulation
from engine_service.batches import SessionBatcher
from engine_service.datasets import Catalogue
from engine_service.job import ZIPLINE
from engine_service.ledger import Ledger
from engine_service.provenance import provenance
from engine_service.run_ids import new_run_id
from engine_service.run_spec import Plan, plan, spec_digest
from engine_service.session_facts import iso_date
from engine_service.strategies import load_strategies
from tapedeck.v1 import run_pb2

SESSIONS = 2_148
"""Sessions of the run: eight and a half years."""

SYMBOL = "AAPL"
"""GOOG has been listed for fewer sessions."""

TIMEOUT_SECONDS = 600
"""Limit of one run; it takes about a second."""


def sample_plan(data_dir: Path) -> Plan:
    """The run, checked and complete, on the sample dataset in a folder."""
    catalogue = Catalogue(data_dir)
    dataset = catalogue.latest("wiki")
    assert dataset is not None
    start, end = (iso_date(int(dataset.sessions[place])) for place in (-SESSIONS, -1))
    spec = run_pb2.RunSpec(strategy="sma_crossover", dataset="wiki", symbols=[SYMBOL], start_date=start, end_date=end)
    return plan(spec, load_strategies(), catalogue, run_timeout_seconds=TIMEOUT_SECONDS)


def warm(ready: Plan) -> None:
    """Load zipline and compile what runs share, as the engine does before its first run."""
    simulation.warm(ready.dataset)
    metrics.warm()


def execute(ready: Plan) -> run_pb2.RunFinished:
    """Execute the run here and now, without any service."""
    ledger = Ledger()
    for facts in simulation.simulate(ready.spec, ready.strategy, ready.dataset):
        ledger.add(facts)
    return ledger.finish(ready.spec, ready.dataset)


def execute_for_events(ready: Plan) -> list[run_pb2.RunEvent]:
    """The events that the engine would send to the store."""
    ledger, batcher = Ledger(), SessionBatcher()
    started = run_pb2.RunStarted(
        run_id=new_run_id(),
        spec=ready.spec,
        provenance=provenance(ready.strategy, ready.dataset, ready.spec.seed, ZIPLINE),
        spec_digest=spec_digest(ready),
        session_count=ready.session_count,
        strategy_type=ready.strategy.type,
    )
    started.create_time.GetCurrentTime()
    batches: list[run_pb2.SessionBatch] = []
    for facts in simulation.simulate(ready.spec, ready.strategy, ready.dataset):
        ledger.add(facts)
        batches += batcher.add(facts)
    batches += batcher.flush()
    finished = ledger.finish(ready.spec, ready.dataset)
    finished.recorded, finished.session_count = True, ledger.session_count
    events = [
        run_pb2.RunEvent(started=started),
        *(run_pb2.RunEvent(sessions=batch) for batch in batches),
        run_pb2.RunEvent(finished=finished),
    ]
    for sequence, event in enumerate(events, 1):
        event.sequence = sequence
    return events


def as_new_run(events: Sequence[run_pb2.RunEvent]) -> list[run_pb2.RunEvent]:
    """The same events as those of another run, of another spec, admitted now."""
    run_id = new_run_id()
    first = run_pb2.RunEvent()
    first.CopyFrom(events[0])
    first.started.run_id = run_id
    first.started.spec_digest = hashlib.sha256(uuid.UUID(run_id).bytes).hexdigest()
    first.started.create_time.GetCurrentTime()
    return [first, *events[1:]]
