"""Verdicts: what a replay showed, where the ledgers differ first, and what had changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_service.runs.verdict import are_comparable, first_difference, provenance_differences, verdict
from tapedeck.v1 import run_pb2

Outcome = run_pb2.ReplayVerdict


def _run(run_id: str, state: run_pb2.RunState = run_pb2.RUN_STATE_SUCCEEDED, digest: str = "same", **fields: Any) -> run_pb2.Run:
    return run_pb2.Run(run_id=run_id, state=state, result_digest=digest, **fields)


def _replay(*overridden: str, **fields: Any) -> run_pb2.Run:
    return _run("new", replay=run_pb2.ReplayLink(original_run_id="old", overridden_fields=overridden), **fields)


def test_equal_digests_are_identical() -> None:
    made = verdict(_run("old"), _replay(), None)
    assert made.outcome == Outcome.OUTCOME_IDENTICAL
    assert (made.original_run_id, made.run_id) == ("old", "new")


def test_other_digests_are_diverged_and_the_summary_says_where_and_why() -> None:
    difference = run_pb2.SessionDifference(session_date="2010-01-05", field="cash", original_value="1.0", replayed_value="2.0")
    original = _run("old", provenance=run_pb2.Provenance(versions={"numpy": "1"}))
    made = verdict(original, _replay(digest="other", provenance=run_pb2.Provenance(versions={"numpy": "2"})), difference)
    assert made.outcome == Outcome.OUTCOME_DIVERGED
    assert made.first_difference == difference
    assert made.summary == "The replay differs from session 2010-01-05 on, in cash; what produced it differs: VERSION_CHANGED."


def test_a_divergence_that_nothing_explains_says_so() -> None:
    assert "nothing in its provenance explains it" in verdict(_run("old"), _replay(digest="other"), None).summary


def test_an_overridden_spec_is_not_compared() -> None:
    made = verdict(_run("old"), _replay("start_date", digest="other"), None)
    assert made.outcome == Outcome.OUTCOME_OVERRIDDEN
    assert list(made.overridden_fields) == ["start_date"]
    assert not are_comparable(_run("old"), _replay("start_date"))


@pytest.mark.parametrize("state", [run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED])
def test_a_run_without_a_result_can_not_be_compared(state: run_pb2.RunState) -> None:
    assert verdict(_run("old", state), _replay(), None).outcome == Outcome.OUTCOME_INCOMPARABLE
    assert verdict(_run("old"), _replay(state=state), None).outcome == Outcome.OUTCOME_INCOMPARABLE
    assert not are_comparable(_run("old", state), _replay())


def test_provenance_differences_are_told_by_kind() -> None:
    before = run_pb2.Provenance(
        strategy_version="1",
        dataset_fingerprint="a",
        calendar="XNYS",
        engine_version="3",
        platform="x86",
        versions={"numpy": "1", "old": "1"},
    )
    after = run_pb2.Provenance(
        strategy_version="2",
        dataset_fingerprint="b",
        calendar="XLON",
        engine_version="4",
        platform="arm",
        versions={"numpy": "2", "new": "1"},
    )
    assert [(d.kind, d.field, d.original_value, d.replayed_value) for d in provenance_differences(before, after)] == [
        ("STRATEGY_CHANGED", "strategy_version", "1", "2"),
        ("DATASET_CHANGED", "dataset_fingerprint", "a", "b"),
        ("CALENDAR_CHANGED", "calendar", "XNYS", "XLON"),
        ("ENGINE_CHANGED", "engine_version", "3", "4"),
        ("PLATFORM_CHANGED", "platform", "x86", "arm"),
        ("VERSION_CHANGED", "versions.new", "", "1"),
        ("VERSION_CHANGED", "versions.numpy", "1", "2"),
        ("VERSION_CHANGED", "versions.old", "1", ""),
    ]


def test_every_field_of_the_provenance_but_the_seed_has_a_kind() -> None:
    # The seed is part of the spec, which is the same in what is compared.
    fields = set(run_pb2.Provenance.DESCRIPTOR.fields_by_name) - {"versions", "seed"}
    before = run_pb2.Provenance(**dict.fromkeys(fields, "before"))  # type: ignore[arg-type]
    after = run_pb2.Provenance(**dict.fromkeys(fields, "after"))  # type: ignore[arg-type]
    assert {difference.field for difference in provenance_differences(before, after)} == fields


def _ledger(dates: list[int], values: list[float], **fields: Any) -> run_pb2.SessionBatch:
    return run_pb2.SessionBatch(session_dates=dates, portfolio_values=values, cash=[1.0] * len(dates), **fields)


def _difference(before: run_pb2.SessionBatch, after: run_pb2.SessionBatch) -> tuple[str, str, str, str]:
    found = first_difference(before, after)
    assert found is not None
    return found.session_date, found.field, found.original_value, found.replayed_value


def test_values_differ_to_the_last_bit() -> None:
    before, after = _ledger([20100104, 20100105], [1.0, 0.1 + 0.2]), _ledger([20100104, 20100105], [1.0, 0.3])
    assert _difference(before, after) == ("2010-01-05", "portfolio_values", "0.30000000000000004", "0.3")


def test_zero_and_minus_zero_differ() -> None:
    assert _difference(_ledger([20100104], [0.0]), _ledger([20100104], [-0.0]))[2:] == ("0.0", "-0.0")


def test_the_earliest_session_counts_whatever_the_column() -> None:
    dates = [20100104, 20100105]
    fill = run_pb2.Fill(session_date=20100104, symbol="GOOG", quantity=1, price=0.1)
    session, field, before, after = _difference(_ledger(dates, [1.0, 2.0], fills=[fill]), _ledger(dates, [1.0, 3.0]))
    assert (session, field, after) == ("2010-01-04", "fills", "none")
    assert before == 'session_date: 20100104 symbol: "GOOG" quantity: 1.0 price: 0.1'


def test_a_missing_session_is_a_difference_of_the_sessions() -> None:
    assert _difference(_ledger([20100104, 20100105], [1.0, 2.0]), _ledger([20100104], [1.0])) == (
        *("2010-01-05", "session_dates"),
        *("20100105", "none"),
    )
    assert _difference(_ledger([20100104, 20100106], [1.0, 2.0]), _ledger([20100105, 20100106], [1.0, 2.0]))[0] == "2010-01-04"


def test_positions_orders_and_corporate_actions_are_compared_too() -> None:
    for field, kind in (("positions", run_pb2.Position), ("orders", run_pb2.Order), ("corporate_actions", run_pb2.CorporateAction)):
        pair = [_ledger([20100104], [1.0], **{field: [kind(session_date=20100104, quantity=quantity)]}) for quantity in (1.0, 2.0)]
        assert _difference(*pair)[1] == field


@given(st.lists(st.floats(allow_nan=False), max_size=20), st.data())
def test_the_first_value_that_differs_is_found(values: list[float], data: st.DataObject) -> None:
    dates = list(range(20100101, 20100101 + len(values)))
    assert first_difference(_ledger(dates, values), _ledger(dates, values)) is None
    if values:
        at = data.draw(st.integers(0, len(values) - 1))
        changed = [*values[:at], *(value + 1.0 if abs(value) < 1e9 else 0.5 for value in values[at:])]
        assert _difference(_ledger(dates, values), _ledger(dates, changed))[0].replace("-", "") == str(dates[at])
