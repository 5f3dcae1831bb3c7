"""The table of an export in CSV."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from store_service.database import Database
from store_service.transfer import table
from tapedeck.v1 import transfer_service_pb2
from tests.fix_runs import Record
from tests.fix_transfer import Transfers


async def test_lines_are_made_beside_the_event_loop(database: Database, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    await record()
    json_text, threads = table.json_text, set[int]()

    def watched(value: Any) -> str:
        threads.add(threading.get_ident())
        return json_text(value)

    monkeypatch.setattr(table, "json_text", watched)
    assert await Transfers(database).export(form=transfer_service_pb2.EXPORT_FORMAT_CSV)
    assert threads
    assert threading.get_ident() not in threads
