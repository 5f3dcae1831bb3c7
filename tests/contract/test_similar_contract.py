"""What FindSimilarRuns promises, asked of the store itself and through gRPC: the wire changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from store_service.runs import similar
from store_service.runs.organizing import RunOrganizer
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors
from tests.fix_replays import Runs, fields_of, refusal
from tests.fix_runs import Record, make_events, make_spec, make_started, new_run_id, whole_run

ASKED, CHANGED, OTHER = "a" * 64, "b" * 64, "c" * 64


def ids(answer: store_service_pb2.FindSimilarRunsResponse) -> list[str]:
    return [similar.run.run_id for similar in answer.runs]


def differing(answer: store_service_pb2.FindSimilarRunsResponse) -> list[dict[str, tuple[Any, Any]]]:
    """Per run: the fields that differ, with the subject's value and the run's."""
    fields = [{each.field: each.values for each in similar.differences} for similar in answer.runs]
    return [
        {name: tuple(getattr(value, str(value.WhichOneof("kind"))) for value in values) for name, values in one.items()} for one in fields
    ]


def of(digest: str, **spec: Any) -> list[run_pb2.RunEvent]:
    return whole_run(started={"spec_digest": digest}, **spec)


async def test_runs_of_the_same_spec_come_first_then_those_that_differ_newest_first(runs: Runs, record: Record) -> None:
    same = await record(of(ASKED))
    earlier_end = await record(of(OTHER, end_date="2010-06-30"))
    asked = await record(of(ASKED, timeout_seconds=60))
    faster = await record(of(CHANGED, parameters={"fast": 5, "slow": 30}))
    answer = await runs.find_similar_runs(run_id=asked)
    assert ids(answer) == [same, faster, earlier_end]
    assert [similar.same_digest for similar in answer.runs] == [True, False, False]
    assert differing(answer) == [{}, {"parameters.fast": (10, 5)}, {"end_date": ("2010-12-31", "2010-06-30")}]
    assert answer.runs[1].run == await runs.get_run(faster, store_service_pb2.RUN_VIEW_BASIC)


async def test_only_runs_with_a_result_of_the_same_strategy_and_symbols_are_alike(
    runs: Runs, record: Record, run_organizer: RunOrganizer
) -> None:
    asked = await record(of(ASKED, state=run_pb2.RUN_STATE_FAILED))
    for other in ({"strategy": "momentum"}, {"symbols": ["GOOG"]}, {"symbols": ["AAPL", "GOOG"]}, {"state": run_pb2.RUN_STATE_CANCELLED}):
        await record(of(OTHER, **other))
    await record(make_events(make_started(spec_digest=ASKED)))
    for digest in (ASKED, OTHER):
        await run_organizer.delete_run(await record(of(digest)))
    cheaper = {"slippage": run_pb2.Slippage(none=run_pb2.NoSlippage()), "dataset": "mine"}
    alike = await record(of(OTHER, **cheaper))
    answer = await runs.find_similar_runs(run_id=asked)
    assert ids(answer) == [alike]
    assert set(differing(answer)[0]) == {"slippage.none", "dataset"}


async def test_a_spec_is_compared_in_what_it_says(runs: Runs, record: Record) -> None:
    newer_code = await record(of(CHANGED))
    longer = await record(of(OTHER, end_date="2011-12-30"))
    asked = run_pb2.RunSpec(strategy="sma_crossover", symbols=make_spec().symbols, end_date="2010-12-31", timeout_seconds=7)
    asked.parameters.update({"fast": 10})
    answer = await runs.find_similar_runs(spec=asked)
    assert ids(answer) == [newer_code, longer]
    assert [similar.same_digest for similar in answer.runs] == [True, False]
    assert differing(answer) == [{}, {"end_date": ("2010-12-31", "2011-12-30")}]
    asked.parameters.update({"fast": 11})
    answer = await runs.find_similar_runs(spec=asked)
    assert [similar.same_digest for similar in answer.runs] == [False, False]
    assert differing(answer)[1] == {"parameters.fast": (11, 10)}


async def all_pages(runs: Runs, page_size: int, page_token: str = "") -> list[str]:
    found: list[str] = []
    while True:
        page = await runs.find_similar_runs(spec=make_spec(), page_size=page_size, page_token=page_token)
        assert len(page.runs) <= page_size
        found, page_token = found + ids(page), page.next_page_token
        if not page_token:
            return found


async def test_pages_of_any_size_give_every_run_once_also_when_a_run_arrives_that_changes_the_digest(runs: Runs, record: Record) -> None:
    recorded = [await record(of(OTHER if number % 3 else ASKED)) for number in range(7)]
    same, others = [recorded[at] for at in (6, 3, 0)], [recorded[at] for at in (5, 4, 2, 1)]
    for page_size in (1, 2, 3, 4, 7):
        assert await all_pages(runs, page_size) == [*same, *others]
    first = await runs.find_similar_runs(spec=make_spec(), page_size=2)
    newest = await record(of(CHANGED))
    assert [*ids(first), *await all_pages(runs, 2, first.next_page_token)] == [*same, newest, *others]
    assert (await all_pages(runs, 10))[0] == newest


async def test_a_page_has_a_limit(runs: Runs, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store_service.runs.store.MAX_SIMILAR", 2)
    for _ in range(3):
        await record(of(ASKED))
    page = await runs.find_similar_runs(spec=make_spec(), page_size=1_000)
    assert len(page.runs) == 2
    assert page.next_page_token


async def test_a_page_fits_into_a_message_also_when_much_differs(runs: Runs, record: Record) -> None:
    asked = await record(of(ASKED, parameters={"rule": "a" * 1_500_000}))
    others = [await record(of(OTHER, parameters={"rule": "b" * 1_500_000})) for _ in range(5)]
    found: list[str] = []
    page_token = ""
    for count in (2, 2, 1):
        page = await runs.find_similar_runs(run_id=asked, page_size=5, page_token=page_token)
        assert len(page.runs) == count
        found, page_token = found + ids(page), page.next_page_token
    assert (found, page_token) == (others[::-1], "")


async def test_a_spec_whose_equal_is_too_far_back_has_no_digest(runs: Runs, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await record(of(ASKED))
    await record(of(OTHER, end_date="2011-12-30"))
    monkeypatch.setattr(similar, "MAX_LOOKED_THROUGH", 1)
    answer = await runs.find_similar_runs(spec=make_spec())
    assert ids(answer)[-1] == old
    assert (answer.runs[1].same_digest, list(answer.runs[1].differences)) == (False, [])


async def test_a_token_of_another_subject_is_refused(runs: Runs, record: Record) -> None:
    one, other = await record(of(ASKED)), await record(of(ASKED))
    await record(of(ASKED))
    token = (await runs.find_similar_runs(run_id=one, page_size=1)).next_page_token
    for subject in ({"run_id": other}, {"spec": make_spec()}):
        error = await refusal(lambda subject=subject: runs.find_similar_runs(page_token=token, **subject))  # type: ignore[misc]
        assert (error.reason, fields_of(error)) == ("INVALID_PAGE_TOKEN", ["page_token"])


async def test_everything_wrong_is_said_at_once(runs: Runs) -> None:
    assert fields_of(await refusal(lambda: runs.find_similar_runs(page_size=-1))) == ["run_id", "page_size"]
    assert fields_of(await refusal(lambda: runs.find_similar_runs(run_id="7", page_size=-1))) == ["run_id", "page_size"]
    spec = run_pb2.RunSpec()
    spec.parameters.update({"fast": float("nan")})
    wrong = await refusal(lambda: runs.find_similar_runs(spec=spec, page_size=-1))
    assert fields_of(wrong) == ["spec.strategy", "spec.symbols", "spec.parameters", "page_size"]


async def test_an_unknown_run_is_not_found_and_text_that_nobody_stores_is_refused(runs: Runs) -> None:
    error = await refusal(lambda: runs.find_similar_runs(run_id=new_run_id()))
    assert (type(error), error.reason) == (errors.NotFound, "RUN_NOT_FOUND")
    error = await refusal(lambda: runs.find_similar_runs(spec=make_spec(strategy="\x00")))
    assert error.reason == "UNSTORABLE_VALUE"
