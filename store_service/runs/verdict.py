"""What a replay showed: did it give the same ledger, and if not, where does it differ first and what had changed. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from google.protobuf import text_format
from google.protobuf.message import Message

from tapedeck.v1 import run_pb2

_DENSE = ("portfolio_values", "cash")
_SPARSE = ("fills", "positions", "orders", "corporate_actions")

_KINDS = {
    "strategy_import_path": "STRATEGY_CHANGED",
    "strategy_version": "STRATEGY_CHANGED",
    "strategy_source_digest": "STRATEGY_CHANGED",
    "dataset_fingerprint": "DATASET_CHANGED",
    "calendar": "CALENDAR_CHANGED",
    "calendar_start_date": "CALENDAR_CHANGED",
    "calendar_end_date": "CALENDAR_CHANGED",
    "engine_kind": "ENGINE_CHANGED",
    "engine_version": "ENGINE_CHANGED",
    "platform": "PLATFORM_CHANGED",
}


def are_comparable(original: run_pb2.Run, replay: run_pb2.Run) -> bool:
    """Whether both runs have a ledger of the same spec."""
    succeeded = original.state == replay.state == run_pb2.RUN_STATE_SUCCEEDED
    return succeeded and not replay.replay.overridden_fields


def verdict(original: run_pb2.Run, replay: run_pb2.Run, difference: run_pb2.SessionDifference | None) -> run_pb2.ReplayVerdict:
    """The verdict on a replay that has ended.

    Args:
        original: The run that was replayed, with its provenance.
        replay: The new run, with its provenance.
        difference: The first place at which their ledgers differ, if they were compared and do.
    """
    made = run_pb2.ReplayVerdict(
        original_run_id=original.run_id,
        run_id=replay.run_id,
        first_difference=difference,
        provenance_differences=provenance_differences(original.provenance, replay.provenance),
        overridden_fields=replay.replay.overridden_fields,
    )
    if original.state != run_pb2.RUN_STATE_SUCCEEDED:
        made.outcome = run_pb2.ReplayVerdict.OUTCOME_INCOMPARABLE
        made.summary = f"The original run {_ending(original.state)}, so there is no result to compare with."
    elif replay.state != run_pb2.RUN_STATE_SUCCEEDED:
        made.outcome = run_pb2.ReplayVerdict.OUTCOME_INCOMPARABLE
        made.summary = f"The replay {_ending(replay.state)}, so there is no result to compare."
    elif made.overridden_fields:
        made.outcome = run_pb2.ReplayVerdict.OUTCOME_OVERRIDDEN
        made.summary = f"The spec was changed ({', '.join(made.overridden_fields)}), so the result may differ."
    elif original.result_digest == replay.result_digest:
        made.outcome = run_pb2.ReplayVerdict.OUTCOME_IDENTICAL
        made.summary = "The replay gave the same ledger to the last bit."
    else:
        made.outcome = run_pb2.ReplayVerdict.OUTCOME_DIVERGED
        made.summary = _divergence(made)
    return made


def _ending(state: run_pb2.RunState) -> str:
    return "was cancelled" if state == run_pb2.RUN_STATE_CANCELLED else "failed"


def _divergence(made: run_pb2.ReplayVerdict) -> str:
    kinds = dict.fromkeys(difference.kind for difference in made.provenance_differences)
    why = f"what produced it differs: {', '.join(kinds)}" if kinds else "nothing in its provenance explains it"
    if not made.HasField("first_difference"):
        return f"The replay gave another ledger; {why}."
    return f"The replay differs from session {made.first_difference.session_date} on, in {made.first_difference.field}; {why}."


def provenance_differences(original: run_pb2.Provenance, replayed: run_pb2.Provenance) -> list[run_pb2.ProvenanceDifference]:
    """What differs in how two results were produced, library versions by name; a version that one of them lacks is empty."""
    pairs = [(field, kind, getattr(original, field), getattr(replayed, field)) for field, kind in _KINDS.items()]
    names = sorted({*original.versions, *replayed.versions})
    pairs += [(f"versions.{name}", "VERSION_CHANGED", original.versions.get(name, ""), replayed.versions.get(name, "")) for name in names]
    return [
        run_pb2.ProvenanceDifference(kind=kind, field=field, original_value=before, replayed_value=after)
        for field, kind, before, after in pairs
        if before != after
    ]


def first_difference(original: run_pb2.SessionBatch, replayed: run_pb2.SessionBatch) -> run_pb2.SessionDifference | None:
    """The first session in which two ledgers differ to the bit, and in it the first of the columns.

    Both ledgers are whole runs, each as one batch. Mark prices are not looked at: no other column would show why they differ.
    """
    found = list(_dense_differences(original, replayed))
    for field in _SPARSE:
        found.extend(_sparse_difference(field, getattr(original, field), getattr(replayed, field)))
    if not found:
        return None
    session_date, field, before, after = min(found, key=lambda difference: difference[0])  # the first of equals, in the order above
    iso_date = f"{session_date:08d}"
    return run_pb2.SessionDifference(
        session_date=f"{iso_date[:4]}-{iso_date[4:6]}-{iso_date[6:]}", field=field, original_value=before, replayed_value=after
    )


_Difference = tuple[int, str, str, str]


def _dense_differences(original: run_pb2.SessionBatch, replayed: run_pb2.SessionBatch) -> Iterator[_Difference]:
    dates, other_dates = np.array(original.session_dates, np.int32), np.array(replayed.session_dates, np.int32)
    length = min(len(dates), len(other_dates))
    unlike = np.flatnonzero(dates[:length] != other_dates[:length])
    if len(unlike):
        length = int(unlike[0])
    if length < max(len(dates), len(other_dates)):
        sides = [int(column[length]) if length < len(column) else None for column in (dates, other_dates)]
        yield min(date for date in sides if date is not None), "session_dates", _shown(sides[0]), _shown(sides[1])
    for field in _DENSE:
        before = np.array(getattr(original, field)[:length], np.float64)
        after = np.array(getattr(replayed, field)[:length], np.float64)
        # As integers: 0.0 and -0.0 are different results.
        unlike = np.flatnonzero(before.view(np.int64) != after.view(np.int64))
        if len(unlike):
            at = int(unlike[0])
            yield int(dates[at]), field, _shown(float(before[at])), _shown(float(after[at]))


def _sparse_difference(field: str, before: list[Message], after: list[Message]) -> Iterator[_Difference]:
    for at in range(max(len(before), len(after))):
        pair = [entries[at] if at < len(entries) else None for entries in (before, after)]
        if pair[0] is None or pair[1] is None or pair[0].SerializeToString() != pair[1].SerializeToString():
            dates = [entry.session_date for entry in pair if entry is not None]  # type: ignore[attr-defined]
            yield min(dates), field, _shown(pair[0]), _shown(pair[1])
            return


def _shown(value: Message | float | None) -> str:
    if value is None:
        return "none"
    return text_format.MessageToString(value, as_one_line=True) if isinstance(value, Message) else repr(value)
