"""Options as one filter."""

from __future__ import annotations

import pytest

from tapedeck_client.filter_options import filter_text


def test_conditions_are_joined_and_the_users_own_stay_together() -> None:
    text = filter_text("pnl > 1 OR pnl < 0", [("strategy = ", "momentum"), ("symbols:", None)], [("team", "alpha")])
    assert text == '(pnl > 1 OR pnl < 0) AND strategy = "momentum" AND labels.team = "alpha"'


def test_conditions_of_our_own_come_last_and_stand_alone_too() -> None:
    assert filter_text("pnl > 1 OR pnl < 0", [], only=["delete_time:*"]) == "(pnl > 1 OR pnl < 0) AND delete_time:*"
    assert filter_text(None, [], only=["delete_time:*"]) == "delete_time:*"


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_condition_is_no_filter(nothing: str | None) -> None:
    assert filter_text(nothing, [("strategy = ", None), ("symbol = ", "")]) == ""


def test_quotes_and_unusual_keys_are_written_so_that_they_are_read_back() -> None:
    assert filter_text(None, [("strategy = ", 'a "b" \\c')], [("my-key", "x")]) == r'strategy = "a \"b\" \\c" AND labels."my-key" = "x"'
