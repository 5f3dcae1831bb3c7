"""What runs decide, one after the other: as long as it may be, and the same whatever ran before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.strategies import Bars, Strategy
from engine_service.sweeps.deciding import decide
from engine_service.sweeps.ground import Ground, open_ground
from tapedeck.v1 import run_pb2
from tests.specs import NoParameters, complete_spec

Signals = Callable[[Bars, Any], Any]


@pytest.fixture(scope="module")
def ground(wiki: Dataset) -> Ground:
    return open_ground(complete_spec(wiki, "scripted", ["GOOG", "IBM"], "2006-01-03", "2006-01-31"), wiki)


def decided(
    ground: Ground, signals: Signals, runs: int = 1, seed: int | None = None
) -> tuple[list[list[float]], dict[int, run_pb2.RunError]]:
    """The weights of each run, and what failed."""
    failures: dict[int, run_pb2.RunError] = {}
    strategy = Strategy("scripted", "test", "Decides what it is told.", NoParameters, signals=signals)
    decisions, ends = decide(strategy, ground, [NoParameters()] * runs, failures, seed=seed, timeout_seconds=60)
    return [part.tolist() for part in np.split(decisions.weight[: ends[-1]], ends[:-1])], failures


def everything(bars: Bars, _parameters: NoParameters) -> NDArray[np.float64]:
    return np.full((len(bars.sessions), len(bars.symbols)), 0.25)


def raises(_bars: Bars, _parameters: NoParameters) -> NDArray[np.float64]:
    raise ZeroDivisionError


def test_there_is_room_for_a_decision_in_every_session_of_every_run(ground: Ground) -> None:
    weights, failures = decided(ground, everything, runs=50)
    assert failures == {}
    assert weights == [[0.25] * ground.market.price.size] * 50


@pytest.mark.parametrize(
    "unusual",
    [
        lambda bars, parameters: everything(bars, parameters).astype(np.float32),
        lambda bars, parameters: np.asfortranarray(everything(bars, parameters)),
        lambda bars, parameters: everything(bars, parameters).tolist(),
    ],
)
def test_signals_of_any_kind_decide_the_same(ground: Ground, unusual: Signals) -> None:
    assert decided(ground, unusual) == decided(ground, everything)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda bars, parameters: everything(bars, parameters)[1:], "shape"),
        (lambda bars, parameters: everything(bars, parameters) * np.inf, "finite"),
        (lambda bars, parameters: np.where(np.arange(len(bars.sessions))[:, None] == 5, np.inf, everything(bars, parameters)), "finite"),
        (raises, "ZeroDivisionError"),
    ],
)
def test_signals_that_no_strategy_may_have_fail_the_run_and_no_other(ground: Ground, wrong: Signals, text: str) -> None:
    turns = iter([everything, wrong, everything])

    def in_turns(bars: Bars, parameters: NoParameters) -> Any:
        return next(turns)(bars, parameters)

    weights, failures = decided(ground, in_turns, runs=3)
    assert list(failures) == [1]
    assert failures[1].reason == "STRATEGY_FAILED"
    assert text in failures[1].message
    assert weights[1] == []
    assert weights[0] == weights[2] != []


def test_every_run_draws_the_same_random_numbers(ground: Ground) -> None:
    def draws(bars: Bars, _parameters: NoParameters) -> NDArray[np.float64]:
        return np.random.random((len(bars.sessions), len(bars.symbols)))

    weights, _ = decided(ground, draws, runs=2, seed=3)
    assert weights[0] == weights[1]
