"""Requests become complete specs, or one error that names everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import json_format

from engine_service.datasets import Catalogue, Dataset
from engine_service.run_spec import Plan, check_request, plan, spec_digest
from engine_service.strategies import Strategy, load_strategies
from tapedeck.v1 import engine_service_pb2, run_pb2
from tapedeck_rpc import errors

LIMIT = 600


@pytest.fixture(scope="module")
def strategies() -> dict[str, Strategy]:
    return load_strategies()


@pytest.fixture(scope="module")
def make_plan(strategies: dict[str, Strategy], data_dir: Path) -> Callable[[run_pb2.RunSpec], Plan]:
    catalogue = Catalogue(data_dir)
    return lambda spec: plan(spec, strategies, catalogue, run_timeout_seconds=LIMIT)


def spec(**changes: object) -> run_pb2.RunSpec:
    """A spec that is fine, with changes given as in JSON."""
    fine = {
        "strategy": "sma_crossover",
        "parameters": {"fast": 10, "slow": 30},
        "dataset": "wiki",
        "symbols": ["GOOG"],
        "start_date": "2005-01-03",
        "end_date": "2012-12-31",
    }
    return json_format.ParseDict(fine | changes, run_pb2.RunSpec())


def violations(make_plan: Callable[[run_pb2.RunSpec], Plan], **changes: object) -> dict[str, str]:
    with pytest.raises(errors.InvalidArgument) as raised:
        make_plan(spec(**changes))
    found: dict[str, str] = {}
    for violation in raised.value.violations:
        found[violation.field] = found.get(violation.field, "") + violation.description + "\n"
    return found


def test_every_default_is_filled_in(make_plan: Callable[[run_pb2.RunSpec], Plan], wiki: Dataset) -> None:
    made = make_plan(spec(parameters={}))
    assert json_format.MessageToDict(made.spec, preserving_proto_field_name=True) == {
        "strategy": "sma_crossover",
        "parameters": {"fast": 10.0, "slow": 30.0, "weight": 0.95},
        "dataset": "wiki",
        "dataset_fingerprint": wiki.fingerprint,
        "symbols": ["GOOG"],
        "start_date": "2005-01-03",
        "end_date": "2012-12-31",
        "interval": "1d",
        "capital_base": 100000.0,
        "slippage": {"fixed_basis_points": {"basis_points": 5.0, "volume_limit": 0.1}},
        "commission": {"per_share": {"cost": 0.001, "minimum_cost": 0.0}},
        "seed": 0,
        "timeout_seconds": LIMIT,
    }
    assert made.session_count == 2013


@pytest.mark.parametrize(
    ("given", "complete"),
    [
        ({"slippage": {"none": {}}}, {"none": {}}),
        ({"slippage": {"volume_share": {}}}, {"volume_share": {"volume_limit": 0.025, "price_impact": 0.1}}),
        ({"slippage": {"fixed_basis_points": {"basis_points": 0}}}, {"fixed_basis_points": {"basis_points": 0.0, "volume_limit": 0.1}}),
        ({"commission": {"per_trade": {}}}, {"per_trade": {"cost": 0.0}}),
        ({"commission": {"per_dollar": {}}}, {"per_dollar": {"cost": 0.0015}}),
        ({"commission": {"per_share": {"minimum_cost": 1}}}, {"per_share": {"cost": 0.001, "minimum_cost": 1.0}}),
    ],
)
def test_costs_take_ziplines_defaults(
    make_plan: Callable[[run_pb2.RunSpec], Plan], given: dict[str, object], complete: dict[str, object]
) -> None:
    (kind,) = given
    made = json_format.MessageToDict(make_plan(spec(**given)).spec, preserving_proto_field_name=True)
    assert made[kind] == complete


def test_a_complete_spec_stays_as_it_is(make_plan: Callable[[run_pb2.RunSpec], Plan]) -> None:
    once = make_plan(spec()).spec
    assert make_plan(once).spec == once


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"strategy": "sma"}, "spec.strategy", "sma_crossover"),
        ({"dataset": "wikipedia"}, "spec.dataset", "wiki"),
        ({"dataset": "../wiki"}, "spec.dataset", "wiki"),
        ({"dataset_fingerprint": "f" * 64}, "spec.dataset_fingerprint", "the latest is"),
        ({"symbols": []}, "spec.symbols", "at least 1"),
        ({"symbols": ["GOOG", "GOOG"]}, "spec.symbols", "repeat: GOOG"),
        ({"symbols": ["GOOG", "TSLA"]}, "spec.symbols", "does not have TSLA"),
        ({"strategy": "cross_sectional_momentum", "parameters": {}, "symbols": ["GOOG"]}, "spec.symbols", "at least 2"),
        ({"symbols": [f"S{number}" for number in range(1_001)]}, "spec.symbols", "at most 1000"),
        ({"start_date": "2005-01-01"}, "spec.start_date", "nearest are 2004-12-31 and 2005-01-03"),
        ({"start_date": "1999-01-04"}, "spec.start_date", "from 2000-03-01 to 2013-03-01"),
        ({"end_date": "2014-01-02"}, "spec.end_date", "from 2000-03-01 to 2013-03-01"),
        ({"start_date": "03.01.2005"}, "spec.start_date", "ISO date"),
        ({"start_date": "20050103"}, "spec.start_date", "ISO date"),
        ({"end_date": "2005-02-30"}, "spec.end_date", "ISO date"),
        ({"end_date": "2004-12-31"}, "spec.end_date", "before start_date"),
        ({"start_date": "2004-08-19"}, "spec.start_date", "GOOG has bars from 2004-08-19 on and sma_crossover needs 29 sessions"),
        ({"start_date": "2004-01-02"}, "spec.start_date", "GOOG has bars from 2004-08-19"),
        ({"interval": "5m"}, "spec.interval", "1d"),
        ({"capital_base": 0}, "spec.capital_base", "above 0"),
        ({"capital_base": "NaN"}, "spec.capital_base", "above 0"),
        ({"capital_base": "Infinity"}, "spec.capital_base", "at most"),
        ({"capital_base": 100}, "spec.capital_base", "GOOG, costs 202.71"),
        ({"seed": -1}, "spec.seed", "0 or more"),
        ({"timeout_seconds": LIMIT + 1}, "spec.timeout_seconds", str(LIMIT)),
        ({"timeout_seconds": -1}, "spec.timeout_seconds", "from 1"),
        ({"benchmark_symbol": "SPX"}, "spec.benchmark_symbol", "does not have SPX"),
        ({"benchmark_symbol": "FB"}, "spec.benchmark_symbol", "from 2012-05-18"),
        ({"parameters": {"fast": 0}}, "spec.parameters.fast", "greater than or equal to 1"),
        ({"parameters": {"fast": 2.5}}, "spec.parameters.fast", "integer"),
        ({"parameters": {"fast": 30, "slow": 10}}, "spec.parameters", "must be below slow"),
        ({"parameters": {"quick": 1}}, "spec.parameters.quick", "not permitted"),
        ({"slippage": {"volume_share": {"volume_limit": 0}}}, "spec.slippage.volume_share.volume_limit", "above 0"),
        ({"slippage": {"fixed_basis_points": {"basis_points": -1}}}, "spec.slippage.fixed_basis_points.basis_points", "0 or more"),
        ({"commission": {"per_dollar": {"cost": "NaN"}}}, "spec.commission.per_dollar.cost", "0 or more"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    make_plan: Callable[[run_pb2.RunSpec], Plan], changes: dict[str, object], field: str, words: str
) -> None:
    found = violations(make_plan, **changes)
    assert words in found[field]


def test_a_number_in_the_parameters_that_is_none_is_refused(make_plan: Callable[[run_pb2.RunSpec], Plan]) -> None:
    wrong = spec()
    wrong.parameters["fast"] = float("nan")
    with pytest.raises(errors.InvalidArgument, match="finite"):
        make_plan(wrong)


def test_all_that_is_wrong_is_said_at_once(make_plan: Callable[[run_pb2.RunSpec], Plan]) -> None:
    found = violations(make_plan, symbols=["NOPE"], start_date="soon", capital_base=-1, interval="1h", seed=-5, parameters={"fast": "x"})
    assert set(found) == {
        "spec.symbols",
        "spec.start_date",
        "spec.capital_base",
        "spec.interval",
        "spec.seed",
        "spec.parameters.fast",
    }


def test_a_strategy_without_warm_up_may_start_on_the_first_bar(make_plan: Callable[[run_pb2.RunSpec], Plan]) -> None:
    assert make_plan(spec(strategy="buy_and_hold", parameters={}, start_date="2004-08-19")).session_count == 2107


def test_the_spec_digest_covers_what_determines_the_result_and_nothing_else(make_plan: Callable[[run_pb2.RunSpec], Plan]) -> None:
    reference = spec_digest(make_plan(spec()))
    assert spec_digest(make_plan(spec(timeout_seconds=5))) == reference
    assert spec_digest(make_plan(spec(parameters={"slow": 30, "fast": 10}))) == reference
    assert spec_digest(make_plan(spec(capital_base=100_000, interval="1d"))) == reference
    changes: list[dict[str, object]] = [
        {"seed": 1},
        {"symbols": ["IBM"]},
        {"end_date": "2012-12-28"},
        {"capital_base": 100_001},
        {"parameters": {"fast": 11, "slow": 30}},
        {"slippage": {"none": {}}},
        {"benchmark_symbol": "IBM"},
    ]
    digests = {spec_digest(make_plan(spec(**change))) for change in changes}
    assert len(digests | {reference}) == len(changes) + 1


def request(**changes: object) -> engine_service_pb2.RunBacktestRequest:
    return json_format.ParseDict({"spec": {}} | changes, engine_service_pb2.RunBacktestRequest())


def test_a_request_without_trouble_passes() -> None:
    check_request(request(request_id="x" * 128, labels={"team": "α 🙂"}, if_store_unavailable="IF_STORE_UNAVAILABLE_FAIL"))


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (engine_service_pb2.RunBacktestRequest(), ["spec"]),
        (request(request_id="x" * 129), ["request_id"]),
        (request(if_store_unavailable=99, duplicate_policy=99), ["if_store_unavailable", "duplicate_policy"]),
        (request(labels={"": "x"}), ["labels"]),
        (request(labels={"k" * 64: "x", "k": "v" * 256}), ["labels", "labels"]),
        (request(labels={str(number): "" for number in range(65)}), ["labels"]),
        (request(labels={"k": "a\0b"}), ["labels"]),
        (request(spec={"symbols": ["A", "B\0"], "parameters": {"a\0": 1, "b": {"c": ["x\0"]}}}), ["spec.symbols", "spec.parameters"]),
        (request(spec={"parameters": {"text": "x" * 2**20}}), ["spec"]),
    ],
)
def test_what_surrounds_the_spec_is_checked(asked: engine_service_pb2.RunBacktestRequest, fields: list[str]) -> None:
    with pytest.raises(errors.InvalidArgument) as raised:
        check_request(asked)
    named = [violation.field for violation in raised.value.violations]
    assert [next(found for found in named if found.startswith(field)) for field in fields]
    assert len(named) >= len(fields)


@pytest.mark.parametrize("date", ["2005-W01-1", "20050103", "2005-1-3", "2005-01-03T00:00", "0005-01-03x"])
def test_only_one_way_to_write_a_date_is_taken(make_plan: Callable[[run_pb2.RunSpec], Plan], date: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        make_plan(spec(start_date=date))
    assert [violation.field for violation in refused.value.violations] == ["spec.start_date"]


def test_very_many_symbols_are_refused_without_much_ado(make_plan: Callable[[run_pb2.RunSpec], Plan]) -> None:
    """As many as a request has room for: comparing each with every other one would take hours."""
    with pytest.raises(errors.InvalidArgument, match="must be at most"):
        make_plan(spec(symbols=["GOOG", "IBM"] * 100_000))
