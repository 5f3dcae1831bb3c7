"""Strategies: what each is made of, and which may run.

A strategy is a module here, or one of an installed distribution that declares it under the entry-point group "tapedeck.strategies" and that
the operator allows by name. It comes in one of two forms:

signals(bars, parameters) -> target weights, float64 [sessions x symbols]. NaN means no decision; anything else orders, at that session's
close, that the symbol should make up this share of the portfolio's value (it fills on a later bar). `bars` always starts at the dataset's
first bar, whatever the run's start_date, so a later start changes no bit of a signal. What was decided before the run starts is not traded,
but the latest decision of each symbol is entered on the first session. Decisions must not change when later bars arrive (`look_ahead`).

algorithm(parameters) -> an object with initialize(context) and handle_data(context, data), zipline's event-driven form. The symbols of the
run, in its order, are context.assets. Call methods of context, never functions of zipline.api.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from typing import Any, Protocol

import numpy as np
import pydantic
from numpy.typing import NDArray

ENTRY_POINTS = "tapedeck.strategies"
"""Entry-point group of plug-ins: `name = "package.module:STRATEGY"`."""


class Parameters(pydantic.BaseModel):
    """Parameters of a strategy: typed, with bounds, a default and a description for each; unknown ones are refused."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


ParameterModel = type[pydantic.BaseModel]


class StrategyFailed(Exception):
    """A strategy raised something, or returned what no strategy may."""

    def __init__(self, message: str, session_date: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.session_date = session_date
        """The session in which it happened, as an ISO date; empty outside any session."""

    @classmethod
    def of(cls, error: Exception, session_date: str = "") -> StrategyFailed:
        """The failure that an exception of strategy code means."""
        return cls(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__, session_date)


@dataclass(frozen=True, slots=True)
class Bars:
    """Forward-adjusted bars from the dataset's first session on: of each field a contiguous array [sessions] per symbol, NaN where no bar.

    Forward-adjusted: as traded, times the factor of the splits and dividends since the first bar, so later bars never change them.
    """

    symbols: tuple[str, ...]
    sessions: NDArray[np.int32]
    """Session dates as yyyymmdd."""
    open: tuple[NDArray[np.float64], ...]
    high: tuple[NDArray[np.float64], ...]
    low: tuple[NDArray[np.float64], ...]
    close: tuple[NDArray[np.float64], ...]
    volume: tuple[NDArray[np.float64], ...]

    def until(self, session_count: int) -> Bars:
        """The first sessions only, as if nothing later had happened yet."""
        fields = {name: tuple(one[:session_count] for one in getattr(self, name)) for name in ("open", "high", "low", "close", "volume")}
        return replace(self, sessions=self.sessions[:session_count], **fields)


class Algorithm(Protocol):
    """zipline's event-driven form."""

    def initialize(self, context: Any) -> None:
        """Called once, before the first session."""

    def handle_data(self, context: Any, data: Any) -> None:
        """Called at every session's close."""


def no_warm_up(_parameters: Any) -> int:
    """The first bar is enough for a decision."""
    return 0


@dataclass(frozen=True)
class Strategy:
    """A strategy and everything callers are told about it."""

    name: str
    type: str
    """Its kind, such as "trend"."""
    doc: str
    """What it does, in one or two sentences."""
    parameters: ParameterModel
    """Frozen, extra parameters forbidden; defined in the strategy's module."""
    signals: Callable[[Bars, Any], NDArray[np.float64]] | None = None
    algorithm: Callable[[Any], Algorithm] | None = None
    warm_up: Callable[[Any], int] = no_warm_up
    """parameters -> sessions of history that must lie before the first one that is traded."""
    minimum_symbols: int = 1
    version: str = ""
    """Version of the distribution that holds it; filled in by `load_strategies`."""

    def __post_init__(self) -> None:
        if (self.signals is None) == (self.algorithm is None):
            raise ValueError(f"strategy {self.name} must have either signals or an algorithm")

    @property
    def import_path(self) -> str:
        """The module that defines it."""
        return self.parameters.__module__

    @cached_property
    def source_code(self) -> str:
        """The source of that module and of those beside it that it uses, directly or not, in the order of their names."""
        beside = self.import_path.rpartition(".")[0] + "."
        used, found = {self.import_path}, [self.import_path]
        while found:
            named = {str(getattr(value, "__module__", "")) for value in vars(sys.modules[found.pop()]).values()}
            new = {name for name in named - used if name.startswith(beside)}
            used |= new
            found += new
        return "".join(inspect.getsource(sys.modules[name]) for name in sorted(used))

    @cached_property
    def source_digest(self) -> str:
        """SHA-256 of `source_code`, as hexadecimal digits."""
        return hashlib.sha256(self.source_code.encode()).hexdigest()


def load_strategies(allowed_plugins: Collection[str] = ()) -> dict[str, Strategy]:
    """The built-in strategies and the allowed plug-ins, by name.

    Args:
        allowed_plugins: Names of entry points that may run.

    Raises:
        RuntimeError: a plug-in is not installed, can't be imported, is no Strategy or takes the name of another one.
    """
    strategies = {strategy.name: strategy for strategy in _built_in()}
    installed = metadata.entry_points(group=ENTRY_POINTS) if allowed_plugins else ()
    found = {point.name: point for point in installed}
    for name in sorted(allowed_plugins):
        if name not in found:
            raise RuntimeError(f"no strategy plug-in is called {name}; installed are: {', '.join(sorted(found)) or 'none'}")
        if name in strategies:
            raise RuntimeError(f"the strategy plug-in {name} has the name of a built-in strategy")
        strategies[name] = _load(found[name])
    return strategies


def _built_in() -> list[Strategy]:
    from engine_service.strategies import (
        bollinger_bands,
        buy_and_hold,
        cross_sectional_momentum,
        momentum,
        rsi_mean_reversion,
        rule_stack,
        sma_crossover,
    )

    modules = (buy_and_hold, sma_crossover, rsi_mean_reversion, momentum, bollinger_bands, cross_sectional_momentum, rule_stack)
    version = metadata.version("tapedeck")
    return [replace(module.STRATEGY, version=version) for module in modules]


def _load(point: metadata.EntryPoint) -> Strategy:
    try:
        strategy = point.load()
    except Exception as error:
        raise RuntimeError(f"the strategy plug-in {point.name} can't be imported: {type(error).__name__}: {error}") from error
    if not isinstance(strategy, Strategy):
        raise RuntimeError(  # noqa: TRY004 - whoever starts the service catches one type
            f"the strategy plug-in {point.name} is no Strategy but {type(strategy).__name__}"
        )
    return replace(strategy, name=point.name, version=point.dist.version if point.dist else "")
