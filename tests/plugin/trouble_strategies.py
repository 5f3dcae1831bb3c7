"""Strategies that go wrong in every way a strategy can, installed as a plug-in would be."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from engine_service.strategies import Bars, Parameters, Strategy


class Weight(Parameters):
    weight: float = pydantic.Field(default=0.5, gt=0, le=1, description="Share of the portfolio's value in the first symbol.")


class InSession(Weight):
    session_number: int = pydantic.Field(default=1, ge=1, description="In which session of the run it goes wrong, counted from 1.")


class Pace(Weight):
    seconds_per_session: float = pydantic.Field(default=0.05, ge=0, le=10, description="How long each session takes.")


class Holder:
    """Buys the first symbol on the first session; what else happens is up to its children."""

    def __init__(self, parameters: Any) -> None:
        self.parameters = parameters
        self.session_number = 0

    def initialize(self, context: Any) -> None:
        context.asset = context.assets[0]

    def handle_data(self, context: Any, _data: Any) -> None:
        self.session_number += 1
        if self.session_number == 1:
            context.order_target_percent(context.asset, self.parameters.weight)
        if self.session_number == getattr(self.parameters, "session_number", self.session_number):
            self.go_wrong()

    def go_wrong(self) -> None:
        raise NotImplementedError


class RaisesInSession(Holder):
    def go_wrong(self) -> None:
        raise ArithmeticError("the strategy had a bad day")


class Slow(Holder):
    def go_wrong(self) -> None:
        time.sleep(self.parameters.seconds_per_session)


class Endless(Holder):
    def go_wrong(self) -> None:
        sum(range(10**18))  # in C, where no signal handler runs


class EatsMemory(Holder):
    eaten: tuple[NDArray[np.float64], ...] = ()

    def go_wrong(self) -> None:
        self.eaten = (*self.eaten, np.ones(1 << 24))


class Swallows(Holder):
    def go_wrong(self) -> None:
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(0.01)


def raises(_bars: Bars, _parameters: Weight) -> NDArray[np.float64]:
    raise KeyError("no such indicator")


def peeks(bars: Bars, parameters: Weight) -> NDArray[np.float64]:
    """Buys whatever rises tomorrow."""
    columns = [np.where(np.append(close[1:] > close[:-1], False), parameters.weight, 0.0) for close in bars.close]
    return np.column_stack(columns)


RAISES_IN_SESSION = Strategy("", "trouble", "Raises in one session.", InSession, algorithm=RaisesInSession)
RAISES_IN_SIGNALS = Strategy("", "trouble", "Raises while it computes signals.", Weight, signals=raises)
PEEKS = Strategy("", "trouble", "Buys what rises tomorrow.", Weight, signals=peeks)
SLOW = Strategy("", "trouble", "Takes its time in every session.", Pace, algorithm=Slow)
ENDLESS = Strategy("", "trouble", "Computes for ever, out of reach of signal handlers.", InSession, algorithm=Endless)
EATS_MEMORY = Strategy("", "trouble", "Keeps 128 MiB more in every session.", Weight, algorithm=EatsMemory)
SWALLOWS = Strategy("", "trouble", "Ignores every interruption.", InSession, algorithm=Swallows)
NO_STRATEGY = "not a strategy"
