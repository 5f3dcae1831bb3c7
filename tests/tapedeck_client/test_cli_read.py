"""records: rows of what a run has recorded."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tapedeck.v1.store_service_pb2 import RunPart
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import RUN_ID, Store


@pytest.mark.parametrize(
    ("part", "heading", "first"),
    [
        ("curve", "Session date Portfolio value Cash Drawdown", "2005-01-03 100,000.00 0.00 0.00%"),
        ("fills", "Session date Symbol Quantity Price Commission Order number", "2005-01-03 GOOG -1,234.5 0.3333 0.01 1"),
        ("orders", "Session date Symbol Target weight Quantity Filled Order number Cancelled", "2005-01-03 GOOG 50.00% 10 10 1"),
        ("positions", "Session date Symbol Quantity Cost basis", "2005-01-03 GOOG 10 99.5000"),
        (
            "actions",
            "Session date Symbol Kind Quantity Cash Split ratio Dividend per share Pay date Price",
            "2005-01-03 GOOG split 20 0.50 0.5 – 2005-01-07 –",
        ),
        (
            "round-trips",
            "Symbol Entry date Exit date Quantity Entry price Exit price Commission Pnl Return on cost",
            "GOOG 2005-01-03 2005-01-05 10 99.0000 101.0000 0.00 19.50 0.00%",
        ),
    ],
)
def test_each_part_is_a_table(tapedeck: Tapedeck, monkeypatch: pytest.MonkeyPatch, part: str, heading: str, first: str) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    lines = tapedeck("records", RUN_ID, part).stdout.splitlines()
    assert [" ".join(line.split()) for line in (lines[0], lines[2])] == [heading, first]


def test_one_part_is_asked_for_with_its_symbols_and_dates(tapedeck: Tapedeck, store: Store) -> None:
    tapedeck("records", "aaaa0001", "fills", "--symbol", "GOOG", "-s", "AAPL", "--start", "2005-01-03", "--end", "2005-01-05")
    request = store.requests[-1]
    assert (request.run_id, list(request.parts), list(request.symbols)) == (RUN_ID, [RunPart.RUN_PART_FILLS], ["GOOG", "AAPL"])
    assert (request.start_date, request.end_date) == ("2005-01-03", "2005-01-05")


def test_a_table_stops_at_its_limit_and_says_that_there_is_more(tapedeck: Tapedeck) -> None:
    shown = tapedeck("records", RUN_ID, "curve", "--limit", "3").stdout
    assert "2005-01-05" in shown
    assert "2005-01-06" not in shown
    assert "The first 3. There are more" in shown
    assert "There are more" not in tapedeck("records", RUN_ID, "curve", "--limit", "4").stdout


def test_csv_has_all_rows_in_full_precision(tapedeck: Tapedeck) -> None:
    written = list(csv.DictReader(io.StringIO(tapedeck("records", RUN_ID, "fills", "--csv", "--limit", "1").stdout)))
    assert len(written) == 2
    assert written[0] == {
        "session_date": "2005-01-03",
        "symbol": "GOOG",
        "quantity": "-1234.5",
        "price": repr(1 / 3),
        "commission": "0.01",
        "order_number": "1",
    }
    (action, paid, *_) = csv.DictReader(io.StringIO(tapedeck("records", RUN_ID, "actions", "--csv").stdout))
    assert (action["kind"], action["pay_date"], action["dividend_per_share"]) == ("split", "2005-01-07", "")
    assert (paid["kind"], paid["symbol"]) == ("dividend_paid", "")


def test_json_is_the_messages_of_the_stream_a_line_each(tapedeck: Tapedeck) -> None:
    messages = [json.loads(line) for line in tapedeck("records", RUN_ID, "curve", "--json").stdout.splitlines()]
    assert [message["sessions"]["session_dates"] for message in messages] == [[20050103, 20050104], [20050105, 20050106]]
    assert messages[0]["place"] == {"session_date": 20050104}


def test_what_is_not_there_is_said(tapedeck: Tapedeck, store: Store) -> None:
    store.records = lambda _: []
    assert tapedeck("records", RUN_ID, "curve").stdout == "the run has recorded no sessions\n"
    asked = tapedeck("records", RUN_ID, "round-trips", "--symbol", "IBM").stdout
    assert asked == "the run has recorded no round trips of what is asked for\n"


def test_options_that_do_not_go_together_are_refused(tapedeck: Tapedeck, store: Store) -> None:
    assert "whole account" in tapedeck("records", RUN_ID, "curve", "--symbol", "GOOG").stderr
    assert "not both" in tapedeck("records", RUN_ID, "fills", "--csv", "--json").stderr
    assert store.requests == []
