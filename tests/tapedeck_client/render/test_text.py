"""Single values."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tapedeck.v1.run_pb2 import Metrics, RunSpec, RunState
from tapedeck_client.render import text


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (text.money(1234567.891), "1,234,567.89"),
        (text.money(-0.001), "0.00"),
        (text.percent(-0.1234), "-12.34%"),
        (text.percent(-0.00001), "0.00%"),
        (text.ratio(1.23456), "1.235"),
        (text.ratio(float("inf")), "inf"),
        (text.count(2014), "2,014"),
        (text.percent(None), "–"),
    ],
)
def test_numbers_are_written_one_way_everywhere(shown: Text, expected: str) -> None:
    assert shown.plain == expected
    assert shown.justify == "right"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_with_a_minus_is_red_and_nothing_else_is(value: float) -> None:
    shown = text.money(value)
    assert (shown.style == "red") == shown.plain.startswith("-")
    assert shown.plain != "-0.00"


def test_an_absent_metric_is_not_zero() -> None:
    assert text.optional(Metrics(), "pnl") is None
    assert text.optional(Metrics(pnl=0), "pnl") == 0


@given(st.text())
def test_plain_text_can_not_steer_a_terminal(given_text: str) -> None:
    shown = text.plain(given_text)
    assert len(shown) == len(given_text)
    assert all(c.isprintable() or c == "\n" for c in shown)


def test_a_run_is_known_by_its_tail() -> None:
    assert text.tail("019ab000-0000-7000-8000-0000aaaa0001") == "aaaa0001"


def test_states_go_without_their_prefix_and_unknown_ones_keep_their_number() -> None:
    assert text.state_text(RunState.RUN_STATE_FAILED).plain == "FAILED"
    assert text.state_name(99) == "STATE 99"


def test_instants_sessions_and_durations() -> None:
    assert text.instant(Timestamp(seconds=1_790_000_000)) == "2026-09-21 14:13"
    assert text.instant(Timestamp()) == "–"
    assert text.session(20050103) == "2005-01-03"
    assert [text.seconds(value) for value in (0.4242, 12.34, 185.6)] == ["0.42 s", "12.3 s", "3 min 5 s"]


def test_many_symbols_are_counted() -> None:
    assert text.symbols(RunSpec(symbols=["GOOG", "AAPL", "IBM"])) == "GOOG +2"
    assert text.symbols(RunSpec(symbols=["GOOG"])) == "GOOG"
    assert text.symbols(RunSpec()) == "–"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (True, "true"),
        (10.0, "10"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        ("daily", "daily"),
        (["GOOG", 2.0], "GOOG, 2"),
        ({"cost": 0.01}, "cost=0.01"),
    ],
)
def test_json_values_are_written_as_people_do(value: object, expected: str) -> None:
    assert text.scalar(value) == expected
