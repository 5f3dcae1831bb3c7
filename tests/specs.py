"""Complete specs for tests of what executes them, as `run_spec` would fill them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.datasets import Dataset
from engine_service.strategies import Bars, Strategy
from tapedeck.v1 import run_pb2


def complete_spec(
    dataset: Dataset,
    strategy: str,
    symbols: Sequence[str],
    start_date: str,
    end_date: str,
    parameters: Mapping[str, float] | None = None,
    *,
    slippage: run_pb2.Slippage | None = None,
    commission: run_pb2.Commission | None = None,
    capital_base: float = 100_000.0,
) -> run_pb2.RunSpec:
    """A spec with zipline's default costs, unless it is given others."""
    spec = run_pb2.RunSpec(
        strategy=strategy,
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        symbols=symbols,
        start_date=start_date,
        end_date=end_date,
        interval="1d",
        capital_base=capital_base,
        slippage=slippage or fixed_basis_points(),
        commission=commission or per_share(),
        seed=0,
    )
    spec.parameters.update(parameters or {})
    return spec


def fixed_basis_points(basis_points: float = 5.0, volume_limit: float = 0.1) -> run_pb2.Slippage:
    return run_pb2.Slippage(fixed_basis_points=run_pb2.FixedBasisPointsSlippage(basis_points=basis_points, volume_limit=volume_limit))


def per_share(cost: float = 0.001, minimum_cost: float = 0.0) -> run_pb2.Commission:
    return run_pb2.Commission(per_share=run_pb2.PerShareCommission(cost=cost, minimum_cost=minimum_cost))


class NoParameters(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


def scripted(decisions: NDArray[np.float64]) -> Strategy:
    """A strategy that decides what is written down [sessions of the dataset x symbols]."""

    def signals(bars: Bars, _parameters: NoParameters) -> NDArray[np.float64]:
        return decisions[: len(bars.sessions)]

    return Strategy("scripted", "test", "Decides what is written down.", NoParameters, signals=signals)
