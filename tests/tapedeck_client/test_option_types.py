"""How option values are read."""

from __future__ import annotations

import json

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapedeck.v1.run_pb2 import Commission, Slippage
from tapedeck_client.option_types import Scalar, model_of, parse_number_pair, parse_pair, parse_parameter, parse_scalar, split_symbols


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        ("null", None),
        ('"10"', "10"),
        ("daily", "daily"),
        ("", ""),
        ("[1, 2]", "[1, 2]"),
        ('{"a": 1}', '{"a": 1}'),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("True", "True"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_value_is_a_json_scalar_or_else_the_text_it_is(text: str, value: Scalar) -> None:
    parsed = parse_scalar(text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [('["sma_above(1,2)"]', ["sma_above(1,2)"]), ("[]", []), ("[1, null]", [1, None]), ("[[1]]", "[[1]]"), ("7", 7), ("[7", "[7")],
)
def test_a_parameter_may_be_a_json_list(text: str, value: object) -> None:
    assert parse_parameter(text) == value


@given(st.one_of(st.text(), st.booleans(), st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_every_scalar_is_read_back_from_its_json(value: Scalar) -> None:
    assert parse_scalar(json.dumps(value)) == value


def test_a_pair_is_split_at_the_first_equals_sign() -> None:
    assert parse_pair("rule=a=b") == ("rule", "a=b")
    assert parse_pair("empty=") == ("empty", "")


@pytest.mark.parametrize("text", ["fast", "=10", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not written KEY=VALUE"):
        parse_pair(text)


def test_a_number_may_be_asked_for() -> None:
    assert parse_number_pair("win_rate=0.4") == ("win_rate", 0.4)
    with pytest.raises(click.BadParameter, match="win_rate takes a number, not 'much'"):
        parse_number_pair("win_rate=much")


def test_a_model_is_written_as_its_kind_and_its_fields() -> None:
    parse = model_of(Slippage)
    assert parse("none") == Slippage(none={})
    assert parse("volume-share:volume-limit=0.1, price_impact=0.2") == Slippage(volume_share={"volume_limit": 0.1, "price_impact": 0.2})
    assert model_of(Commission)("per_share:cost=0.01") == Commission(per_share={"cost": 0.01})


def test_a_kind_without_fields_still_chooses_the_model() -> None:
    assert model_of(Commission)("per_trade").WhichOneof("model") == "per_trade"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("free", "'free' is no kind: none, fixed_basis_points, volume_share"),
        ("fixed_basis_points:points=5", "'points' is no field of fixed_basis_points: basis_points, volume_limit"),
        ("none:x=1", "'x' is no field of none: it has none"),
        ("fixed_basis_points:basis_points=few", "basis_points takes a number, not 'few'"),
        ("fixed_basis_points:basis_points", "basis_points takes a number, not ''"),
    ],
)
def test_a_wrong_model_is_refused_with_what_there_is(text: str, complaint: str) -> None:
    with pytest.raises(click.BadParameter, match=complaint):
        model_of(Slippage)(text)


def test_symbols_come_one_by_one_or_by_commas() -> None:
    assert split_symbols(["GOOG, AAPL", "MSFT,", ""]) == ["GOOG", "AAPL", "MSFT"]
