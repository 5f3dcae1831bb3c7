"""Rows and messages; the contract tests look at whole runs."""

from __future__ import annotations

import uuid

import pytest

from store_service.conversions import LIVE_STATES, TERMINAL_STATES, is_full, parse_run_id, run_id_violations
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors

RUN_ID = "0198a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"


def test_an_id_may_be_written_in_capitals() -> None:
    run_id = uuid.uuid4()
    assert parse_run_id(str(run_id)) == parse_run_id(str(run_id).upper()) == run_id


@pytest.mark.parametrize("text", ["", "7", RUN_ID[:-1], f" {RUN_ID}", RUN_ID.replace("-", ""), f"{RUN_ID}\n"])
def test_other_spellings_are_no_ids(text: str) -> None:
    with pytest.raises(errors.InvalidArgument):
        parse_run_id(text)
    (violation,) = run_id_violations(text, "run_ids[3]")
    assert violation.field == "run_ids[3]"


def test_a_long_text_is_not_repeated_whole() -> None:
    (violation,) = run_id_violations("x" * 1_000)
    assert len(violation.description) < 100


def test_every_state_is_live_terminal_or_derived() -> None:
    derived = {run_pb2.RUN_STATE_UNSPECIFIED, run_pb2.RUN_STATE_STALE}
    assert sorted([*TERMINAL_STATES, *LIVE_STATES, *derived]) == sorted(run_pb2.RunState.values())


def test_the_default_view_is_the_methods() -> None:
    for by_default in (True, False):
        assert is_full(store_service_pb2.RUN_VIEW_UNSPECIFIED, by_default=by_default) is by_default
        assert is_full(store_service_pb2.RUN_VIEW_FULL, by_default=by_default)
        assert not is_full(store_service_pb2.RUN_VIEW_BASIC, by_default=by_default)
    with pytest.raises(errors.InvalidArgument):
        is_full(7, by_default=True)
