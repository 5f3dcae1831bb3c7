"""From options to a spec, a file or overrides."""

from __future__ import annotations

import io

import click
import pytest
from google.protobuf.json_format import MessageToDict

from tapedeck.v1.run_pb2 import RunSpec, Slippage
from tapedeck.v1.store_service_pb2 import RunOverrides
from tapedeck_client.spec_options import fill, new_spec, read_spec
from tests.tapedeck_client.services import spec


def test_options_that_were_left_out_change_nothing() -> None:
    filled = spec()
    fill(filled, {"start_date": None, "symbols": (), "parameters": (), "capital_base": None, "slippage": None})
    assert filled == spec()


def test_options_override_what_the_spec_says() -> None:
    filled = spec()
    parameters = (("fast", "5"), ("mode", "slow"))
    fill(filled, {"symbols": ("IBM,MSFT",), "parameters": parameters, "capital_base": 5.0, "slippage": Slippage(none={})})
    assert list(filled.symbols) == ["IBM", "MSFT"]
    assert MessageToDict(filled.parameters) == {"fast": 5, "slow": 30, "mode": "slow"}
    assert filled.capital_base == 5
    assert filled.slippage.WhichOneof("model") == "none"


def test_overrides_are_filled_the_same_way() -> None:
    overrides = RunOverrides()
    fill(overrides, {"end_date": "2012-12-31", "parameters": (("fast", "5"),), "interval": None})
    assert overrides == RunOverrides(end_date="2012-12-31", parameters={"fast": 5})


def test_a_spec_is_read_from_json_with_the_contracts_names() -> None:
    text = '{"strategy": "momentum", "start_date": "2005-01-03", "parameters": {"window": 20}}'
    assert read_spec(io.StringIO(text)) == RunSpec(strategy="momentum", start_date="2005-01-03", parameters={"window": 20})
    assert read_spec(None) == RunSpec()


def test_a_new_spec_takes_the_strategy_from_the_command_or_else_from_the_file() -> None:
    file = '{"strategy": "momentum", "dataset": "mine"}'
    assert new_spec("sma_crossover", io.StringIO(file), {"start_date": None}) == RunSpec(strategy="sma_crossover", dataset="mine")
    assert new_spec(None, io.StringIO(file), {}) == RunSpec(strategy="momentum", dataset="mine")
    assert new_spec("momentum", None, {}) == RunSpec(strategy="momentum", dataset="wiki")
    with pytest.raises(click.UsageError, match="say which STRATEGY"):
        new_spec(None, None, {})


@pytest.mark.parametrize("text", ["not json", '{"strategi": "momentum"}'])
def test_a_file_that_holds_no_spec_is_refused(text: str) -> None:
    file = io.StringIO(text)
    file.name = "spec.json"
    with pytest.raises(click.BadParameter, match=r"spec\.json holds no RunSpec"):
        read_spec(file)
