"""Reading what is exported: pages have a size, whatever the runs are."""

from __future__ import annotations

import pytest

from store_service.database import Database
from store_service.models import is_kept, runs
from store_service.transfer import exporting
from tests.fix_runs import Record, whole_run


@pytest.mark.parametrize(("page_bytes", "sizes"), [(1, [1, 1, 1, 1, 1]), (25_000, [3, 2]), (10**6, [4, 1])])
async def test_a_page_has_a_number_of_runs_and_of_bytes(
    database: Database, record: Record, monkeypatch: pytest.MonkeyPatch, page_bytes: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(exporting, "RUNS_PER_READ", 4)
    monkeypatch.setattr(exporting, "BYTES_PER_READ", page_bytes)
    ids = [await record(whole_run(parameters={"text": "x" * 10_000})) for _ in range(5)]
    async with database.transaction() as connection:
        pages = [page async for page in exporting._pages(connection, is_kept, (runs.c.run_id, runs.c.strategy))]
    assert [len(page) for page in pages] == sizes
    assert [str(row.run_id) for page in pages for row in page] == ids
