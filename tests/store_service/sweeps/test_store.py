"""Pages of sweeps and of results end where a message would become too large."""

from __future__ import annotations

import pytest

from store_service import pages
from store_service.sweeps.store import SweepStore
from tests.fix_sweeps import RecordSweep


async def test_a_page_of_large_sweeps_ends_early_and_the_next_goes_on(
    sweep_store: SweepStore, record_sweep: RecordSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await record_sweep() for _ in range(3)][::-1]
    one = await sweep_store.get_sweep(ids[0])
    monkeypatch.setattr(pages, "MAX_PAGE_BYTES", one.ByteSize() + 1)
    first, token = await sweep_store.list_sweeps()
    rest, end = await sweep_store.list_sweeps(page_token=token)
    assert ([sweep.sweep_id for sweep in [*first, *rest]], len(first), end) == (ids, 2, "")
