"""Events as rows, and back: what is stored of a run's first event, its sessions and its last event, and how to make the events again."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from functools import lru_cache
from typing import Any

from google.protobuf.json_format import MessageToDict, MessageToJson
from psycopg.types.json import Jsonb

from store_service.models import METRIC_COLUMNS
from store_service.recording.checks import iso_date
from store_service.recording.columns import batch_fields
from store_service.recording.plausibility import flags_of
from tapedeck.v1 import run_pb2

Row = dict[str, Any]
"""Values by name of their column."""

Record = Sequence[Any]
"""All values of a row, in the order of the table's columns."""

CHAIN_START = bytes(32)
"""The chain digest of a run without events."""

_TRIP_FIELDS = ("symbol", "quantity", "entry_price", "exit_price", "commission", "pnl", "return_on_cost")
_DATE_METRICS = {name for name in METRIC_COLUMNS if name.endswith("_date")}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the stream of a run has come."""

    state: int
    next_sequence: int
    chain_digest: bytes
    sessions_recorded: int
    last_session_date: int | None


NOT_STARTED = Progress(run_pb2.RUN_STATE_QUEUED, 1, CHAIN_START, 0, None)
"""Before the first event."""


def event_digest(event: run_pb2.RunEvent) -> bytes:
    """SHA-256 of the event."""
    return hashlib.sha256(event.SerializeToString(deterministic=True)).digest()


def advanced(
    progress: Progress, digests: Iterable[bytes], batches: Sequence[run_pb2.SessionBatch], finished: run_pb2.RunFinished | None
) -> Progress:
    """Where the stream is after some more events.

    Args:
        progress: Where it is before.
        digests: One per event.
        batches: The batches among them.
        finished: The last of them, if the run ends with it.
    """
    chain, next_sequence = progress.chain_digest, progress.next_sequence
    for digest in digests:
        chain = hashlib.sha256(chain + digest).digest()
        next_sequence += 1
    state = finished.state if finished is not None else run_pb2.RUN_STATE_RUNNING if batches else progress.state
    return Progress(
        state=state,
        next_sequence=next_sequence,
        chain_digest=chain,
        sessions_recorded=progress.sessions_recorded + sum(len(batch.session_dates) for batch in batches),
        last_session_date=batches[-1].session_dates[-1] if batches else progress.last_session_date,
    )


def started_values(started: run_pb2.RunStarted) -> Row:
    """Columns of `runs` that come from the first event."""
    spec = started.spec
    spec_json = MessageToDict(spec, preserving_proto_field_name=True)
    return {
        "create_time": started.create_time.ToDatetime(tzinfo=UTC),
        "strategy": spec.strategy,
        "strategy_type": started.strategy_type or None,
        "dataset": spec.dataset,
        "dataset_fingerprint": spec.dataset_fingerprint or None,
        "interval": spec.interval,
        "symbols": list(spec.symbols),
        "start_date": date.fromisoformat(spec.start_date),
        "end_date": date.fromisoformat(spec.end_date),
        "capital_base": spec.capital_base,
        "benchmark_symbol": spec.benchmark_symbol or None,
        "parameters": Jsonb(spec_json.get("parameters", {})),
        "spec": Jsonb(spec_json),
        "labels": Jsonb(dict(started.labels)),
        "request_id": started.request_id or None,
        "spec_digest": started.spec_digest,
        "session_count": started.session_count,
        "provenance": Jsonb(_provenance_json(started.provenance.SerializeToString(deterministic=True)), dumps=str),
        "engine_kind": started.provenance.engine_kind or None,
        "started": started.SerializeToString(deterministic=True),
        "replay_of": uuid.UUID(started.replay.original_run_id) if started.HasField("replay") else None,
        "overridden_fields": list(started.replay.overridden_fields) if started.HasField("replay") else None,
        "sweep_id": uuid.UUID(started.sweep.sweep_id) if started.HasField("sweep") else None,
        "sweep_number": started.sweep.number if started.HasField("sweep") else None,
    }


@lru_cache(maxsize=64)  # an engine sends the same one with every run of a strategy
def _provenance_json(provenance: bytes) -> str:
    return MessageToJson(run_pb2.Provenance.FromString(provenance), preserving_proto_field_name=True, indent=None)


def finished_values(finished: run_pb2.RunFinished) -> Row:
    """Columns of `runs` that come from the last event."""
    kept = run_pb2.RunFinished()
    kept.CopyFrom(finished)
    kept.ClearField("round_trips")
    metrics, error = finished.metrics, finished.error
    return {
        "finished": kept.SerializeToString(deterministic=True),
        "result_digest": finished.result_digest or None,
        "execution_seconds": finished.execution_seconds,
        "error_reason": error.reason or None,
        "error_message": error.message or None,
        "error_session_date": date.fromisoformat(error.session_date) if error.session_date else None,
        **({"engine_kind": finished.engine_kind} if finished.engine_kind else {}),
        **{name: _metric(metrics, name) for name in METRIC_COLUMNS},
        "flags": flags_of(metrics) or None,
    }


def _metric(metrics: run_pb2.Metrics, name: Any) -> float | int | date | None:
    if not metrics.HasField(name):
        return None
    value: Any = getattr(metrics, name)
    if name in _DATE_METRICS:
        return date.fromisoformat(value) if value else None
    return value  # type: ignore[no-any-return]


def round_trip_rows(run_id: uuid.UUID, finished: run_pb2.RunFinished) -> list[Record]:
    """Rows of `round_trips`."""
    return [
        (
            *(run_id, number, trip.symbol, iso_date(trip.entry_date), iso_date(trip.exit_date)),
            *(trip.quantity, trip.entry_price, trip.exit_price, trip.commission, trip.pnl, trip.return_on_cost),
        )
        for number, trip in enumerate(finished.round_trips, 1)
    ]


def started_event(started: bytes) -> run_pb2.RunEvent:
    """The first event, from `runs.started`."""
    return run_pb2.RunEvent(sequence=1, started=run_pb2.RunStarted.FromString(started))


def batch_event(row: Mapping[str, Any], symbols: Sequence[str]) -> run_pb2.RunEvent:
    """The event that a row of `run_batches` was made from."""
    return run_pb2.RunEvent(sequence=row["sequence"], sessions=batch_fields(row, symbols))


def finished_event(sequence: int, finished: bytes, trips: Iterable[Mapping[str, Any]]) -> run_pb2.RunEvent:
    """The last event, from `runs.finished` and the rows of `round_trips` in order."""
    event = run_pb2.RunEvent(sequence=sequence, finished=run_pb2.RunFinished.FromString(finished))
    event.finished.MergeFrom(run_pb2.RunFinished(round_trips=map(trip_fields, trips)))
    return event


def trip_fields(row: Mapping[str, Any]) -> Row:
    """The fields of a round trip by name, as JSON has them too, from its row."""
    dates = {name: row[name].isoformat() for name in ("entry_date", "exit_date")}
    return {**{name: row[name] for name in _TRIP_FIELDS}, **dates}
