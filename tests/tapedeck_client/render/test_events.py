"""Events as lines."""

from __future__ import annotations

from tapedeck.v1.run_pb2 import RunFinished, RunState, SessionBatch
from tapedeck_client.render import events
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import ERROR, RUN_ID, story


def test_the_first_event_says_what_runs() -> None:
    line = events.started_line(story()[0].started).plain
    assert line == f"run {RUN_ID}\nsma_crossover on GOOG, 2005-01-03 to 2005-01-07, 6 sessions"


def test_a_batch_says_how_far_the_run_is() -> None:
    batch = SessionBatch(session_dates=[20050103, 20050104], portfolio_values=[1.0, 1234.5])
    assert events.batch_line(batch, 1002, 2014).plain == "1,002 of 2,014 sessions  to 2005-01-04  value 1,234.50"
    assert events.batch_line(batch, 2, 0).plain.startswith("2 sessions  to")


def test_the_last_event_of_a_failed_run_starts_with_its_error() -> None:
    finished = story(error=ERROR)[-1].finished
    assert printed(events.finished(finished)).startswith("FAILED (STRATEGY_FAILED): ValueError")


def test_a_run_that_never_executed_has_no_duration() -> None:
    shown = printed(events.finished(RunFinished(state=RunState.RUN_STATE_CANCELLED)))
    assert shown.strip() == "CANCELLED, 0 sessions"


def test_a_run_that_is_not_kept_says_so_also_without_a_reason() -> None:
    assert events.recorded_line(RUN_ID, RunFinished()).plain == f"{RUN_ID} not recorded"


def test_the_last_event_says_which_engine_executed_the_run() -> None:
    ended = RunFinished(state=RunState.RUN_STATE_SUCCEEDED, execution_seconds=0.5, session_count=6, engine_kind="kernel")
    assert printed(events.finished(ended)).strip() == "SUCCEEDED after 0.50 s on kernel, 6 sessions"
