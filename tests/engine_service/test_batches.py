"""Where a batch of sessions ends: by the facts alone, never by time."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from engine_service.batches import ROWS_PER_BATCH, SESSIONS_PER_BATCH, SessionBatcher
from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2


def facts(number: int, fills: int = 0) -> SessionFacts:
    made = [run_pb2.Fill(session_date=number, symbol="GOOG", quantity=1, price=float(place)) for place in range(fills)]
    return SessionFacts(number, float(number), number / 2, made, [], [], [], [])


def batched(sessions: Sequence[SessionFacts]) -> list[run_pb2.SessionBatch]:
    batcher = SessionBatcher()
    return [*(batch for session in sessions for batch in batcher.add(session)), *batcher.flush()]


def test_no_session_makes_no_batch() -> None:
    assert batched([]) == []


def test_a_batch_is_handed_out_with_the_session_that_fills_it() -> None:
    batcher = SessionBatcher()
    assert [len(list(batcher.add(facts(number)))) for number in range(1, SESSIONS_PER_BATCH + 2)] == [*[0] * (SESSIONS_PER_BATCH - 1), 1, 0]


def test_many_rows_end_a_batch_early() -> None:
    sessions = [facts(1, ROWS_PER_BATCH - 1), facts(2, 1), facts(3)]
    assert [list(batch.session_dates) for batch in batched(sessions)] == [[1, 2], [3]]


@given(st.lists(st.sampled_from([0, 1, 50, ROWS_PER_BATCH // 3]), max_size=300))
def test_batches_hold_every_session_once_in_order_and_are_made_alike_again(fill_counts: list[int]) -> None:
    sessions = [facts(number, fills) for number, fills in enumerate(fill_counts, 1)]
    batches = batched(sessions)
    assert [date for batch in batches for date in batch.session_dates] == [session.session_date for session in sessions]
    assert [value for batch in batches for value in batch.portfolio_values] == [session.portfolio_value for session in sessions]
    assert [value for batch in batches for value in batch.cash] == [session.cash for session in sessions]
    assert sum(len(batch.fills) for batch in batches) == sum(fill_counts)
    assert all(0 < len(batch.session_dates) <= SESSIONS_PER_BATCH for batch in batches)
    assert batched(sessions) == batches
    # A batch is decided by what came before: a run cut short makes the same batches up to there.
    whole = batched(sessions[: len(sessions) // 2])[:-1]
    assert batches[: len(whole)] == whole
