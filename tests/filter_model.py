"""Filters written down and evaluated in Python, independent of SQL and of the grammar: what the store's filters are compared with."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from tapedeck.v1 import run_pb2
from tests.fix_runs import Record, make_events, make_spec, make_started, whole_run

ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Facts:
    """A recorded run as a filter sees it."""

    spec: Mapping[str, Any]
    state: str = "SUCCEEDED"
    metrics: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    create_time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    run_id: str = ""

    async def record(self, record: Record) -> Facts:
        """Record the run; the facts with its id."""
        started = {"labels": self.labels, "create_time": self.create_time, "strategy_type": self.spec.get("strategy_type", "")}
        spec = {name: value for name, value in self.spec.items() if name != "strategy_type"}
        if self.state == "QUEUED":
            events = make_events(make_started(spec=make_spec(**spec), **started))
        else:
            state = run_pb2.RunState.Value(f"RUN_STATE_{self.state}")
            absent = dict.fromkeys(["sharpe_ratio", "trades_total", "trades_won", "trades_lost"])
            finished = {"metrics": {**absent, **self.metrics}} if self.state == "SUCCEEDED" else {}
            events = whole_run(state=state, started=started, finished=finished, **spec)
        return replace(self, run_id=await record(events))

    def get(self, name: str) -> Any:
        """A field's value; None when the run does not have it."""
        if name in {"run_id", "state", "labels", "create_time"}:
            return getattr(self, name)
        if name in {"sharpe_ratio", "trades_total", "best_session_date"}:
            value = self.metrics.get(name) if self.state == "SUCCEEDED" else None
            return date.fromisoformat(value) if name.endswith("_date") and value else value
        if name == "start_date":
            return date.fromisoformat(self.spec["start_date"])
        return self.spec.get(name) or None


def _spec(strategy: str, day: int, capital: float, symbols: list[str], **parameters: Any) -> dict[str, Any]:
    start_date = f"2010-01-{day:02d}"
    return {"strategy": strategy, "start_date": start_date, "capital_base": capital, "symbols": symbols, "parameters": parameters}


FACTS = [
    Facts(_spec("sma", 4, 1.0, ["A"], fast=10, flag=True), metrics={"sharpe_ratio": 1.5, "trades_total": 3}, labels={"team": "alpha"}),
    Facts(
        _spec("sma_crossover", 5, 2.5, ["A", "B"], fast=20, name="10"), metrics={"sharpe_ratio": -0.5}, labels={"team": "beta", "x-y": ""}
    ),
    Facts(_spec("momentum", 4, 1e300, ["B"], fast=10.5, deep={"fast": 1}), "FAILED", labels={"team": "al*ha"}),
    Facts(_spec("m%_", 6, 0.1, ["A*", "é"], flag=False, list=[1, "a", True]), "CANCELLED", create_time=datetime(2026, 2, 1, tzinfo=UTC)),
    Facts({**_spec("Sma", 4, 3.0, ["A"], fast="10", none=None), "benchmark_symbol": "SPY", "strategy_type": "trend"}, "QUEUED"),
    Facts(
        {**_spec('a"b\\c/d', 4, 3.0, ["C", "A", "B"], name="a*"), "benchmark_symbol": "A"},
        metrics={"sharpe_ratio": 0.0, "trades_total": 0, "best_session_date": "2010-01-06"},
        create_time=datetime(2026, 1, 15, 12, 30, 0, 250_000, tzinfo=UTC),
    ),
    Facts(
        {**_spec("é💥", 4, 100_000.0, ["A"], deep={"fast": {"x": "y"}}, name=""), "strategy_type": "mean_reversion"},
        metrics={"sharpe_ratio": None, "best_session_date": "2010-01-05"},
        labels={"team": "", "a b": "c"},
    ),
]
"""Runs that differ in everything, with the texts that escaping gets wrong."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, as pieces between wildcards."""

    pieces: tuple[str, ...]

    def fits(self, text: str) -> bool:
        return re.fullmatch(".*".join(map(re.escape, self.pieces)), text, re.DOTALL) is not None

    @property
    def plain(self) -> str:
        return "*".join(self.pieces)


ANY = Text(("", ""))

Operand = Text | float | bool | date | datetime | str
"""A str is the name of a state."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A comparison."""

    path: tuple[str, ...]
    op: str
    operand: Operand


@dataclass(frozen=True, slots=True)
class Node:
    """AND, OR or NOT."""

    joined_by: str
    parts: tuple[Filter, ...]


Filter = Leaf | Node


def matches(wanted: Filter, facts: Facts) -> bool:
    """Whether a run is matched."""
    if isinstance(wanted, Leaf):
        return _compared(wanted, facts)
    parts = [matches(part, facts) for part in wanted.parts]
    return not parts[0] if wanted.joined_by == "NOT" else any(parts) if wanted.joined_by == "OR" else all(parts)


def _compared(leaf: Leaf, facts: Facts) -> bool:
    name, *path = leaf.path
    held = facts.get(name)
    if name in {"labels", "parameters"} and not path:
        assert isinstance(leaf.operand, Text)
        return leaf.operand.plain in (held or {})
    for key in path:
        held = held.get(key) if isinstance(held, Mapping) else None
    if held is None:
        return False
    return _symbols_compared(held, leaf.op, leaf.operand) if name == "symbols" else _value_compared(held, leaf.op, leaf.operand)


def _value_compared(held: Any, op: str, operand: Operand) -> bool:
    if op == ":" and operand == ANY:
        return True
    if op == ":" and isinstance(held, list):
        return any(_equal(element, operand, wildcards=False) for element in held)
    if op in ORDERINGS:
        compared = operand.plain if isinstance(operand, Text) else operand
        return _kind(held) == _kind(compared) and ORDERINGS[op](held, compared)
    return _equal(held, operand) != (op == "!=")


def _symbols_compared(held: list[str], op: str, operand: Operand) -> bool:
    assert isinstance(operand, Text)
    if op == ":":
        return any(map(operand.fits, held))
    return (len(held) == 1 and operand.fits(held[0])) != (op == "!=")


def _equal(held: Any, operand: Operand, *, wildcards: bool = True) -> bool:
    if isinstance(operand, Text):
        return isinstance(held, str) and (operand.fits(held) if wildcards else operand.plain == held)
    return _kind(held) == _kind(operand) and bool(held == operand)


def _kind(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def written(wanted: Filter) -> str:
    """The filter as text."""
    if isinstance(wanted, Leaf):
        return f"{_written_path(wanted.path)} {wanted.op} {_written_operand(wanted.operand)}"
    parts = [f"({written(part)})" for part in wanted.parts]
    return f"NOT {parts[0]}" if wanted.joined_by == "NOT" else f" {wanted.joined_by} ".join(parts)


def _written_path(path: tuple[str, ...]) -> str:
    return ".".join([path[0], *(key if re.fullmatch("[a-zA-Z0-9_-]+", key) else f'"{key}"' for key in path[1:])])


def _written_operand(operand: Operand) -> str:
    if isinstance(operand, Text):
        escaped = "*".join(re.sub(r'(["\\*])', r"\\\1", piece) for piece in operand.pieces)
        return f'"{escaped}"'
    if isinstance(operand, datetime):
        return operand.isoformat()
    return str(operand).lower() if isinstance(operand, bool) else str(operand)


_WORDS = ("sma", "Sma", "momentum", "m%_", 'a"b\\c/d', "é💥", "A", "B", "SPY", "alpha", "beta", "", "10", "a*", "al*ha")
_PATTERNS = (("", ""), ("sma", ""), ("", "m"), ("", "m", ""), ("m%", ""), ("s", "", "r"), ("al", "ha"), ("", "_"))
_NUMBERS = (0.0, 1.0, 1.5, -0.5, 3.0, 2.5, 10.0, 10.5, 20.0, 0.1, 1e300, 5e-324)
_texts = st.sampled_from([*(Text((word,)) for word in _WORDS), *map(Text, _PATTERNS)])
_numbers = st.sampled_from(_NUMBERS) | st.floats(allow_nan=False, allow_infinity=False)
_dates = st.dates(date(2010, 1, 3), date(2010, 1, 7))
_times = st.sampled_from([facts.create_time for facts in FACTS] + [datetime(2026, 1, 15, tzinfo=UTC)])
_any_op = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":"])
_equality = st.sampled_from(["=", "!=", ":"])
_keys = st.sampled_from(["fast", "name", "flag", "list", "none", "deep", "0", "missing"])


def _names(*names: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from([(name,) for name in names])


_parameters = st.tuples(st.just("parameters"), _keys) | st.tuples(st.just("parameters"), st.just("deep"), _keys)
_labels = st.tuples(st.just("labels"), st.sampled_from(["team", "x-y", "a b", "missing"]))
_comparisons: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Leaf, _names("strategy", "benchmark_symbol", "strategy_type"), _any_op, _texts),
    st.builds(Leaf, _labels, _any_op, _texts),
    st.builds(Leaf, _parameters, _any_op, _texts | _numbers),
    st.builds(Leaf, _parameters, _equality, st.booleans()),
    st.builds(Leaf, _names("capital_base", "sharpe_ratio", "trades_total"), _any_op, _numbers),
    st.builds(Leaf, _names("start_date", "best_session_date"), _any_op, _dates),
    st.builds(Leaf, _names("create_time"), _any_op, _times),
    st.builds(Leaf, _names("sharpe_ratio", "best_session_date", "benchmark_symbol", "run_id"), st.just(":"), st.just(ANY)),
    st.builds(Leaf, _names("state"), _equality, st.sampled_from(["QUEUED", "SUCCEEDED", "FAILED", "CANCELLED", "RUNNING"])),
    st.builds(Leaf, _names("symbols"), _equality, _texts),
    st.builds(
        Leaf,
        _names("labels", "parameters"),
        st.just(":"),
        st.sampled_from([Text(("team",)), Text(("fast",)), Text(("none",)), Text(("x",))]),
    ),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    _comparisons,
    lambda parts: (
        st.builds(Node, st.sampled_from(["AND", "OR"]), st.lists(parts, min_size=2, max_size=3).map(tuple))
        | st.builds(Node, st.just("NOT"), st.tuples(parts))
    ),
    max_leaves=6,
)
"""Random filters over the fields of FACTS."""
