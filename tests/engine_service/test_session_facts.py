from __future__ import annotations

import dataclasses

from engine_service.session_facts import SessionFacts, iso_date, session_of
from tapedeck.v1 import run_pb2


def test_there_is_a_fact_for_every_column_of_a_batch() -> None:
    columns = {field.name for field in run_pb2.SessionBatch.DESCRIPTOR.fields}
    singular = {"session_dates": "session_date", "portfolio_values": "portfolio_value"}
    assert {field.name for field in dataclasses.fields(SessionFacts)} == {singular.get(column, column) for column in columns}


def test_a_session_is_found_again_by_its_date() -> None:
    assert [iso_date(session_of(date)) for date in ("1980-12-12", "2016-02-29")] == ["1980-12-12", "2016-02-29"]
