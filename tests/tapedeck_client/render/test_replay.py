"""Verdicts."""

from __future__ import annotations

import pytest

from tapedeck.v1.run_pb2 import ReplayVerdict
from tapedeck_client.render.replay import outcome_name, replay_verdict, verdict_line
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, verdict


@pytest.mark.parametrize(
    ("outcome", "word", "colour"),
    [
        (ReplayVerdict.OUTCOME_IDENTICAL, "IDENTICAL", "green"),
        (ReplayVerdict.OUTCOME_DIVERGED, "DIVERGED", "red"),
        (ReplayVerdict.OUTCOME_OVERRIDDEN, "OVERRIDDEN", "cyan"),
        (ReplayVerdict.OUTCOME_INCOMPARABLE, "INCOMPARABLE", "yellow"),
    ],
)
def test_every_outcome_has_its_word_and_colour(outcome: ReplayVerdict.Outcome, word: str, colour: str) -> None:
    line = verdict_line(verdict(outcome))
    assert line.plain == f"{word} One sentence."
    assert colour in str(line.spans[0].style)


def test_both_runs_are_named() -> None:
    shown = printed(replay_verdict(verdict(ReplayVerdict.OUTCOME_IDENTICAL)))
    assert RUN_ID in shown
    assert OTHER_ID in shown


def test_an_outcome_of_a_newer_contract_keeps_its_number() -> None:
    newer = ReplayVerdict.FromString(b"\x08\x63")
    assert outcome_name(newer) == "OUTCOME 99"
