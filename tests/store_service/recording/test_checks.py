"""Which first and last events are refused, and what is said about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store_service.recording.checks import MAX_EVENTS, MAX_NAME_CHARS, Problems, check_envelope
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors
from tests.fix_runs import make_events, make_finished, make_started, new_run_id, whole_run

RUN_ID = new_run_id()
Event = run_pb2.RunEvent


def problems_of(events: list[Event], first_sequence: int = 1) -> Problems:
    problems = Problems()
    check_envelope(RUN_ID, first_sequence, events, problems)
    return problems


def fields_of(events: list[Event], first_sequence: int = 1) -> list[str]:
    return [violation.field for violation in problems_of(events, first_sequence).violations]


def test_a_run_as_engines_send_it_is_taken() -> None:
    assert fields_of(whole_run(RUN_ID)) == []
    assert fields_of(whole_run(RUN_ID)[2:], first_sequence=3) == []
    problems_of(whole_run(RUN_ID)).raise_any()


@pytest.mark.parametrize(
    ("events", "first_sequence", "field"),
    [
        (whole_run(RUN_ID)[1:], 1, "events[0].sequence"),
        ([Event(sequence=0)], 0, "first_sequence"),
        ([Event(sequence=2)], 2, "events[0]"),
        ([Event(sequence=2, started=make_started(RUN_ID))], 2, "events[0]"),
        ([Event(sequence=1, finished=make_finished())], 1, "events[0]"),
        ([Event(sequence=2, finished=make_finished()), Event(sequence=3, sessions={})], 2, "events[0].finished"),
        ([Event(sequence=number) for number in range(1, MAX_EVENTS + 2)], 1, "events"),
    ],
)
def test_events_out_of_place_are_named(events: list[Event], first_sequence: int, field: str) -> None:
    assert field in fields_of(events, first_sequence)


def _set(path: str, value: Any) -> Callable[[Any], None]:
    *parents, name = path.split(".")

    def change(message: Any) -> None:
        for parent in parents:
            message = getattr(message, parent)
        setattr(message, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_set("run_id", new_run_id()), "run_id"),
        (_set("spec.strategy", ""), "spec.strategy"),
        (_set("spec.dataset", ""), "spec.dataset"),
        (_set("spec.interval", ""), "spec.interval"),
        (_set("spec_digest", ""), "spec_digest"),
        (_set("request_id", "x" * (MAX_NAME_CHARS + 1)), "request_id"),
        (_set("strategy_type", "x" * (MAX_NAME_CHARS + 1)), "strategy_type"),
        (_set("spec.start_date", "20100104"), "spec.start_date"),
        (_set("spec.end_date", "2010-02-30"), "spec.end_date"),
        (_set("spec.end_date", "2009-12-31"), "spec.end_date"),
        (_set("spec.capital_base", 0.0), "spec.capital_base"),
        (lambda started: started.spec.ClearField("capital_base"), "spec.capital_base"),
        (lambda started: started.spec.ClearField("symbols"), "spec.symbols"),
        (lambda started: started.spec.symbols.append("GOOG"), "spec.symbols"),
        (lambda started: started.spec.symbols.append(""), "spec.symbols"),
        (lambda started: started.spec.symbols.append("x" * (MAX_NAME_CHARS + 1)), "spec.symbols[2]"),
        (_set("session_count", -1), "session_count"),
        (_set("create_time.seconds", -1), "create_time"),
        (_set("create_time.seconds", 2**60), "create_time"),
        (_set("replay.original_run_id", "run 1"), "replay.original_run_id"),
        (lambda started: started.sweep.CopyFrom(run_pb2.SweepLink(sweep_id="sweep 1", number=1)), "sweep.sweep_id"),
        (lambda started: started.sweep.CopyFrom(run_pb2.SweepLink(sweep_id=RUN_ID)), "sweep.number"),
    ],
)
def test_a_wrong_first_event_is_named(change: Callable[[Any], None], field: str) -> None:
    (event,) = make_events(make_started(RUN_ID))
    change(event.started)
    assert fields_of([event]) == [f"events[0].started.{field}"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_set("state", run_pb2.RUN_STATE_STALE), "state"),
        (_set("metrics.max_drawdown", 0.1), "metrics.max_drawdown"),
        (_set("metrics.trades_lost", 99), "metrics.trades_total"),
        (_set("metrics.best_session_date", ""), "metrics.best_session_date"),
        (_set("metrics.max_drawdown_peak_date", "yesterday"), "metrics.max_drawdown_peak_date"),
        (_set("error.session_date", "2010"), "error.session_date"),
        (lambda finished: finished.round_trips.add(), "round_trips[1]"),
        (_set("engine_kind", "\0"), "engine_kind"),
    ],
)
def test_a_wrong_last_event_is_named(change: Callable[[Any], None], field: str) -> None:
    finished = make_finished()
    change(finished)
    assert fields_of([Event(sequence=2, finished=finished)], 2) == [f"events[0].finished.{field}"]


def test_an_empty_peak_date_means_before_the_first_session() -> None:
    finished = make_finished(metrics={"max_drawdown_peak_date": ""})
    assert fields_of([Event(sequence=2, finished=finished)], 2) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_set("spec.strategy", "a\0"), "started.spec.strategy"),
        (_set("request_id", "\0"), "started.request_id"),
        (lambda started: started.spec.symbols.append("\0"), "started.spec.symbols[2]"),
        (lambda started: started.spec.parameters.update({"a": [1, {"b": "\0"}]}), None),
        (lambda started: started.labels.update({"\0": "x"}), "started.labels (a key)"),
        (lambda started: started.provenance.versions.update({"numpy": "\0"}), "started.provenance.versions['numpy']"),
        (lambda started: started.spec.parameters.update({"a": float("nan")}), None),
        (_set("spec.capital_base", float("inf")), "started.spec.capital_base"),
        (_set("spec.slippage.fixed_basis_points.basis_points", float("-inf")), None),
    ],
)
def test_what_no_database_can_store_is_refused_by_name(change: Callable[[Any], None], field: str | None) -> None:
    (event,) = make_events(make_started(RUN_ID))
    change(event.started)
    with pytest.raises(errors.InvalidArgument) as refused:
        problems_of([event]).raise_any()
    assert refused.value.reason == "UNSTORABLE_VALUE"
    assert len(refused.value.violations) == 1
    assert field in {None, refused.value.violations[0].field.removeprefix("events[0].")}


@pytest.mark.parametrize(
    "change",
    [
        _set("metrics.pnl", float("nan")),
        _set("execution_seconds", float("inf")),
        _set("error.message", "\0"),
        _set("result_digest", "\0"),
        _set("not_recorded_reason", "\0"),
        lambda finished: setattr(finished.round_trips[0], "pnl", float("nan")),
        lambda finished: setattr(finished.round_trips[0], "symbol", "\0"),
    ],
)
def test_a_last_event_with_what_no_database_can_store_is_refused_by_name(change: Callable[[Any], None]) -> None:
    finished = make_finished()
    change(finished)
    problems = problems_of([Event(sequence=2, finished=finished)], 2)
    assert (problems.reason, len(problems.violations)) == ("UNSTORABLE_VALUE", 1)


def test_round_trips_whose_sum_overflows_are_no_problem() -> None:
    finished = make_finished()
    finished.round_trips[0].entry_price = finished.round_trips[0].exit_price = 1.7e308
    assert fields_of([Event(sequence=2, finished=finished)], 2) == []
