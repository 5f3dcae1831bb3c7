"""Which parts of a sweep are refused, and what is said about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import struct_pb2

from store_service.models import RESULT_METRICS
from store_service.recording.checks import MAX_NAME_CHARS, Problems
from store_service.sweeps.checks import MAX_RESULTS, MAX_RESULTS_PER_PART, check_finished, check_results, check_started
from tapedeck.v1 import run_pb2, sweep_pb2
from tests.fix_runs import make_spec
from tests.fix_sweeps import FASTS, make_results, make_sweep_finished, make_sweep_spec, make_sweep_started

Change = Callable[[Any], None]
NAN, INFINITE = float("nan"), float("inf")


def fields_of(check: Callable[..., None], *arguments: Any) -> list[str]:
    problems = Problems()
    check(*arguments, problems)
    return [violation.field for violation in problems.violations]


def reason_of(check: Callable[..., None], *arguments: Any) -> str:
    problems = Problems()
    check(*arguments, problems)
    return problems.reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sweep_id": "7"}, "started.sweep_id"),
        ({"sweep_id": "01A1FE31-d07e-7000-abea-766e5ba113ad"}, "started.sweep_id"),
        ({"result_count": -1}, "started.result_count"),
        ({"result_count": MAX_RESULTS + 1}, "started.result_count"),
        ({"skipped_count": -1}, "started.skipped_count"),
        ({"session_count": -1}, "started.session_count"),
        ({"create_time": None}, ""),
        ({"create_time": {"seconds": 1 << 40}}, "started.create_time"),
        ({"request_id": "x" * (MAX_NAME_CHARS + 1)}, "started.request_id"),
        ({"labels": {"a": "\0"}}, "started.labels['a']"),
        ({"sweep": make_sweep_spec(symbol_grouping=0)}, "started.sweep.symbol_grouping"),
        ({"sweep": make_sweep_spec(spec=make_spec(strategy=""))}, "started.sweep.spec.strategy"),
        ({"sweep": make_sweep_spec(spec=make_spec(symbols=["A", "A"]))}, "started.sweep.spec.symbols"),
        ({"sweep": make_sweep_spec(spec=make_spec(start_date="2011-01-01"))}, "started.sweep.spec.end_date"),
        ({"sweep": make_sweep_spec(grid={"a\0": [1]})}, "started.sweep.grid.fields (a key)"),
        ({"sweep": make_sweep_spec(grid={"a": [NAN]})}, "started.sweep.grid.fields['a'].list_value.values[0].number_value"),
    ],
)
def test_what_is_wrong_at_the_start_is_named(changes: dict[str, Any], field: str) -> None:
    assert fields_of(check_started, make_sweep_started(**changes)) == [field] * bool(field)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert len(fields_of(check_started, sweep_pb2.SweepStarted())) == 9


def three_results(change: Change | None = None) -> sweep_pb2.SweepResults:
    results = make_results(range(1, 4), ["GOOG"] * 3)
    if change is not None:
        change(results)
    return results


def metric(name: str, values: list[float], undefined: list[int] | None = None) -> Change:
    """Sets the values of one metric."""

    def change(results: sweep_pb2.SweepResults) -> None:
        column = results.metrics[RESULT_METRICS.index(name)]
        column.values[:] = values
        column.undefined[:] = undefined or []

    return change


def path_of(name: str) -> str:
    return f"results.metrics[{RESULT_METRICS.index(name)}]"


def renumbered(*numbers: int) -> Change:
    return lambda results: results.numbers.__setitem__(slice(None), numbers)


def named(**symbols: list[str]) -> Change:
    return lambda results: results.symbols.__setitem__(slice(None), symbols["symbols"])


def added(**column: Any) -> Change:
    return lambda results: results.parameters.add(**column)


TEXTS = [struct_pb2.Value(string_value=text) for text in ("a", "b", "c\0")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (renumbered(), "results.numbers"),
        (renumbered(2, 3, 4), "results.numbers"),
        (renumbered(1, 2, 2), "results.numbers"),
        (named(symbols=["GOOG", "GOOG"]), "results.symbols"),
        (named(symbols=["GOOG", "GOOG", "IBM"]), "results.symbols"),
        (added(name="", numbers=FASTS), "results.parameters"),
        (added(name="fast", numbers=FASTS), "results.parameters"),
        (added(name="slow"), "results.parameters[1]"),
        (added(name="slow", numbers=FASTS[:2]), "results.parameters[1]"),
        (added(name="slow", numbers=FASTS[:2], values=TEXTS[:1]), "results.parameters[1]"),
        (added(name="slow", numbers=[1, 2, INFINITE]), "results.parameters[1].numbers[2]"),
        (added(name="slow", values=TEXTS), "results.parameters[1].values[2].string_value"),
        (added(name="slow", values=[struct_pb2.Value()] * 3), "results.parameters[1].values"),
        (lambda results: results.metrics.pop(), "results.metrics"),
        (metric("pnl", [1.0, 2.0]), f"{path_of('pnl')}.values"),
        (metric("pnl", [1.0, 2.0, NAN]), f"{path_of('pnl')}.values"),
        (metric("pnl", [1.0, INFINITE, 3.0], [0]), f"{path_of('pnl')}.values"),
        (metric("pnl", [1.0, 2.0, 3.0], [3]), f"{path_of('pnl')}.undefined"),
        (metric("pnl", [1.0, 2.0, 3.0], [-1]), f"{path_of('pnl')}.undefined"),
        (metric("max_drawdown", [0.0, -0.5, 0.1]), f"{path_of('max_drawdown')}.values"),
        (metric("trades_total", [100.0, 200.5, 300.0]), f"{path_of('trades_total')}.values"),
        (metric("trades_total", [100.0, 2.0**31, 300.0]), f"{path_of('trades_total')}.values"),
        (metric("trades_total", [0.0, 100.0, 100.0]), "results.metrics"),
    ],
)
def test_what_is_wrong_with_results_is_named(change: Change, field: str) -> None:
    assert fields_of(check_results, three_results(change), make_sweep_started(), 1) == [field]


def test_results_as_engines_send_them_are_taken() -> None:
    undefined = metric("pnl", [0.0, NAN, 0.0], [0, 1])  # what stands where a metric is undefined does not count
    for results in (three_results(), three_results(undefined)):
        assert fields_of(check_results, results, make_sweep_started(), 1) == []


def test_values_that_are_not_finite_are_unstorable() -> None:
    results = three_results(metric("pnl", [1.0, 2.0, NAN]))
    assert reason_of(check_results, results, make_sweep_started(), 1) == "UNSTORABLE_VALUE"


def test_results_have_no_symbol_when_symbols_are_traded_together() -> None:
    together = make_sweep_started(sweep=make_sweep_spec(symbol_grouping=sweep_pb2.SYMBOL_GROUPING_TOGETHER))
    assert fields_of(check_results, three_results(), together, 1) == ["results.symbols"]
    assert fields_of(check_results, make_results(range(1, 4)), together, 1) == []


def test_results_beyond_those_announced_are_refused() -> None:
    assert fields_of(check_results, three_results(), make_sweep_started(result_count=2), 1) == ["results.numbers"]


def test_a_message_has_a_limit() -> None:
    many = make_results(range(1, MAX_RESULTS_PER_PART + 2))
    assert fields_of(check_results, many, make_sweep_started(result_count=MAX_RESULTS), 1) == ["results.numbers"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"state": 0}, "finished.state"),
        ({"result_count": 2}, "finished.result_count"),
        ({"failed_count": -1}, "finished.failed_count"),
        ({"failed_count": 4}, "finished.failed_count"),
        ({"result_digest": ""}, "finished.result_digest"),
        ({"state": sweep_pb2.SWEEP_STATE_CANCELLED}, "finished.state"),
        ({"execution_seconds": NAN}, "finished.execution_seconds"),
        ({"error": run_pb2.RunError(message="\0")}, "finished.error.message"),
    ],
)
def test_what_is_wrong_at_the_end_is_named(changes: dict[str, Any], field: str) -> None:
    finished = make_sweep_finished(three_results(), **{"failed_count": 3, **changes})
    assert field in fields_of(check_finished, finished, make_sweep_started(), 3)


def test_an_end_as_engines_send_it_is_taken() -> None:
    finished = make_sweep_finished(three_results(), failed_count=3)
    assert fields_of(check_finished, finished, make_sweep_started(), 3) == []
    cancelled = sweep_pb2.SweepFinished(state=sweep_pb2.SWEEP_STATE_CANCELLED, failed_count=2)
    assert fields_of(check_finished, cancelled, make_sweep_started(), 0) == []
