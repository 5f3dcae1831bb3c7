from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.kernel.buffers import BEYOND_PRECISION, DONE, INFINITE, NOT_A_NUMBER, TOO_MANY_UNITS, Buffers, grown, make_buffers
from engine_service.kernel.costs import Costs, costs_of
from engine_service.kernel.market import EVENT, Decisions, Market, open_market
from engine_service.kernel.measuring import Outcome, gather, measure_run
from tapedeck.v1 import run_pb2
from tests.specs import fixed_basis_points, per_share

FREE = costs_of(run_pb2.Slippage(none=run_pb2.NoSlippage()), per_share(0.0))
SCARCE = costs_of(fixed_basis_points(5.0, 0.01), per_share(0.01, 1.0))


def decided(targets: NDArray[np.float64]) -> tuple[Decisions, int]:
    decisions = Decisions(np.empty(targets.size, np.int64), np.empty(targets.size, np.int64), np.empty(targets.size))
    return decisions, gather(targets, decisions)


def flat_market(price: float, sessions: int = 4) -> Market:
    none = np.empty(0, EVENT)
    return Market(np.full((1, sessions), price), np.full((1, sessions), 1e15), np.full(1, sessions - 1), np.full(1, sessions), none)


def run(market: Market, costs: Costs, capital_base: float, targets: NDArray[np.float64]) -> tuple[Outcome, Buffers]:
    outcome: tuple[Outcome, Buffers] = measure_run(market, costs, capital_base, *decided(targets), make_buffers(market))
    return outcome


def test_dense_targets_become_decisions_by_session_then_by_symbol() -> None:
    nan = float("nan")
    decisions, count = decided(np.array([[nan, 0.5], [nan, nan], [0.0, -0.25]]))
    assert count == 3
    assert decisions.row[:count].tolist() == [0, 2, 2]
    assert decisions.column[:count].tolist() == [1, 0, 1]
    assert decisions.weight[:count].tolist() == [0.5, 0.0, -0.25]


def test_buffers_that_are_too_short_grow_and_change_no_bit(wiki: Dataset) -> None:
    market = open_market(wiki, ["IBM", "AAPL"], 100, 500)
    targets = np.random.default_rng(1).uniform(-1, 1, (401, 2))
    buffers = make_buffers(market)
    outcome, longer = measure_run(market, SCARCE, 1e8, *decided(targets), buffers)
    assert outcome.status == DONE
    assert outcome.fills > len(buffers.fills)
    assert len(longer.fills) >= outcome.fills
    roomy = grown(grown(grown(grown(buffers))))
    again, same = measure_run(market, SCARCE, 1e8, *decided(targets), roomy)
    assert again == outcome
    assert same.fills is not longer.fills
    assert same.values.tobytes() == longer.values.tobytes()
    assert same.pnls[: again.round_trips].tobytes() == longer.pnls[: again.round_trips].tobytes()


def test_what_one_run_leaves_in_the_buffers_is_nothing_to_the_next(wiki: Dataset) -> None:
    market = open_market(wiki, ["IBM", "AAPL", "MSFT"], 100, 300)
    generator, buffers = np.random.default_rng(2), make_buffers(market)
    several = [generator.uniform(-1, 1, (201, 3)) for _ in range(3)]
    fresh = [run(market, SCARCE, 1e7, targets) for targets in several]
    for targets, (outcome, own) in zip([*several, *several], [*fresh, *fresh], strict=True):
        again, buffers = measure_run(market, SCARCE, 1e7, *decided(targets), buffers)
        assert again == outcome
        assert buffers.values.tobytes() == own.values.tobytes()


@pytest.mark.parametrize(
    ("price", "capital_base", "weight", "status"),
    [
        (1.0, 1e15, 0.5, TOO_MANY_UNITS),
        (1.0, 1e15, -0.5, DONE),
        (0.01, 1e15, -1.0, BEYOND_PRECISION),
        (1.0, 1e308, 1e10, INFINITE),
        (1.0, 1e308, -1e10, INFINITE),
        (float("nan"), 1e5, 0.5, NOT_A_NUMBER),
    ],
)
def test_a_run_says_why_it_ended_early(price: float, capital_base: float, weight: float, status: int) -> None:
    outcome, _ = run(flat_market(price), FREE, capital_base, np.array([[np.nan], [weight], [np.nan], [np.nan]]))
    assert (outcome.status, outcome.row) == (status, 4 if status == DONE else 1)


def test_units_that_pile_up_beyond_what_is_counted_end_a_run() -> None:
    market = flat_market(1.0)
    market.volume[0, 1] = 0.0  # both orders fill on the third session
    outcome, _ = run(market, FREE, 8e15, np.full((4, 1), -0.9))
    assert (outcome.status, outcome.row) == (BEYOND_PRECISION, 2)


def test_a_price_as_good_as_zero_says_no_quantity() -> None:
    outcome, _ = run(flat_market(1e-6), FREE, 1e5, np.full((4, 1), 0.5))
    assert (outcome.status, outcome.fills) == (DONE, 0)
