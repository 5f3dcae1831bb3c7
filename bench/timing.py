"""Seconds that calls take, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable

WARM_UP_ROUNDS = 50
"""Rounds that are not counted, in short measurements no more than are: prepared statements and caches."""

Call = Callable[[], object]


def in_turn(rounds: int, *calls: Call, warm_up_rounds: int = WARM_UP_ROUNDS) -> list[list[float]]:
    """Seconds that each of some calls took, one after the other, round by round."""
    seconds: list[list[float]] = [[] for _ in calls]
    for number in range(-min(warm_up_rounds, rounds), rounds):
        for call, spent in zip(calls, seconds, strict=True):
            before = time.perf_counter()
            call()
            if number >= 0:
                spent.append(time.perf_counter() - before)
    return seconds
