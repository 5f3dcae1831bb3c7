"""What StoreService promises about recorded runs, asked of the store itself and through gRPC: the wire changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from store_service.paging import MAX_PAGE_SIZE
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors
from tests.fix_replays import Runs, fields_of, refusal
from tests.fix_runs import Record, make_events, make_finished, make_sessions, make_spec, make_started, new_run_id, session_dates, whole_run


async def watched(runs: Runs, run_id: str, from_sequence: int = 0) -> list[run_pb2.RunEvent]:
    return [event async for event in runs.watch_run(run_id, from_sequence)]


def long_run(drift: float) -> list[run_pb2.RunEvent]:
    """A run of 80 sessions whose value rises by 2 and falls by 1 percent in turn, and drifts."""
    values = 100_000.0 * np.cumprod(1.0 + drift + np.tile([0.02, -0.01], 40))
    return make_events(
        make_started(spec=make_spec(), session_count=80),
        make_sessions(session_dates("2010-01-04", 80), values.tolist()),
        make_finished(session_count=80),
    )


class TestGetRun:
    async def test_a_run_is_described_as_it_was_recorded(self, runs: Runs, record: Record) -> None:
        events = whole_run()
        started, finished = events[0].started, events[-1].finished
        run = await runs.get_run(await record(events))
        assert run.run_id == started.run_id
        assert run.spec == started.spec
        assert run.metrics == finished.metrics
        assert run.state == run_pb2.RUN_STATE_SUCCEEDED
        assert run.create_time == started.create_time
        assert (run.session_count, run.sessions_recorded, run.execution_seconds) == (3, 3, 0.5)
        assert (run.strategy_type, run.spec_digest, run.result_digest) == ("trend", started.spec_digest, finished.result_digest)
        assert dict(run.labels) == {"team": "alpha"}
        assert run.HasField("finish_time")
        assert not run.HasField("replay")
        assert not run.HasField("verdict")
        assert not run.HasField("error")

    async def test_the_full_view_is_the_default_and_has_the_provenance(self, runs: Runs, record: Record) -> None:
        events = whole_run(started={"request_id": "once"})
        run_id = await record(events)
        run = await runs.get_run(run_id)
        assert run.provenance == events[0].started.provenance
        assert (run.request_id, run.next_sequence) == ("once", 5)
        assert await runs.get_run(run_id, store_service_pb2.RUN_VIEW_FULL) == run
        for field in ("provenance", "request_id", "next_sequence"):
            run.ClearField(field)
        assert await runs.get_run(run_id, store_service_pb2.RUN_VIEW_BASIC) == run

    async def test_a_run_names_its_engine_and_the_result_it_was_made_of(self, runs: Runs, record: Record) -> None:
        link = run_pb2.SweepLink(sweep_id=new_run_id(), number=7)
        made = await record(whole_run(started={"sweep": link}, finished={"engine_kind": "kernel"}))
        other, live = await record(), await record(make_events(make_started()))
        basic = store_service_pb2.RUN_VIEW_BASIC
        assert (await runs.get_run(made, basic)).sweep == link
        assert not (await runs.get_run(other, basic)).HasField("sweep")
        kinds = {"kernel": {made}, "zipline": {other, live}}
        for kind, expected in kinds.items():
            found, _ = await runs.list_runs(filter_text=f"engine_kind = {kind}")
            assert ({run.run_id for run in found}, {run.engine_kind for run in found}) == (expected, {kind})
        for text in (f"sweep_id = {link.sweep_id}", "sweep_number = 7", f'sweep_id = "*{link.sweep_id[-8:]}"', "sweep_id:*"):
            assert [run.run_id for run in (await runs.list_runs(filter_text=text))[0]] == [made]

    async def test_a_failed_run_has_its_error_and_no_metrics(self, runs: Runs, record: Record) -> None:
        run = await runs.get_run(await record(whole_run(state=run_pb2.RUN_STATE_FAILED)))
        assert run.state == run_pb2.RUN_STATE_FAILED
        assert (run.error.reason, run.error.message, run.error.session_date) == ("STRATEGY_FAILED", "ValueError: no", "2010-01-06")
        assert not run.HasField("metrics")

    async def test_a_run_that_goes_on_says_how_far_it_is(self, runs: Runs, record: Record) -> None:
        run = await runs.get_run(await record(whole_run()[:2]))
        assert run.state == run_pb2.RUN_STATE_RUNNING
        assert (run.sessions_recorded, run.next_sequence, run.execution_seconds) == (2, 3, 0)
        assert not run.HasField("finish_time")

    async def test_empty_parameters_and_any_text_come_back(self, runs: Runs, record: Record) -> None:
        run = await runs.get_run(await record(whole_run(parameters={}, started={"labels": {"é💥\n": "\u2028'\"\\"}})))
        assert run.spec.HasField("parameters")
        assert dict(run.labels) == {"é💥\n": "\u2028'\"\\"}

    async def test_an_unknown_run_is_not_found(self, runs: Runs) -> None:
        run_id = new_run_id()
        error = await refusal(lambda: runs.get_run(run_id))
        assert (type(error), error.reason, error.metadata) == (errors.NotFound, "RUN_NOT_FOUND", {"run_id": run_id})

    @pytest.mark.parametrize(
        "run_id", ["", "7", "not-a-uuid", "{01a1fe31-d07e-7000-abea-766e5ba113ad}", "01a1fe31d07e7000abea766e5ba113ad", "\x00"]
    )
    async def test_a_malformed_id_is_refused(self, runs: Runs, run_id: str) -> None:
        error = await refusal(lambda: runs.get_run(run_id))
        assert (error.reason, fields_of(error)) == ("INVALID_REQUEST", ["run_id"])

    async def test_everything_wrong_is_said_at_once(self, runs: Runs) -> None:
        assert fields_of(await refusal(lambda: runs.get_run("7", 9))) == ["run_id", "view"]


class TestListRuns:
    async def test_the_20_newest_in_the_basic_view_by_default(self, runs: Runs, record: Record) -> None:
        ids = [await record() for _ in range(22)]
        listed, token = await runs.list_runs()
        assert [run.run_id for run in listed] == ids[:1:-1]
        assert not any(run.HasField("provenance") for run in listed)
        assert token != ""
        rest, end = await runs.list_runs(page_token=token)
        assert [run.run_id for run in rest] == [ids[1], ids[0]]
        assert end == ""

    async def test_pages_of_any_size_give_every_run_once_and_runs_without_the_key_last(self, runs: Runs, record: Record) -> None:
        ratios = [1.0, 3.0, None, 2.0, 2.0, None, -1.0]
        ids = [await record(whole_run(finished={"metrics": {"sharpe_ratio": ratio}})) for ratio in ratios]
        ids.append(await record(make_events(make_started())))
        for order_by, expected in (("sharpe_ratio desc", [1, 4, 3, 0, 6, 7, 5, 2]), ("sharpe_ratio", [6, 0, 3, 4, 1, 2, 5, 7])):
            for page_size in (1, 2, 3, 5, 100):
                found: list[str] = []
                token = ""
                while True:
                    page, token = await runs.list_runs(order_by=order_by, page_size=page_size, page_token=token)
                    found += [run.run_id for run in page]
                    assert len(page) <= page_size
                    if not token:
                        break
                assert found == [ids[at] for at in expected]

    async def test_the_page_size_may_change_between_pages(self, runs: Runs, record: Record) -> None:
        ids = [await record() for _ in range(5)]
        first, token = await runs.list_runs(page_size=1)
        second, token = await runs.list_runs(page_size=3, page_token=token)
        third, token = await runs.list_runs(page_size=MAX_PAGE_SIZE + 1, page_token=token)
        assert [run.run_id for run in [*first, *second, *third]] == ids[::-1]
        assert token == ""

    async def test_runs_that_arrive_between_pages_do_not_move_the_others(self, runs: Runs, record: Record) -> None:
        ids = [await record() for _ in range(6)]
        found, token = await runs.list_runs(page_size=2)
        while token:
            await record()
            page, token = await runs.list_runs(page_size=2, page_token=token)
            found += page
        assert [run.run_id for run in found] == ids[::-1]

    @pytest.mark.parametrize("order_by", ["create_time", "create_time desc", "sharpe_ratio", "sharpe_ratio desc"])
    async def test_pages_taken_while_runs_arrive_show_every_run_once(self, runs: Runs, record: Record, order_by: str) -> None:
        async def arrive(ratios: Sequence[float | None]) -> list[str]:
            return [await record(whole_run(finished={"metrics": {"sharpe_ratio": ratio}})) for ratio in ratios]

        ids = await arrive([2, 1, None, 3, 1, None])
        found: list[str] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(arrive([4, None, 0, 1.5, 2.5, 1, 9, None]))
            token = None
            while token != "":
                page, token = await runs.list_runs(order_by=order_by, page_size=2, page_token=token or "")
                found += [run.run_id for run in page]
        assert len(found) == len(set(found))
        assert set(ids) <= set(found)

    @pytest.mark.parametrize(
        "order_by",
        ["create_time", "finish_time desc", "start_date", "end_date desc", "capital_base", "execution_seconds", "session_count desc"],
    )
    async def test_every_kind_of_key_pages(self, runs: Runs, record: Record, order_by: str) -> None:
        ids = {await record(whole_run(capital_base=1.0 + number % 2, start_date=f"2010-01-0{4 + number}")) for number in range(3)}
        ids.add(await record(make_events(make_started())))
        found: list[str] = []
        token = ""
        while len(found) < 4:
            (run,), token = await runs.list_runs(order_by=order_by, page_size=1, page_token=token)
            found.append(run.run_id)
        assert token == ""
        assert set(found) == ids

    async def test_the_filter_applies(self, runs: Runs, record: Record) -> None:
        await record()
        wanted = await record(whole_run(strategy="momentum"))
        listed, _ = await runs.list_runs(filter_text="strategy = momentum")
        assert [run.run_id for run in listed] == [wanted]

    async def test_the_full_view_on_request(self, runs: Runs, record: Record) -> None:
        await record()
        (run,), _ = await runs.list_runs(view=store_service_pb2.RUN_VIEW_FULL)
        assert run.provenance.calendar == "XNYS"

    async def test_a_token_of_another_list_is_refused(self, runs: Runs, record: Record) -> None:
        for _ in range(2):
            await record()
        _, token = await runs.list_runs(page_size=1, filter_text="alpha > 1 OR strategy:*")
        for changed in ({"filter_text": ""}, {"filter_text": "strategy:*"}, {"order_by": "pnl"}):
            how = {"page_size": 1, "filter_text": "alpha > 1 OR strategy:*", "page_token": token, **changed}
            error = await refusal(lambda how=how: runs.list_runs(**how))  # type: ignore[misc]
            assert (error.reason, fields_of(error)) == ("INVALID_PAGE_TOKEN", ["page_token"])

    async def test_the_same_order_in_other_words_keeps_the_token(self, runs: Runs, record: Record) -> None:
        for _ in range(2):
            await record()
        _, token = await runs.list_runs(page_size=1)
        page, _ = await runs.list_runs(page_size=1, page_token=token, order_by="create_time  desc")
        assert len(page) == 1

    async def test_everything_wrong_is_said_at_once(self, runs: Runs) -> None:
        error = await refusal(lambda: runs.list_runs(filter_text="foo = 1", order_by="bar", page_size=-1, view=9))
        assert fields_of(error) == ["filter", "order_by", "page_size", "view"]

    @pytest.mark.parametrize("order_by", ["sharp_ratio", "alpha down", "alpha desc, beta", "desc", "alpha desc desc", "strategy"])
    async def test_an_unknown_order_is_refused_with_the_known_fields(self, runs: Runs, order_by: str) -> None:
        error = await refusal(lambda: runs.list_runs(order_by=order_by))
        assert (error.reason, fields_of(error)) == ("INVALID_FILTER", ["order_by"])
        assert "sharpe_ratio" in error.message


class TestCountRuns:
    async def test_it_counts_what_the_filter_matches(self, runs: Runs, record: Record) -> None:
        for strategy in ("momentum", "sma_crossover", "momentum"):
            await record(whole_run(strategy=strategy))
        assert await runs.count_runs() == 3
        assert await runs.count_runs("strategy = momentum") == 2
        assert await runs.count_runs("strategy = none") == 0

    async def test_a_wrong_filter_is_refused(self, runs: Runs) -> None:
        assert (await refusal(lambda: runs.count_runs("foo = 1"))).reason == "INVALID_FILTER"


class TestCompareRuns:
    async def test_runs_stand_side_by_side_in_the_order_asked_for(self, runs: Runs, record: Record) -> None:
        good = await record(whole_run(parameters={"fast": 10}, finished={"metrics": {"sharpe_ratio": 2.0, "max_drawdown": -0.5}}))
        calm = await record(whole_run(parameters={"fast": 20}, finished={"metrics": {"sharpe_ratio": 1.0, "max_drawdown": -0.1}}))
        failed = await record(whole_run(parameters={"fast": 20}, state=run_pb2.RUN_STATE_FAILED))
        missing = new_run_id()
        compared = await runs.compare_runs([calm, missing, good, failed])
        assert [run.run_id for run in compared.runs] == [calm, good, failed]
        assert list(compared.missing_run_ids) == [missing]
        best = {metric.metric: list(metric.best_run_ids) for metric in compared.metrics}
        assert (best["sharpe_ratio"], best["max_drawdown"], best["trades_total"]) == ([good], [calm], [])
        (difference,) = compared.differences
        assert difference.field == "parameters.fast"
        assert [value.number_value for value in difference.values] == [20, 10, 20]
        assert not compared.HasField("curves")

    async def test_curves_are_aligned_on_common_sessions(self, runs: Runs, record: Record) -> None:
        one, other = await record(), await record(whole_run(start_date="2010-01-05"))
        queued = await record(make_events(make_started()))
        curves = (await runs.compare_runs([one, other, queued], include_curves=True)).curves
        assert list(curves.session_dates) == [20100105, 20100106]
        assert {curve.run_id: list(curve.portfolio_values) for curve in curves.curves} == {
            one: [101_000.0, 102_000.0],
            other: [100_000.0, 101_000.0],
        }

    async def test_differences_between_sharpe_ratios_are_tested_on_runs_that_succeeded(self, runs: Runs, record: Record) -> None:
        up, down = await record(long_run(0.0)), await record(long_run(-0.01))
        failed = await record(whole_run(state=run_pb2.RUN_STATE_FAILED))
        sharpe = (await runs.compare_runs([down, up, failed], include_sharpe=True)).sharpe
        assert (sharpe.best_run_id, [(each.run_id, each.is_more_than_noise) for each in sharpe.differences]) == (up, [(down, True)])
        short = await record()
        assert "session returns in common" in (await runs.compare_runs([up, short], include_sharpe=True)).sharpe.note

    async def test_runs_that_do_not_exist_are_named(self, runs: Runs) -> None:
        ids = [new_run_id(), new_run_id()]
        compared = await runs.compare_runs(ids, include_curves=True)
        assert (list(compared.runs), list(compared.missing_run_ids)) == ([], ids)

    async def test_everything_wrong_is_said_at_once(self, runs: Runs) -> None:
        run_id = new_run_id()
        error = await refusal(lambda: runs.compare_runs([run_id, "7", run_id.upper(), *[new_run_id() for _ in range(8)]]))
        assert fields_of(error) == ["run_ids", "run_ids[1]", "run_ids[2]"]
        assert fields_of(await refusal(lambda: runs.compare_runs([run_id]))) == ["run_ids"]
        assert fields_of(await refusal(lambda: runs.compare_runs([]))) == ["run_ids"]


class TestWatchRun:
    @pytest.mark.parametrize("state", [run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED])
    async def test_the_events_are_those_that_were_recorded(self, runs: Runs, record: Record, state: run_pb2.RunState) -> None:
        events = whole_run(state=state, started={"request_id": "once", "labels": {"a": "b", "c": "d"}})
        seen = await watched(runs, await record(events))
        assert [e.SerializeToString(deterministic=True) for e in seen] == [e.SerializeToString(deterministic=True) for e in events]

    async def test_it_goes_on_from_any_sequence(self, runs: Runs, record: Record) -> None:
        events = whole_run()
        run_id = await record(events)
        for from_sequence in range(6):
            assert await watched(runs, run_id, from_sequence) == events[max(from_sequence - 1, 0) :]

    async def test_past_the_end_of_a_run_that_ended_there_is_nothing(self, runs: Runs, record: Record) -> None:
        assert await watched(runs, await record(), 1_000) == []

    async def test_a_long_run_is_read_in_stretches(self, runs: Runs, record: Record) -> None:
        days = session_dates("2010-01-04", 40)
        batches = [make_sessions([day], [100_000.0 + number]) for number, day in enumerate(days)]
        events = make_events(make_started(), *batches, whole_run()[-1].finished)
        run_id = await record(events)
        assert await watched(runs, run_id) == events
        assert await watched(runs, run_id, 9) == events[8:]

    async def test_a_live_run_is_followed_to_its_end(self, runs: Runs, record: Record, recording_store: Any) -> None:
        events = whole_run()
        run_id = await record(events[:1])
        seen = []
        async for event in runs.watch_run(run_id):
            seen.append(event)
            if event.sequence < len(events):
                await recording_store.append(run_id, 1, event.sequence + 1, events[event.sequence : event.sequence + 1])
        assert seen == events

    async def test_an_unknown_run_is_not_found(self, runs: Runs) -> None:
        assert (await refusal(lambda: watched(runs, new_run_id()))).reason == "RUN_NOT_FOUND"

    async def test_everything_wrong_is_said_at_once(self, runs: Runs) -> None:
        assert fields_of(await refusal(lambda: watched(runs, "7", -1))) == ["run_id", "from_sequence"]
