"""How the parameters of a sweep are written."""

from __future__ import annotations

import io
from decimal import Decimal

import click
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from tapedeck.v1.sweep_pb2 import ParameterRange, ParameterSample
from tapedeck_client.grid_options import Axis, combinations, parse_axis


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fast=5,10,20", [5, 10, 20]),
        ("fast=5", [5]),
        ("fast=5, 0.5 ,true,daily", [5, 0.5, True, "daily"]),
        ("fast=50:200:50", [50, 100, 150, 200]),
        ("fast=50:199:50", [50, 100, 150]),
        ("fast=3:6", [3, 4, 5, 6]),
        ("fast=7:7:1", [7]),
        ("fast=0:0.5:0.1", [0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        ("fast=-1:1:0.5", [-1, -0.5, 0, 0.5, 1]),
        ('rules=["a:b", ["c", "d"], 1]', ["a:b", ["c", "d"], 1]),
    ],
)
def test_values_are_listed_or_counted_up_to_a_stop_that_is_included(text: str, values: list[object]) -> None:
    axis = parse_axis(text)
    assert (axis.name, axis.listed()) == (text.partition("=")[0], values)
    assert axis.varies == (len(values) > 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fast", "not written KEY=VALUE"),
        ("fast=", "empty value"),
        ("fast=5,,10", "empty value"),
        ("fast=[]", "has no value"),
        ("fast=[1", "no JSON list"),
        ("fast=1:2:3:4", "START:STOP:STEP"),
        ("fast=a:b", "START:STOP:STEP"),
        ("fast=1:inf", "START:STOP:STEP"),
        ("fast=1:nan:1", "START:STOP:STEP"),
        ("fast=1:1e999", "START:STOP:STEP"),
        ("fast=1:5:0", "step above 0"),
        ("fast=1:5:-1", "step above 0"),
        ("fast=1:5:1e-999", "step above 0"),
        ("fast=5:1", "1 is less than 5"),
        ("fast=0:1:0.000001", "more than 100,000 values"),
        ("fast=0:1e300:1e-300", "more than 100,000 values"),
    ],
)
def test_what_has_no_values_or_too_many_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(click.BadParameter, match=complaint):
        parse_axis(text)


DECIMALS = st.decimals(-1000, 1000, places=3)


@given(start=DECIMALS, step=st.decimals(Decimal("0.001"), 50, places=3), count=st.integers(1, 200))
def test_a_range_holds_the_numbers_as_a_person_would_write_them(start: Decimal, step: Decimal, count: int) -> None:
    stop = start + (count - 1) * step
    values = parse_axis(f"x={start}:{stop}:{step}").listed()
    assert values == [float(str(start + i * step)) for i in range(count)]


def test_a_grid_has_the_values_of_every_parameter() -> None:
    assert combinations([parse_axis("fast=5,10"), parse_axis("slow=50:100:50")], None, None, 0) == {"fast": [5, 10], "slow": [50, 100]}


def test_a_sample_draws_from_ranges_and_lists() -> None:
    axes = [parse_axis("fast=5,slow"), parse_axis("slow=50:200:10"), parse_axis("level=0.5:2")]
    sample = combinations(axes, None, 100, 7)
    assert isinstance(sample, ParameterSample)
    assert (sample.count, sample.seed) == (100, 7)
    assert MessageToDict(sample.ranges["fast"]) == {"values": [5, "slow"]}
    assert sample.ranges["slow"] == ParameterRange(minimum=50, maximum=200, step=10)
    assert sample.ranges["level"] == ParameterRange(minimum=0.5, maximum=2), "the engine knows what step suits"


def test_a_list_is_read_from_a_file() -> None:
    file = io.StringIO('[{"fast": 5, "slow": 50}, {"fast": 10}]')
    assert combinations([], file, None, 0) == [{"fast": 5, "slow": 50}, {"fast": 10}]


@pytest.mark.parametrize("text", ["fast", "{}", "[]", "[1]", '"text"', '{"fast": 5}'])
def test_a_file_without_a_list_of_combinations_is_refused(text: str) -> None:
    file = io.StringIO(text)
    file.name = "tried.json"
    with pytest.raises(click.BadParameter, match=r"tried\.json"):
        combinations([], file, None, 0)


FAST = Axis("fast", [5, 10])


@pytest.mark.parametrize(
    ("axes", "file", "sample_count", "complaint"),
    [
        ([], None, None, "either --grid NAME=VALUES or --list FILE"),
        ([FAST], io.StringIO("[{}]"), None, "either --grid NAME=VALUES or --list FILE"),
        ([], io.StringIO("[{}]"), 10, "draws from --grid"),
        ([FAST, FAST], None, None, "names fast twice"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    axes: list[Axis], file: io.StringIO | None, sample_count: int | None, complaint: str
) -> None:
    with pytest.raises(click.UsageError, match=complaint):
        combinations(axes, file, sample_count, 0)
