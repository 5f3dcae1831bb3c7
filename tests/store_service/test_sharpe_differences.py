"""Whether a difference between Sharpe ratios is more than noise; the oracle is the bootstrap of the `arch` library."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from numpy.typing import NDArray

from store_service.sharpe_differences import (
    CONFIDENCE,
    MIN_RETURNS,
    RESAMPLES,
    SEED,
    compare_sharpe_ratios,
    mean_block_length,
    resamples,
    sharpe_ratios,
)
from tapedeck.v1 import store_service_pb2

Array = NDArray[np.float64]


def noise(sessions: int, *means: float) -> Array:
    """Session returns [sessions x runs] that share much of their noise, as runs on one market do."""
    generator = np.random.default_rng(5)
    shared = generator.normal(0.0, 0.01, (sessions, 1))
    return np.array(means) + shared + generator.normal(0.0, 0.004, (sessions, len(means)))


def curves_of(returns: Array) -> store_service_pb2.AlignedCurves:
    values = 100_000.0 * np.vstack([np.ones(returns.shape[1]), np.cumprod(1.0 + returns, axis=0)])
    curves = [store_service_pb2.Curve(run_id=f"run {place}", portfolio_values=column) for place, column in enumerate(values.T)]
    return store_service_pb2.AlignedCurves(session_dates=range(len(values)), curves=curves)


@pytest.mark.parametrize(("sessions", "block"), [(10, 3), (252, 7), (300, 1)])
def test_sessions_are_drawn_as_the_oracle_draws_them(sessions: int, block: int) -> None:
    oracle = StationaryBootstrap(block, np.arange(sessions), seed=SEED)
    theirs = [arguments[0] for arguments, _ in oracle.bootstrap(20)]
    assert np.array_equal(list(resamples(sessions, block, count=20)), theirs)


def test_the_interval_is_the_oracles() -> None:
    returns = noise(500, 0.0008, 0.0003)
    compared = compare_sharpe_ratios(curves_of(returns))

    def difference(drawn: Array) -> Array:
        return -np.diff(sharpe_ratios(drawn))

    oracle = StationaryBootstrap(compared.mean_block_sessions, returns, seed=SEED)
    low, high = oracle.conf_int(difference, RESAMPLES, method="percentile", size=CONFIDENCE).ravel()
    (found,) = compared.differences
    assert (found.difference, found.lowest, found.highest) == pytest.approx((*difference(returns), low, high), rel=1e-9)
    assert (compared.return_count, compared.resample_count, compared.confidence) == (500, RESAMPLES, CONFIDENCE)
    assert compared.mean_block_sessions == mean_block_length(500) == 8


def test_a_run_that_is_clearly_better_is_told_from_one_that_is_lucky() -> None:
    compared = compare_sharpe_ratios(curves_of(noise(1_000, 0.0010, 0.0009, -0.0010)))
    assert compared.best_run_id == "run 0"
    assert {each.run_id: each.is_more_than_noise for each in compared.differences} == {"run 1": False, "run 2": True}


def test_the_same_runs_have_the_same_answer() -> None:
    curves = curves_of(noise(100, 0.001, 0.0))
    assert compare_sharpe_ratios(curves) == compare_sharpe_ratios(curves)


def test_equal_runs_differ_by_nothing() -> None:
    returns = noise(100, 0.001)
    (found,) = compare_sharpe_ratios(curves_of(np.hstack([returns, returns]))).differences
    assert (found.difference, found.lowest, found.highest, found.is_more_than_noise) == (0.0, 0.0, 0.0, False)


@pytest.mark.parametrize("never_defined", [np.zeros(100), np.full(100, -1.5)], ids=["cash alone", "ruined"])
def test_a_run_without_a_sharpe_ratio_has_no_difference(never_defined: Array) -> None:
    (found,) = compare_sharpe_ratios(curves_of(np.column_stack([noise(100, 0.001), never_defined]))).differences
    assert (found.run_id, found.HasField("difference"), found.is_more_than_noise) == ("run 1", False, False)


def test_what_can_not_be_compared_says_why() -> None:
    assert compare_sharpe_ratios(curves_of(noise(100, 0.001))).note == "fewer than two of the runs succeeded"
    few = compare_sharpe_ratios(curves_of(noise(MIN_RETURNS - 1, 0.001, 0.0)))
    assert few.note == f"the runs have {MIN_RETURNS - 1} session returns in common; {MIN_RETURNS} are needed"
    assert compare_sharpe_ratios(curves_of(np.zeros((100, 2)))).note == "none of the runs has a Sharpe ratio on the sessions in common"
    nothing_in_common = store_service_pb2.AlignedCurves(curves=[store_service_pb2.Curve(run_id="a"), store_service_pb2.Curve(run_id="b")])
    assert "have 0 session returns in common" in compare_sharpe_ratios(nothing_in_common).note
