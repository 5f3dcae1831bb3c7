"""What a run keeps of its sessions until its end."""

from __future__ import annotations

import math

import pytest

from engine_service.datasets import Dataset
from engine_service.ledger import Ledger, Undefined
from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2
from tests.fix_datasets import MakeDataset, xnys_sessions

CAPITAL = 1_000.0
DATES = [int(day.replace("-", "")) for day in xnys_sessions("2020-01-02", 5)]


@pytest.fixture
def dataset(make_dataset: MakeDataset) -> Dataset:
    return make_dataset({"AAA": [10.0, 11.0, 12.0, 11.0, 12.0]})


def facts(place: int, value: float, quantity: int = 0, *, held: bool = False, cash: float = 500.0) -> SessionFacts:
    fills = [run_pb2.Fill(session_date=DATES[place], symbol="AAA", quantity=quantity, price=10.0 + place)] if quantity else []
    return SessionFacts(DATES[place], value, cash, fills, [], [], [], [10.0] if held else [])


def filled(*sessions: SessionFacts) -> Ledger:
    ledger = Ledger()
    for session in sessions:
        ledger.add(session)
    return ledger


def spec(benchmark: str = "") -> run_pb2.RunSpec:
    return run_pb2.RunSpec(capital_base=CAPITAL, benchmark_symbol=benchmark)


def test_a_run_is_summed_up(dataset: Dataset) -> None:
    ledger = filled(facts(0, 1_000, 10, held=True), facts(1, 1_010, held=True), facts(2, 1_020, -10))
    finished = ledger.finish(spec(), dataset)
    assert finished.state == run_pb2.RUN_STATE_SUCCEEDED
    assert [(trip.quantity, trip.pnl) for trip in finished.round_trips] == [(10, 20)]
    metrics = finished.metrics
    assert (metrics.trades_total, metrics.trades_won, metrics.open_positions) == (1, 1, 0)
    assert (metrics.final_portfolio_value, metrics.pnl) == (1_020, 20)
    assert metrics.exposure == pytest.approx(2 / 3)
    assert not metrics.HasField("beta")


def test_what_is_still_held_at_the_end_is_counted_as_open_and_not_as_a_trade(dataset: Dataset) -> None:
    metrics = filled(facts(0, 1_000, 10, held=True)).finish(spec(), dataset).metrics
    assert (metrics.trades_total, metrics.open_positions, metrics.exposure) == (0, 1, 1)


def test_the_digest_is_that_of_the_ledger(dataset: Dataset) -> None:
    sessions = [facts(0, 1_000, 10, held=True), facts(1, 1_010, held=True)]
    digest = filled(*sessions).finish(spec(), dataset).result_digest
    assert digest == filled(*sessions).finish(spec(), dataset).result_digest
    assert digest != filled(sessions[0], facts(1, math.nextafter(1_010, 2_000), held=True)).finish(spec(), dataset).result_digest


@pytest.mark.parametrize("first", [0, 1])
def test_a_run_that_moves_with_its_benchmark_has_a_beta_of_one(dataset: Dataset, first: int) -> None:
    """Also when the dataset has no session before the first one."""
    closes = dataset.adjusted("close", "AAA")
    sessions = [facts(place, CAPITAL * closes[place] / closes[max(first - 1, 0)]) for place in range(first, 5)]
    metrics = filled(*sessions).finish(spec("AAA"), dataset).metrics
    assert metrics.beta == pytest.approx(1)


@pytest.mark.parametrize(("value", "cash"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, -math.inf)])
def test_a_value_that_is_no_number_ends_the_run_with_its_session(value: float, cash: float) -> None:
    ledger = filled(facts(0, 1_000))
    with pytest.raises(Undefined, match="2020-01-03"):
        ledger.add(facts(1, value, cash=cash))
    assert (ledger.session_count, ledger.last_session_date) == (1, "2020-01-02")


def test_before_the_first_session_there_is_no_last_one() -> None:
    assert (Ledger().session_count, Ledger().last_session_date) == (0, "")
