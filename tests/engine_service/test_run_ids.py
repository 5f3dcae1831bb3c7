"""Run ids are UUIDs of version 7."""

from __future__ import annotations

import time
import uuid

import pytest

from engine_service.run_ids import new_run_id, run_id_of
from tapedeck_rpc import errors


def test_a_new_id_is_a_version_7_uuid_that_carries_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_run_id())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_are_all_different() -> None:
    assert len({new_run_id() for _ in range(1_000)}) == 1_000


def test_an_id_in_another_notation_is_taken_in_its_canonical_form() -> None:
    made = new_run_id()
    assert run_id_of(made.upper()) == run_id_of(made.replace("-", "")) == made


@pytest.mark.parametrize("text", ["", "nonsense", "0193", "g" * 32])
def test_what_is_no_uuid_is_refused_by_name(text: str) -> None:
    with pytest.raises(errors.InvalidArgument) as raised:
        run_id_of(text)
    assert [violation.field for violation in raised.value.violations] == ["run_id"]
