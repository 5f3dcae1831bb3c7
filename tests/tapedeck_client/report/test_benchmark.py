"""The benchmark's curve, as the engine simulates it."""

from __future__ import annotations

import pytest

from tapedeck.v1.run_pb2 import RunSpec
from tapedeck_client import TapedeckClient
from tapedeck_client.report.benchmark import CAPITAL, Benchmark, benchmark
from tapedeck_rpc import errors
from tests.tapedeck_client.services import ERROR, Engine, spec, story

SESSIONS = [20050103, 20050104, 20050105]


def compared(capital: float = 50_000.0) -> RunSpec:
    return spec(benchmark_symbol="IBM", dataset_fingerprint="abc", capital_base=capital)


def test_a_run_without_a_benchmark_or_without_sessions_asks_nothing(client: TapedeckClient, engine: Engine) -> None:
    assert benchmark(client, spec(), SESSIONS) is None
    assert benchmark(client, compared(), []) is None
    assert engine.requests == []


def test_the_benchmark_is_held_without_costs_on_the_data_of_the_run_and_not_saved(client: TapedeckClient, engine: Engine) -> None:
    found = benchmark(client, compared(), SESSIONS)
    (request,) = engine.requests
    assert not request.save
    asked = request.spec
    assert (asked.strategy, asked.symbols, asked.dataset, asked.dataset_fingerprint) == ("buy_and_hold", ["IBM"], "wiki", "abc")
    assert (asked.start_date, asked.end_date, asked.parameters["weight"]) == ("2005-01-03", "2005-01-07", 1)
    assert asked.slippage.HasField("none")
    assert asked.commission.per_trade.cost == 0
    assert found is not None
    assert (found.symbol, found.problem) == ("IBM", "")
    assert found.values == pytest.approx([value * 50_000 / CAPITAL for value in (100_000, 101_000, 100_000)])


def test_sessions_that_the_benchmark_does_not_have_are_a_reason(client: TapedeckClient) -> None:
    assert benchmark(client, compared(), [*SESSIONS, 20991231]) == Benchmark("IBM", [], "it has no value on some sessions of the run")


def test_an_engine_that_refuses_is_a_reason(client: TapedeckClient, engine: Engine) -> None:
    engine.plans = [(0, errors.FailedPrecondition("that version of the data is gone", reason="DATASET_GONE"))]
    assert benchmark(client, compared(), SESSIONS) == Benchmark("IBM", [], "that version of the data is gone")


def test_a_benchmark_that_fails_is_a_reason(client: TapedeckClient, engine: Engine) -> None:
    engine.events = story(error=ERROR)
    assert benchmark(client, compared(), SESSIONS) == Benchmark("IBM", [], "ValueError: bad bar")
