"""The single rules a spec must obey. Each adds what it finds to the problems; none stops at the first."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pydantic
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from engine_service.datasets import Dataset
from engine_service.session_facts import iso_date, session_of
from engine_service.strategies import Strategy
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors

MAX_SYMBOLS = 1_000
"""Symbols of one run: a session's rows of so many still fit into one message."""

MAX_CAPITAL_BASE = 1e15
"""Above it, cents fall below the precision of a double."""

MAX_LABELS = 64
MAX_LABEL_KEY_CHARS = 63
MAX_LABEL_VALUE_CHARS = 255
"""Labels are for finding runs, not for storing documents."""


class Problems:
    """Everything found wrong so far."""

    def __init__(self, prefix: str = "spec.") -> None:
        self._prefix = prefix
        self._found: list[errors.Violation] = []

    def add(self, field: str, description: str) -> None:
        """Note one violation."""
        self._found.append(errors.Violation(self._prefix + field, description))

    def extend(self, error: errors.InvalidArgument) -> None:
        """Note what others found, under the names they gave it."""
        self._found += error.violations

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_if_any(self, *, reason: str = "INVALID_REQUEST") -> None:
        """Raise InvalidArgument with all of them."""
        if self._found:
            raise errors.InvalidArgument(violations=self._found, reason=reason)


def check_numbers(spec: run_pb2.RunSpec, run_timeout_seconds: int, problems: Problems) -> None:
    """Capital, seed, time limit."""
    if not 0 < spec.capital_base <= MAX_CAPITAL_BASE:  # NaN compares false
        problems.add("capital_base", f"must be above 0 and at most {MAX_CAPITAL_BASE:g}, not {spec.capital_base:g}")
    if spec.seed < 0:
        problems.add("seed", f"must be 0 or more, not {spec.seed}")
    if not 0 < spec.timeout_seconds <= run_timeout_seconds:
        problems.add("timeout_seconds", f"must be from 1 to {run_timeout_seconds}, the engine's limit, not {spec.timeout_seconds}")


def check_costs(spec: run_pb2.RunSpec, problems: Problems) -> None:
    """Slippage and commission: finite and not negative, a volume limit above 0."""
    for kind, model in (("slippage", spec.slippage), ("commission", spec.commission)):
        chosen = str(model.WhichOneof("model"))
        for field, value in getattr(model, chosen).ListFields():
            least = "above 0" if field.name == "volume_limit" else "0 or more"
            if not math.isfinite(value) or value < 0 or (field.name == "volume_limit" and value == 0):
                problems.add(f"{kind}.{chosen}.{field.name}", f"must be a number {least}, not {value:g}")


def check_parameters(spec: run_pb2.RunSpec, strategy: Strategy, problems: Problems) -> pydantic.BaseModel | None:
    """Parse the parameters by the strategy's model and fill their defaults in; None when they are wrong."""
    try:
        given = json_format.MessageToDict(spec.parameters)
    except (ValueError, json_format.SerializeToJsonError):
        problems.add("parameters", "must hold finite numbers only")
        return None
    try:
        parameters = strategy.parameters.model_validate(given)
    except pydantic.ValidationError as error:
        for problem in error.errors(include_url=False, include_context=False):
            name = ".".join(["parameters", *map(str, problem["loc"])])
            problems.add(name, f"{problem['msg']}{_given(problem)}; ListStrategies describes the parameters of {strategy.name}")
        return None
    spec.parameters.Clear()
    spec.parameters.update(parameters.model_dump(mode="json"))
    return parameters


def _given(problem: Mapping[str, object]) -> str:
    value = problem["input"]
    return f", not {str(value)[:100]}" if isinstance(value, str | int | float | bool) else ""


def check_symbols(spec: run_pb2.RunSpec, strategy: Strategy | None, dataset: Dataset, problems: Problems) -> bool:
    """Symbols and benchmark are known, and as many as the strategy needs.

    Returns:
        Whether every symbol is known, so that dates can be checked against them.
    """
    known = {coverage.symbol for coverage in dataset.symbols}
    unknown = [symbol for symbol in dict.fromkeys(spec.symbols) if symbol not in known]
    least = strategy.minimum_symbols if strategy else 1
    if len(set(spec.symbols)) < least:
        problems.add("symbols", f"{spec.strategy} needs at least {least} different symbol{'s' if least > 1 else ''}")
    if len(spec.symbols) > MAX_SYMBOLS:
        problems.add("symbols", f"must be at most {MAX_SYMBOLS}")
    if len(set(spec.symbols)) < len(spec.symbols):
        repeated = sorted(symbol for symbol, count in Counter(spec.symbols).items() if count > 1)
        problems.add("symbols", "must not repeat: " + ", ".join(repeated[:10]))
    if unknown:
        problems.add("symbols", f"{dataset.name} does not have {', '.join(unknown[:10])}; it has: {', '.join(sorted(known)[:50])}")
    if spec.benchmark_symbol and spec.benchmark_symbol not in known:
        problems.add("benchmark_symbol", f"{dataset.name} does not have {spec.benchmark_symbol}; it has: {', '.join(sorted(known)[:50])}")
    return bool(spec.symbols) and not unknown


def check_dates(spec: run_pb2.RunSpec, dataset: Dataset, warm_up: int, problems: Problems, *, symbols_are_fine: bool) -> int:
    """Both dates are sessions, in order, covered by the bars of every symbol, with the strategy's warm-up before the first.

    Returns:
        Number of sessions from the first to the last; 0 when something is wrong.
    """
    sessions = dataset.sessions
    first = _session_row(sessions, spec.start_date, "start_date", problems)
    last = _session_row(sessions, spec.end_date, "end_date", problems)
    if first is None or last is None:
        return 0
    if last < first:
        problems.add("end_date", f"must not be before start_date {spec.start_date}")
        return 0
    if symbols_are_fine:
        for coverage in dataset.symbols:
            if coverage.symbol in spec.symbols:
                _check_coverage(spec, dataset, coverage.symbol, first, warm_up, problems)
            if coverage.symbol == spec.benchmark_symbol and not (
                coverage.start_date <= spec.start_date and spec.end_date <= coverage.end_date
            ):
                problems.add("benchmark_symbol", f"{coverage.symbol} has bars from {coverage.start_date} to {coverage.end_date} only")
        _check_affordable(spec, dataset, first, problems)
    return last - first + 1


def _session_row(sessions: np.ndarray, date: str, field: str, problems: Problems) -> int | None:
    try:
        is_date = dt.date.fromisoformat(date).isoformat() == date  # not 20100104, nor 2010-W01-1
    except ValueError:
        is_date = False
    if not is_date:
        problems.add(field, f"must be an ISO date such as {iso_date(sessions[0])}, not {date[:40]!r}")
        return None
    wanted = session_of(date)
    row = int(np.searchsorted(sessions, wanted))
    if row < len(sessions) and sessions[row] == wanted:
        return row
    if row in {0, len(sessions)}:
        problems.add(field, f"{date} is outside the dataset, which goes from {iso_date(sessions[0])} to {iso_date(sessions[-1])}")
    else:
        problems.add(field, f"{date} is no session; the nearest are {iso_date(sessions[row - 1])} and {iso_date(sessions[row])}")
    return None


def _check_coverage(spec: run_pb2.RunSpec, dataset: Dataset, symbol: str, first: int, warm_up: int, problems: Problems) -> None:
    """A symbol may end before the run does (it is closed automatically then), but it must have bars when the run starts."""
    sessions, bars = dataset.sessions, np.flatnonzero(~np.isnan(dataset.raw("close", symbol)))
    begins, ends = int(bars[0]), int(bars[-1])
    if first > ends:
        problems.add("start_date", f"{symbol} has no bars after {iso_date(sessions[ends])}")
    elif first < begins + warm_up:
        needs = f" and {spec.strategy} needs {warm_up} sessions before its first decision" if warm_up else ""
        earliest = begins + warm_up
        hint = f"start_date must be {iso_date(sessions[earliest])} or later" if earliest <= ends else "it has too few bars for that"
        problems.add("start_date", f"{symbol} has bars from {iso_date(sessions[begins])} on{needs}: {hint}")


def _check_affordable(spec: run_pb2.RunSpec, dataset: Dataset, first: int, problems: Problems) -> None:
    prices = {symbol: float(dataset.raw("close", symbol)[first]) for symbol in spec.symbols}
    known = {symbol: price for symbol, price in prices.items() if not math.isnan(price)}
    if known and 0 < spec.capital_base < min(known.values()):
        symbol = min(known, key=known.__getitem__)
        problems.add(
            "capital_base", f"{spec.capital_base:g} buys not one unit: the cheapest, {symbol}, costs {known[symbol]:g} on {spec.start_date}"
        )


def check_labels(labels: Mapping[str, str], problems: Problems) -> None:
    """Few and short."""
    if len(labels) > MAX_LABELS:
        problems.add("labels", f"must be at most {MAX_LABELS}")
    for key, value in labels.items():
        if not 0 < len(key) <= MAX_LABEL_KEY_CHARS:
            problems.add("labels", f"a key must have 1 to {MAX_LABEL_KEY_CHARS} characters: {key[:80]!r} has {len(key)}")
        if len(value) > MAX_LABEL_VALUE_CHARS:
            problems.add("labels", f"a value must have at most {MAX_LABEL_VALUE_CHARS} characters: that of {key[:80]!r} has {len(value)}")


def nul_fields(message: Message, path: str = "") -> Iterator[str]:
    """Names of the fields that contain U+0000, which PostgreSQL can't store."""
    for field, value in message.ListFields():
        name = f"{path}{field.name}"
        if field.message_type and field.message_type.GetOptions().map_entry:
            for key, item in value.items():
                if "\0" in str(key) or (isinstance(item, str) and "\0" in item):
                    yield name
                elif isinstance(item, Message):
                    yield from nul_fields(item, f"{name}.")
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for item in value if field.is_repeated else [value]:
                yield from nul_fields(item, f"{name}.")
        elif field.type == FieldDescriptor.TYPE_STRING and any("\0" in text for text in (value if field.is_repeated else [value])):
            yield name
