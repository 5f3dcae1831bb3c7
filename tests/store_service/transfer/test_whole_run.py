"""Ids of runs that come as a whole."""

from __future__ import annotations

import uuid

from store_service.transfer.whole_run import derived_id


def test_a_derived_id_is_one_of_version_7_with_the_instant_in_front() -> None:
    made = derived_id(1_790_000_000_123, bytes(range(200, 232)))
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, 1_790_000_000_123)
    assert made == derived_id(1_790_000_000_123, bytes(range(200, 232)))
    assert made != derived_id(1_790_000_000_123, bytes(range(201, 233)))
