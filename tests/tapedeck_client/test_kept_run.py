"""A run that the store has not got, as the lines of an export."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from google.protobuf import json_format

from tapedeck.v1.run_pb2 import Fill, RunEvent
from tapedeck.v1.transfer_service_pb2 import ExportedRun, ExportHeader
from tapedeck_client.kept_run import kept_run
from tests.tapedeck_client.services import ERROR, story

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_it_is_a_header_and_a_line_with_every_event() -> None:
    events = story(recorded=False)
    events[0].started.labels["team"] = "alpha"
    header, line = kept_run(events, NOW).splitlines()
    assert json_format.Parse(header, ExportHeader()) == ExportHeader(format_version=1, run_count=1, export_time=NOW)
    exported = json_format.Parse(line, ExportedRun())
    assert (list(exported.events), dict(exported.labels), exported.finish_time.ToDatetime(tzinfo=UTC)) == (events, {"team": "alpha"}, NOW)
    assert "run_id" in json.loads(line)["events"][0]["started"], "names of the contract, as in an export"


def test_numbers_keep_all_of_their_bits() -> None:
    numbers = [-0.0, 0.1 + 0.2, math.nextafter(1.0, 2.0), 5e-324, 1.7976931348623157e308]
    events = story(recorded=False)
    events[1].sessions.cash[:] = numbers
    events[1].sessions.fills.append(Fill(price=numbers[1], quantity=-0.0))
    exported = json_format.Parse(kept_run(events, NOW).splitlines()[1], ExportedRun())
    bits, again = ([event.SerializeToString(deterministic=True) for event in each] for each in (events, exported.events))
    assert again == bits


def test_a_run_that_failed_is_whole_too() -> None:
    events = story(error=ERROR, recorded=False)
    assert json_format.Parse(kept_run(events, NOW).splitlines()[1], ExportedRun()).events[-1].finished.error == ERROR


@pytest.mark.parametrize(
    "events", [[], story()[:-1], story()[1:], [*story()[:2], *story()[3:]], [RunEvent(sequence=1)]], ids=lambda each: str(len(each))
)
def test_what_is_cut_off_can_not_be_kept(events: list[RunEvent]) -> None:
    with pytest.raises(ValueError, match="only a whole run can be kept"):
        kept_run(events, NOW)
