"""round(x, 2) as CPython does it."""

from __future__ import annotations

import numpy as np

from engine_service.kernel.compilation import inlined

SPLITTER = 134_217_729.0
"""2**27 + 1: cuts a float64 into two halves whose products are exact (Veltkamp)."""

COARSER_THAN_CENTS = 2.0**46
"""From here on neighbouring float64 are more than a cent apart, so each is its own nearest cent; below, 100 x is below 2**53."""


@inlined
def round_cents(x: float) -> float:
    """The float64 nearest to the multiple of 0.01 that is nearest to the exact value of x, ties to even (CPython's Objects/floatobject.c).

    rint(x * 100) / 100 is wrong where the product is rounded onto a tie; the rounding error of the product (Dekker 1971) tells them apart.
    """
    if not abs(x) < COARSER_THAN_CENTS:
        return x
    scaled = x * 100.0
    high = SPLITTER * x - (SPLITTER * x - x)
    error = (high * 100.0 - scaled) + (x - high) * 100.0
    nearest = np.rint(scaled)
    if scaled - nearest == 0.5 and error > 0.0:
        nearest += 1.0
    elif scaled - nearest == -0.5 and error < 0.0:
        nearest -= 1.0
    return float(nearest / 100.0)
