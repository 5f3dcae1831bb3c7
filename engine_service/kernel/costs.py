"""Slippage and commission of a spec as numbers that compiled code takes."""

from __future__ import annotations

from typing import NamedTuple

from tapedeck.v1 import run_pb2

NO_SLIPPAGE, FIXED_BASIS_POINTS, VOLUME_SHARE = 0, 1, 2
PER_SHARE, PER_TRADE, PER_DOLLAR = 0, 1, 2


class Costs(NamedTuple):
    """What trading costs. Made in Python only: see `exponent`."""

    slippage: int
    """NO_SLIPPAGE, FIXED_BASIS_POINTS or VOLUME_SHARE."""
    volume_limit: float
    """Share of a bar's volume that orders may fill."""
    spread: float
    """FIXED_BASIS_POINTS: what is added to or taken off a price, relative to it."""
    price_impact: float
    """VOLUME_SHARE: the price moves by this times the squared share of the volume, relative to it."""
    exponent: float
    """2.0. A literal in compiled code becomes x * x, which is not what libm's pow gives for every x; zipline's `**` is libm's."""
    commission: int
    """PER_SHARE, PER_TRADE or PER_DOLLAR."""
    commission_rate: float
    """Cost of a unit, of a trade, or of a unit of currency that is traded."""
    minimum_commission: float
    """PER_SHARE: least cost of an order."""


def costs_of(slippage: run_pb2.Slippage, commission: run_pb2.Commission) -> Costs:
    """The costs of a spec whose defaults are filled in; a model that is not set counts as zipline's default kind."""
    kind, limit, spread, impact = FIXED_BASIS_POINTS, 0.0, 0.0, 0.0
    chosen = slippage.WhichOneof("model")
    if chosen == "none":
        kind = NO_SLIPPAGE
    elif chosen == "volume_share":
        kind, limit, impact = VOLUME_SHARE, slippage.volume_share.volume_limit, slippage.volume_share.price_impact
    else:
        limit, spread = slippage.fixed_basis_points.volume_limit, slippage.fixed_basis_points.basis_points / 10_000.0
    charge, rate, minimum = PER_SHARE, commission.per_share.cost, commission.per_share.minimum_cost
    chosen = commission.WhichOneof("model")
    if chosen == "per_trade":
        charge, rate, minimum = PER_TRADE, commission.per_trade.cost, 0.0
    elif chosen == "per_dollar":
        charge, rate, minimum = PER_DOLLAR, commission.per_dollar.cost, 0.0
    return Costs(kind, limit, spread, impact, 2.0, charge, rate, minimum)
