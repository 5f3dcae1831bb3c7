"""The fields of a filter: all that users know of a run, each with values of its type."""

from __future__ import annotations

import pytest

from store_service.database import Database
from store_service.filtering import condition
from store_service.models import METRIC_COLUMNS, runs
from store_service.recording.store import RecordingStore
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.store import RunStore
from tapedeck_rpc import errors
from tests.fix_runs import Record, make_events, make_started, recorder

TIME_WANTED = "is a time such as 2026-01-31 or 2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sharpe_ratio > high", 'sharpe_ratio is a finite number, not "high"'),
        ("sharpe_ratio > 1e999", 'sharpe_ratio is a finite number, not "1e999"'),
        ("sharpe_ratio > NaN", 'sharpe_ratio is a finite number, not "NaN"'),
        ("sharpe_ratio > 1-2", 'sharpe_ratio is a finite number, not "1-2"'),
        ("sharpe_ratio.x > 1", 'sharpe_ratio.x has no field "x"'),
        ("start_date < 2010-02-30", 'start_date is a date such as 2010-01-04, not "2010-02-30"'),
        ("start_date < 20100104", 'start_date is a date such as 2010-01-04, not "20100104"'),
        ("create_time > 2010-01-04T25:00:00Z", f'create_time {TIME_WANTED}, not "2010-01-04T25:00:00Z"'),
        ("create_time > 0001-01-01T00:00:00+14:00", f'create_time {TIME_WANTED}, not "0001-01-01T00:00:00+14:00"'),
        ("create_time > 2010-01-04T12:00:00", f'create_time {TIME_WANTED}, not "2010-01-04T12:00:00"'),
        ("state = DONE", 'state is one of QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED, STALE, not "DONE"'),
        ("state > QUEUED", "state takes =, :, != only, not >"),
        ("symbols > A", "symbols takes =, :, != only, not >"),
        ("run_id = 7", 'run_id is a UUID, or a part of one with a wildcard ("*9f3c2a10"), not "7"'),
        ("run_id.x = 7*", 'run_id.x has no field "x"'),
        ("labels = a", "labels needs the name of one label, as in labels.team"),
        ("labels.a.b = a", "labels.a.b needs the name of one label, as in labels.team"),
        ("parameters > 1", "parameters needs the name of a parameter, as in parameters.fast"),
        ("parameters.x > true", "parameters.x takes =, :, != only, not >"),
        ("parameters.x > 1e999", 'parameters.x is a finite number, not "1e999"'),
        ("strategy.x = a", 'strategy.x has no field "x"'),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_in_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        condition(text, RUN_FIELDS)
    assert [violation.description for violation in refused.value.violations] == [problem]


def test_every_metric_can_be_filtered_by() -> None:
    assert set(METRIC_COLUMNS) < RUN_FIELDS.by_name.keys()


def test_every_column_that_describes_a_run_can_be_filtered_by() -> None:
    internal = {"spec", "provenance", "started", "finished", "verdict", "overridden_fields", "error_message"}
    recording = {
        "next_sequence",
        "writer_epoch",
        "chain_digest",
        "last_session_date",
        "lease_expire_time",
        "claim_count",
        "cancel_requested",
    }
    of_no_column = {"search", "strategy_version", "iteration"}
    assert set(runs.c.keys()) - internal - recording == RUN_FIELDS.by_name.keys() - of_no_column


async def test_a_run_is_found_by_the_tail_of_its_id(run_store: RunStore, record: Record) -> None:
    run_id = await record()
    await record()
    for text in (f"run_id = *{run_id[-8:]}", f'run_id:"*{run_id[-8:].upper()}"', f"run_id = {run_id}", f"run_id = {run_id.upper()}"):
        assert [run.run_id for run in (await run_store.list_runs(filter_text=text))[0]] == [run_id]


async def test_a_run_whose_engine_vanished_is_stale(database: Database, run_store: RunStore) -> None:
    stale = await recorder(RecordingStore(database, lease_seconds=0.001))(make_events(make_started()))
    queued = await recorder(RecordingStore(database, lease_seconds=3_600))(make_events(make_started()))
    expected = {"state = STALE": stale, "state:RUN_STATE_STALE": stale, "state = RUN_STATE_QUEUED": queued, "state != STALE": queued}
    for text, run_id in expected.items():
        assert [run.run_id for run in (await run_store.list_runs(filter_text=text))[0]] == [run_id]
