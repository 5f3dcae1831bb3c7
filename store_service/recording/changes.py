"""What new events change: computed as a whole, before anything is written."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from store_service.recording import rows
from store_service.recording.batch_checks import check_batches
from store_service.recording.checks import Problems
from store_service.recording.columns import BatchColumns, symbol_places
from store_service.recording.copy_format import batch_rows
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors


@dataclass(frozen=True, slots=True)
class Changes:
    """What some new events change: the stream's progress, columns of the run, new rows."""

    progress: rows.Progress
    values: rows.Row
    batches: bytes
    """Rows of `run_batches` in COPY's binary format; empty when there are none."""
    trips: list[rows.Record]

    @property
    def has_succeeded(self) -> bool:
        """Whether the run has a result with them."""
        return self.progress.state == run_pb2.RUN_STATE_SUCCEEDED


def changes_of(
    run_id: uuid.UUID,
    progress: rows.Progress,
    events: Sequence[run_pb2.RunEvent],
    symbols: Sequence[str],
    problems: Problems,
    *,
    skipped: int = 0,
    needs_cash: bool = True,
) -> Changes:
    """What new events change.

    Args:
        run_id: The run.
        progress: How far it is before them.
        events: At least one.
        symbols: Those of its spec.
        problems: What was found to be wrong with the message before.
        skipped: Events of the message before these.
        needs_cash: Whether sessions must say what the cash was; a run from elsewhere may have an equity curve alone.

    Raises:
        InvalidArgument: something is wrong with the message.
    """
    with_sessions = [(place, event) for place, event in enumerate(events, skipped) if event.HasField("sessions")]
    columns = BatchColumns([event.sessions for _, event in with_sessions], symbol_places(symbols))
    paths = [f"events[{place}].sessions" for place, _ in with_sessions]
    check_batches(columns, paths, progress.last_session_date, problems, needs_cash=needs_cash)
    problems.raise_any()
    digests = {event.sequence: rows.event_digest(event) for event in events}
    sequences = [event.sequence for _, event in with_sessions]
    finished = events[-1].finished if events[-1].HasField("finished") else None
    return Changes(
        rows.advanced(progress, digests.values(), columns.batches, finished),
        {
            **(rows.started_values(events[0].started) if events[0].HasField("started") else {}),
            **(rows.finished_values(finished) if finished is not None else {}),
        },
        batch_rows(run_id, sequences, [digests[sequence] for sequence in sequences], columns) if sequences else b"",
        rows.round_trip_rows(run_id, finished) if finished is not None else [],
    )


def compare(sent: Sequence[run_pb2.RunEvent], stored: Sequence[run_pb2.RunEvent]) -> None:
    """Make sure that events sent again are those that are stored, to the bit.

    Raises:
        DataLoss: one differs (NONDETERMINISTIC_RESULT).
    """
    for again, kept in zip(sent, stored, strict=True):
        if again.SerializeToString(deterministic=True) != kept.SerializeToString(deterministic=True):
            raise errors.DataLoss(
                f"event {again.sequence} differs from the one that is stored",
                reason="NONDETERMINISTIC_RESULT",
                metadata={"sequence": str(again.sequence)},
            )
