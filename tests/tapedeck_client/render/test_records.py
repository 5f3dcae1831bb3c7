"""Rows of a run's records."""

from __future__ import annotations

import pytest

from tapedeck.v1.run_pb2 import CorporateAction, SessionBatch
from tapedeck.v1.store_service_pb2 import ReadRunRequest, ReadRunResponse, RunPart
from tapedeck_client.render.records import COLUMNS, PARTS, rows, table
from tests.tapedeck_client.records_story import read_story
from tests.tapedeck_client.render.printed import printed


def test_every_part_has_a_name() -> None:
    assert sorted(PARTS.values()) == sorted(RunPart.values()[1:])


@pytest.mark.parametrize("part", PARTS)
def test_rows_have_the_columns_of_their_part_and_no_more(part: str) -> None:
    messages = read_story(ReadRunRequest())
    found = [row for message in messages for row in rows(part, message)]
    assert len(found) == {"curve": 4, "orders": 4, "actions": 4}.get(part, 2)
    assert {len(row) for row in found} == {len(COLUMNS[part])}
    assert len(printed(table(part, found), columns=200).splitlines()) == 2 + len(found)


def test_a_curve_without_cash_has_none() -> None:
    message = ReadRunResponse(sessions=SessionBatch(session_dates=[20050103], portfolio_values=[99.0]), drawdowns=[-0.01])
    assert list(rows("curve", message)) == [("2005-01-03", 99.0, None, -0.01)]
    assert "–" in printed(table("curve", list(rows("curve", message))))


def test_what_a_newer_store_knows_and_names_that_would_steer_a_terminal_are_shown_as_they_are() -> None:
    action = CorporateAction(session_date=20050103, symbol="\x1b[31m", kind=99)  # type: ignore[arg-type]
    found = list(rows("actions", ReadRunResponse(sessions=SessionBatch(corporate_actions=[action]))))
    assert found[0][2] == "99"
    assert "\x1b" not in printed(table("actions", found))
