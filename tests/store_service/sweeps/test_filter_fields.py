"""Filters on sweeps and results name what the contract says they may; what matches is in the contract tests."""

from __future__ import annotations

import pytest

from store_service.filter_fields import Fields
from store_service.filtering import condition
from store_service.models import RESULT_METRICS
from store_service.sweeps.filter_fields import RESULT_FIELDS, SWEEP_FIELDS
from tapedeck_rpc import errors


def test_the_fields_are_those_of_the_contract() -> None:
    sweep = "sweep_id strategy strategy_type dataset interval symbols state source create_time labels"
    assert set(SWEEP_FIELDS.by_name) == set(sweep.split())
    assert set(RESULT_FIELDS.by_name) == {"strategy", "symbol", "create_time", "parameters", *RESULT_METRICS}


@pytest.mark.parametrize(
    ("fields", "text", "problem"),
    [
        (SWEEP_FIELDS, "state = RUNNING", 'state is one of SUCCEEDED, FAILED, CANCELLED, not "RUNNING"'),
        (SWEEP_FIELDS, "source = 1", 'source is one of ENGINE, EXTERNAL, not "1"'),
        (SWEEP_FIELDS, "symbol = GOOG", "'symbol' is not a field of a sweep: did you mean symbols?"),
        (RESULT_FIELDS, "edge_score > high", 'edge_score is a finite number, not "high"'),
        (RESULT_FIELDS, "symbols:GOOG", "'symbols' is not a field of a sweep's result: did you mean symbol?"),
        (RESULT_FIELDS, "best_session_date > 2010-01-01", "'best_session_date' is not a field of a sweep's result: did you mean"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(fields: Fields, text: str, problem: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        condition(text, fields)
    (violation,) = refused.value.violations
    assert violation.description.startswith(problem)
