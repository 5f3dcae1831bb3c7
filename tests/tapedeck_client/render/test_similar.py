"""Runs that are like another one."""

from __future__ import annotations

from google.protobuf.struct_pb2 import NULL_VALUE, Value

from tapedeck.v1.store_service_pb2 import SimilarRun, SpecDifference
from tapedeck_client.render.similar import similar_runs
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import recorded_runs


def test_a_row_has_the_run_and_one_line_for_each_difference() -> None:
    dates = SpecDifference(field="end_date", values=[Value(string_value=text) for text in ("2010-12-31", "2011-12-30")])
    rules = SpecDifference(field="parameters.exit", values=[Value(null_value=NULL_VALUE), Value(string_value="rsi\x1b[31m")])
    _, _, first, second = printed(similar_runs([SimilarRun(run=recorded_runs()[0], differences=[dates, rules])])).splitlines()
    assert first.split()[:5] == ["aaaa0001", "2026-09-21", "14:13", "50.00%", "1.250"]
    assert first.rstrip().endswith("end_date: 2010-12-31 → 2011-12-30")
    assert second.strip() == "parameters.exit: – → rsi\N{REPLACEMENT CHARACTER}[31m"


def test_a_row_says_that_the_spec_is_the_same_or_that_the_code_is_not() -> None:
    run = recorded_runs()[1]
    shown = printed(similar_runs([SimilarRun(run=run, same_digest=True), SimilarRun(run=run)]))
    _, _, same, other = (line.rstrip() for line in shown.splitlines())
    assert same.endswith("nothing: the same spec")
    assert other.endswith("the strategy's code")
