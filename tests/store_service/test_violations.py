"""A request with several faults is told all of them at once."""

from __future__ import annotations

import pytest

from store_service.violations import Checks, refuse
from tapedeck_rpc import errors


def test_what_several_parts_are_refused_for_is_told_together() -> None:
    checks = Checks()
    with checks:
        raise refuse("page_size", "is 0 or more, not -1")
    with checks:
        raise errors.InvalidArgument(reason="INVALID_FILTER", violations=[errors.Violation("filter", "is odd")])
    with pytest.raises(errors.InvalidArgument, match="page_size: is 0 or more, not -1; filter: is odd") as refused:
        checks.done()
    assert [violation.field for violation in refused.value.violations] == ["page_size", "filter"]
    assert refused.value.reason == "INVALID_REQUEST"


def test_one_reason_is_kept() -> None:
    checks = Checks()
    for field in ("filter", "order_by"):
        with checks:
            raise errors.InvalidArgument(reason="INVALID_FILTER", violations=[errors.Violation(field, "is odd")])
    with pytest.raises(errors.InvalidArgument) as refused:
        checks.done()
    assert refused.value.reason == "INVALID_FILTER"


def test_a_request_without_faults_passes() -> None:
    checks = Checks()
    with checks:
        parsed = 1
    checks.done()
    assert parsed == 1


def test_other_errors_are_not_collected() -> None:
    with pytest.raises(errors.NotFound), Checks():
        raise errors.NotFound("gone", reason="RUN_NOT_FOUND")
