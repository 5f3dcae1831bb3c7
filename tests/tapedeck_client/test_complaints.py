"""Errors as lines."""

from __future__ import annotations

import pytest

from tapedeck.v1 import error_reason_pb2
from tapedeck_client.complaints import HINTS, complaint
from tapedeck_rpc import errors


def test_one_violation_is_one_line() -> None:
    error = errors.InvalidArgument(violations=[errors.Violation("spec.symbols", "knows no GOGG")])
    assert list(complaint(error)) == ["Error: spec.symbols: knows no GOGG"]


def test_several_violations_are_listed_one_a_line() -> None:
    violations = [errors.Violation("spec.symbols", "is empty"), errors.Violation("spec.end_date", "lies before\nstart_date")]
    assert list(complaint(errors.InvalidArgument(violations=violations))) == [
        "Error: 2 things are wrong with the request:",
        "  spec.symbols: is empty",
        "  spec.end_date: lies before start_date",
    ]


def test_a_known_reason_comes_with_a_hint() -> None:
    lines = list(complaint(errors.NotFound("there is no such run", reason="RUN_NOT_FOUND")))
    assert lines == ["Error: there is no such run", "Hint: `tapedeck history` lists the runs"]


def test_a_service_that_names_a_time_is_quoted() -> None:
    lines = list(complaint(errors.ResourceExhausted("the queue is full", reason="QUEUE_FULL", retry_after_seconds=2.5)))
    assert lines == ["Error: the queue is full", "Hint: try again in 2.5 s"]


def test_an_error_without_advice_is_one_line() -> None:
    assert list(complaint(errors.Aborted("it clashed", reason="SOMETHING_NEW"))) == ["Error: it clashed"]


def test_what_would_steer_a_terminal_is_not_printed() -> None:
    (line,) = complaint(errors.Aborted("\x1b[2Jgone", reason="SOMETHING_NEW"))
    assert "\x1b" not in line


@pytest.mark.parametrize("reason", sorted(HINTS))
def test_hints_are_for_reasons_that_exist(reason: str) -> None:
    of_the_client = {"ERROR_REASON_WHICH_ONE"}
    assert f"ERROR_REASON_{reason}" in {*error_reason_pb2.ErrorReason.keys()} | of_the_client
