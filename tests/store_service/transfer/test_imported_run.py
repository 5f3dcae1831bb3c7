"""A run of an import's file."""

from __future__ import annotations

import uuid

from store_service.transfer.imported_run import imported_id
from tests.fix_runs import new_run_id


def test_imported_runs_keep_their_order_and_have_ids_of_their_own() -> None:
    original = uuid.UUID(new_run_id())
    made = imported_id(original)
    assert (made.int >> 80, made.version) == (original.int >> 80, 7)
    assert len({original, made, imported_id(made), imported_id(uuid.UUID(new_run_id()))}) == 4
