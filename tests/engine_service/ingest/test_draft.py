from __future__ import annotations

from engine_service.ingest import Draft, IngestRefused
from engine_service.ingest.draft import BARS
from tests.fix_datasets import synthetic_draft


def test_a_refusal_says_everything_in_its_text() -> None:
    assert str(IngestRefused(["one", "two"])) == "one\ntwo"


def test_a_draft_without_events_has_none() -> None:
    bars = synthetic_draft({"AAA": [1.0]}).bars
    draft = Draft("mine", "XNYS", "USD", "", "", bars)
    assert draft.bars.schema == BARS
    assert draft.splits.is_empty()
    assert draft.dividends.is_empty()
