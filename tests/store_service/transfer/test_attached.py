"""Suggestions that come with runs: however many there are, they do not hold up what else the store does."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from store_service.database import Database
from store_service.transfer.attached import keep_suggestions, suggestions_of
from tests.fix_runs import Record
from tests.fix_strategies import make_suggestion

TIME = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_suggestions_are_kept_to_the_letter_and_do_not_keep_the_event_loop_busy(database: Database, record: Record) -> None:
    run_id = await record()
    texts: dict[str, Any] = {
        "description": 'Trade "less" \\ é\n',
        "specific_changes": ["a,b", "{}", "NULL"],
        "references": [],
        "rationale": "\u2028",
    }
    asked = [make_suggestion(run_id, **{**texts, "expected_impact": str(number)}).suggestion for number in range(5_000)]
    async with database.transaction() as connection:
        started = time.thread_time()
        times = (TIME + timedelta(microseconds=number) for number in range(len(asked)))
        await keep_suggestions(connection, ((uuid.UUID(run_id), each, at) for each, at in zip(asked, times, strict=True)))
        assert time.thread_time() - started < 0.1
        kept = (await suggestions_of(connection, [uuid.UUID(run_id)]))[run_id]
    assert [each.create_time.ToMicroseconds() - kept[0].create_time.ToMicroseconds() for each in kept] == list(range(len(asked)))
    for each in kept:
        assert uuid.UUID(each.suggestion_id)
        for field in ("suggestion_id", "strategy", "create_time"):
            each.ClearField(field)
    assert kept == asked
