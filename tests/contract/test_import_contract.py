"""What ImportRuns promises, asked of the store itself and through gRPC."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from store_service.database import Database
from store_service.runs.store import RunStore
from store_service.strategies.store import StrategyStore
from store_service.strategies.suggestions import SuggestionStore
from store_service.transfer import imported_run, importing
from store_service.transfer.lines import write_line
from tapedeck.v1 import run_pb2, transfer_service_pb2
from tapedeck_client.kept_run import kept_run
from tapedeck_rpc import errors
from tests.fix_replays import fields_of, refusal
from tests.fix_runs import Record, make_events, make_finished, new_run_id, whole_run
from tests.fix_strategies import PAGE_TOKENS, make_suggestion, make_version, run_of, strategies_of
from tests.fix_transfer import Transfers, file_of, lines_of, make_entry, parts_of

VERSION = {"name": "x", "source_code": "y"}

HUGE = 10**400
"""A number that JSON can say and that no field holds."""


async def recorded(run_store: RunStore, run_id: str) -> list[run_pb2.RunEvent]:
    return [event async for event in run_store.watch_run(run_id)]


@pytest.fixture
def elsewhere(other_database: Database) -> Transfers:
    """The verbs of another store."""
    return Transfers(other_database)


@pytest.fixture
def run_store_elsewhere(other_database: Database) -> RunStore:
    """The reading half of another store."""
    return RunStore(other_database, PAGE_TOKENS)


class TestImportRuns:
    async def test_another_store_has_all_that_was_recorded_under_new_ids(
        self, transfers: Transfers, run_store: RunStore, elsewhere: Transfers, run_store_elsewhere: RunStore, record: Record
    ) -> None:
        ids = {await record(whole_run(started={"request_id": "key"})), await record(whole_run(state=run_pb2.RUN_STATE_FAILED))}
        ids |= {each.run_id for each in await transfers.create([make_entry()])}
        (answer,) = await elsewhere.take(await transfers.export())
        assert (answer.committed, {run.original_run_id for run in answer.runs}) == (True, ids)
        for each in answer.runs:
            assert each.added
            assert each.run_id != each.original_run_id
            before, after = await run_store.get_run(each.original_run_id), await run_store_elsewhere.get_run(each.run_id)
            assert (after.run_id, after.request_id) == (each.run_id, "")
            before.run_id, before.request_id = after.run_id, ""
            assert after == before
            events, events_after = await recorded(run_store, each.original_run_id), await recorded(run_store_elsewhere, each.run_id)
            assert events[1:] == events_after[1:]

    async def test_imported_again_it_adds_nothing_and_has_the_same_ids(
        self, transfers: Transfers, record: Record, other_database: Database, run_store: RunStore, elsewhere: Transfers
    ) -> None:
        await record()
        file = await transfers.export()
        ((first,), (again,)) = [answer.runs for _ in range(2) for answer in await elsewhere.take(file)]
        assert (first.run_id, first.added, again.added) == (again.run_id, True, False)
        (home,) = (await transfers.take(file))[0].runs
        assert (home.run_id, home.added) == (first.original_run_id, False)
        assert await run_store.count_runs() == 1

    @pytest.mark.parametrize(
        "change",
        [
            lambda line: _with(line, 1, "sessions", {"portfolio_values": [100_000.0, 101_000.5]}),
            lambda line: _with(line, 3, "finished", {"metrics": {"sharpe_ratio": 2}}),
            lambda line: _with(line, 3, "finished", {"round_trips": []}),
        ],
    )
    async def test_a_result_from_elsewhere_that_was_changed_is_another_one(
        self, database: Database, other_database: Database, change: Any
    ) -> None:
        here, elsewhere = Transfers(database), Transfers(other_database)
        (created,) = await here.create([make_entry()])
        header, line = lines_of(await here.export())
        same, changed = file_of([header, line]), file_of([header, change(line)])
        assert [each.added for _ in range(2) for each in (await elsewhere.take(same))[0].runs] == [True, False]
        refused = await refusal(lambda: elsewhere.take(changed))
        assert ("with another result" in refused.message, refused.metadata) == (True, {"line": "2"})
        answers = [(await here.take(file))[0].runs[0] for file in (same, changed)]
        assert [(each.added, each.run_id == created.run_id) for each in answers] == [(False, True), (True, False)]

    async def test_suggestions_about_a_run_have_a_limit(
        self, transfers: Transfers, monkeypatch: pytest.MonkeyPatch, record: Record
    ) -> None:
        monkeypatch.setattr(imported_run, "MAX_SUGGESTIONS_OF_RUN", 1)
        await record()
        header, line = lines_of(await transfers.export())
        refused = await refusal(lambda: transfers.take(file_of([header, {**line, "suggestions": [{}, {}]}])))
        assert "suggestions: has 2 suggestions, a run has at most 1" in refused.message

    async def test_a_run_that_is_in_the_file_twice_is_taken_once(self, transfers: Transfers, record: Record, elsewhere: Transfers) -> None:
        await record()
        header, run = lines_of(await transfers.export())
        (answer,) = await elsewhere.take(file_of([{**header, "run_count": 3}, run, run, run]))
        assert [each.added for each in answer.runs] == [True, False, False]
        assert len({each.run_id for each in answer.runs}) == 1

    async def test_a_run_that_a_client_kept_is_imported_as_if_it_had_been_recorded(
        self, transfers: Transfers, run_store: RunStore, record: Record
    ) -> None:
        events = whole_run(started={"request_id": "key"}, finished={"recorded": False, "not_recorded_reason": "the store was away"})
        file = kept_run(events, datetime.now(UTC))
        ((first,), (again,)) = [answer.runs for _ in range(2) for answer in await transfers.take(file)]
        assert (first.original_run_id, first.added) == (events[0].started.run_id, True)
        assert (again.run_id, again.added) == (first.run_id, False)
        recorded_itself = await run_store.get_run(await record(whole_run(started={"create_time": events[0].started.create_time})))
        run = await run_store.get_run(first.run_id)
        for number, one in enumerate((run, recorded_itself), start=1):
            assert one.iteration == number
            for field in ("run_id", "finish_time", "iteration"):
                one.ClearField(field)
        assert run == recorded_itself
        kept = await recorded(run_store, first.run_id)
        assert kept[1:-1] == events[1:-1]
        assert (kept[-1].finished.recorded, kept[-1].finished.not_recorded_reason) == (True, "")

    @pytest.mark.parametrize("event_count", [1, 3, 4])
    async def test_a_kept_run_that_the_store_records_itself_stays_what_it_is(
        self, database: Database, run_store: RunStore, record: Record, event_count: int
    ) -> None:
        """The outage came after its first events: an engine executes it again, or has, and that took another time."""
        kept = whole_run(finished={"recorded": False, "execution_seconds": 2.5})
        recorded_here = [*kept[:-1], *make_events(make_finished())]
        recorded_here[-1].sequence = len(kept)
        run_id = await record(recorded_here[:event_count])
        before = await run_store.get_run(run_id)
        ((taken,),) = [answer.runs for answer in await Transfers(database).take(kept_run(kept, datetime.now(UTC)))]
        assert (taken.original_run_id, taken.run_id, taken.added) == (run_id, run_id, False)
        assert (await run_store.get_run(run_id), await run_store.count_runs()) == (before, 1)

    async def test_a_kept_run_that_ended_otherwise_here_is_imported_beside_it(
        self, transfers: Transfers, run_store: RunStore, record: Record
    ) -> None:
        kept = whole_run(finished={"recorded": False})
        run_id = kept[0].started.run_id
        lost = make_events(make_finished(run_pb2.RUN_STATE_FAILED))
        lost[0].sequence = 2
        await record([kept[0], *lost])
        ((taken,),) = [answer.runs for answer in await transfers.take(kept_run(kept, datetime.now(UTC)))]
        assert (taken.added, taken.run_id == run_id, await run_store.count_runs()) == (True, False, 2)

    async def test_links_are_mapped_to_runs_that_are_there_and_verdicts_with_them(
        self, transfers: Transfers, run_store: RunStore, elsewhere: Transfers, run_store_elsewhere: RunStore, record: Record
    ) -> None:
        original = await record()
        sweep = run_pb2.SweepLink(sweep_id=new_run_id(), number=3)
        replay = await record(whole_run(started={"replay": run_pb2.ReplayLink(original_run_id=original), "sweep": sweep}))
        assert (await run_store.get_run(replay)).verdict.outcome == run_pb2.ReplayVerdict.OUTCOME_IDENTICAL
        alone = lines_of(await transfers.export(f'run_id = "{replay}"'))
        both = lines_of(await transfers.export())
        (taken,) = (await elsewhere.take(file_of(alone)))[0].runs
        run = await run_store_elsewhere.get_run(taken.run_id)
        assert (run.replay.original_run_id, run.verdict.original_run_id, run.sweep) == (original, original, sweep)
        assert run.verdict.run_id == taken.run_id

        other = await record(whole_run(started={"replay": run_pb2.ReplayLink(original_run_id=original)}))
        both[0]["run_count"] = 3
        (answer,) = await elsewhere.take(file_of([*both, lines_of(await transfers.export(f'run_id = "{other}"'))[1]]))
        ids = {each.original_run_id: each.run_id for each in answer.runs}
        run = await run_store_elsewhere.get_run(ids[other])
        assert run.replay.original_run_id == run.verdict.original_run_id == ids[original]
        assert run.verdict.outcome == run_pb2.ReplayVerdict.OUTCOME_IDENTICAL

    async def test_suggestions_and_versions_of_strategies_come_with_the_runs(
        self,
        transfers: Transfers,
        record: Record,
        elsewhere: Transfers,
        other_database: Database,
        strategy_store: StrategyStore,
        suggestion_store: SuggestionStore,
    ) -> None:
        root, _ = await strategy_store.create_version(make_version(name="idea", source_code="first"))
        version, _ = await strategy_store.create_version(make_version(parent_version_id=root.version_id))
        run_id, other = [await record(run_of()) for _ in range(2)]
        for description in ("Trade less.", "Hold longer."):
            await suggestion_store.create_suggestion(make_suggestion(run_id, description=description))
        file = await transfers.export()
        assert [len(line.get("strategy_versions", ())) for line in lines_of(file)] == [0, 2, 0]
        ids = {run.original_run_id: run.run_id for _ in range(2) for run in (await elsewhere.take(file))[0].runs}

        versions = strategies_of(other_database)
        (kept,), _ = await versions.list_versions(filter_text='name = "sma_crossover"')
        assert (kept.source_digest, kept.notes, kept.create_time) == (version.source_digest, version.notes, version.create_time)
        assert [each.name for each in (await versions.get_lineage(kept.version_id))[0]] == ["idea", "sma_crossover"]
        assert (await versions.get_version(kept.version_id)).source_code == version.source_code
        runs, _ = await versions.list_runs(kept.version_id)
        assert [(run.run_id, run.iteration) for run in runs] == [(ids[run_id], 1), (ids[other], 2)]
        before, _ = await suggestion_store.list_suggestions()
        after, _ = await SuggestionStore(other_database, PAGE_TOKENS).list_suggestions()
        assert [each.run_id for each in after] == [ids[run_id]] * 2
        for suggestion, again in zip(before, after, strict=True):
            suggestion.run_id, suggestion.suggestion_id = again.run_id, again.suggestion_id
        assert after == before

    @pytest.mark.parametrize(
        ("change", "line", "words"),
        [
            (lambda _: [], 1, "is not the header"),
            (lambda lines: ["what", *lines[1:]], 1, "is not the header"),
            (lambda lines: [{**lines[0], "format_version": 2, "new": 1}, *lines[1:]], 1, "format_version is 2"),
            (lambda lines: lines[:2], 2, "the header says 2"),
            (lambda lines: [*lines[:2], {"evnts": []}], 3, "evnts"),
            (lambda lines: [*lines[:2], {"events": lines[2]["events"][:-1]}], 3, "is no whole run"),
            (lambda lines: [*lines[:2], {**lines[2], "finish_time": "0001-01-01T00:00:00Z"}], 3, "finish_time"),
            (lambda lines: [*lines[:2], {**lines[2], "note": "\0", "labels": {"k" * 64: ""}}], 3, "U+0000"),
            (lambda lines: [*lines[:2], _with(lines[2], 0, "started", {"run_id": "x"})], 3, "is not the id of a run"),
            (lambda lines: [*lines[:2], _with(lines[2], 1, "sessions", {"cash": [float("nan"), 1]})], 3, "only finite numbers"),
            (lambda lines: [*lines[:2], _with(lines[2], 1, "sessions", {"cash": ["x", 1]})], 3, "can't be read"),
            (lambda lines: [*lines[:2], _with(lines[2], 1, "sessions", {"session_dates": [2**40, 1]})], 3, "can't be read"),
            (lambda lines: [*lines[:2], []], 3, "can't be read"),
            (lambda lines: [{**lines[0], "run_count": math.inf}, *lines[1:]], 1, "is not the header"),
            (lambda lines: [*lines[:2], {"events": [{"sequence": math.inf}]}], 3, "can't be read"),
            (lambda lines: [*lines[:2], {"events": [{"sequence": math.inf, "sessions": {}}]}], 3, "can't be read"),
            *(
                (lambda lines, place=place: [*lines[:2], _with(lines[2], *place)], 3, "can't be read")
                for place in (
                    (1, "sessions", {"portfolio_values": [HUGE, 1]}),
                    (1, "sessions", {"mark_prices": [HUGE]}),
                    (1, "sessions", {"fills": [{"price": HUGE}]}),
                    (3, "finished", {"round_trips": [{"pnl": HUGE}]}),
                    (3, "finished", {"execution_seconds": HUGE}),
                    (3, "finished", {"metrics": {"sharpe_ratio": HUGE}}),
                    (0, "started", {"spec": {"parameters": {"fast": HUGE}}}),
                )
            ),
            (lambda lines: [*lines[:2], {**lines[2], "suggestions": [{"priority": 1}]}], 3, "suggestions[0].description"),
            (
                lambda lines: [*lines[:2], {**lines[2], "suggestions": [{"create_time": "0001-01-01T00:00:00Z"}]}],
                *(3, "suggestions[0].create_time"),
            ),
            (lambda lines: [*lines[:2], {**lines[2], "strategy_versions": [{"name": "x"}]}], 3, "source_code"),
            (
                lambda lines: [*lines[:2], {**lines[2], "strategy_versions": [{**VERSION, "create_time": "0001-01-01T00:00:00Z"}]}],
                *(3, "create_time"),
            ),
            (lambda lines: [*lines[:2], {"events": [1]}], 3, "can't be read"),
            (lambda lines: [*lines[:2], _with(lines[2], 3, "finished", {"metrics": {"max_drawdown": 0.5}})], 3, "max_drawdown"),
            (lambda lines: [*lines[:2], _with(lines[1], 3, "finished", {"result_digest": "0" * 64})], 3, "with another result"),
        ],
    )
    async def test_what_is_malformed_is_refused_with_its_line_and_nothing_is_kept(
        self, module_database: Database, change: Any, line: int, words: str
    ) -> None:
        runs = [transfer_service_pb2.ExportedRun(events=whole_run(), finish_time=datetime.now(UTC)) for _ in range(2)]
        header = transfer_service_pb2.ExportHeader(format_version=1, run_count=2)
        lines = lines_of(b"".join([write_line(header), *map(write_line, runs)]))
        refused = await refusal(lambda: Transfers(module_database).take(file_of(change(lines))))
        assert (type(refused), refused.metadata) == (errors.InvalidArgument, {"line": str(line)})
        assert (f"line {line}" in refused.message, words in refused.message) == (True, True), refused.message
        assert await RunStore(module_database, PAGE_TOKENS).count_runs() == 0

    async def test_a_refusal_names_its_line_on_the_wire_too(self, transfers: Transfers) -> None:
        refused = await refusal(lambda: transfers.take(b"{}\n"))
        assert (refused.metadata["line"], fields_of(refused)) == ("1", ["line 1"])

    async def test_answers_come_while_the_file_does(
        self, transfers: Transfers, elsewhere: Transfers, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "RUNS_PER_ANSWER", 2)
        for _ in range(5):
            await record()
        answers = await elsewhere.take(await transfers.export())
        assert [(len(answer.runs), answer.committed) for answer in answers] == [(2, False), (2, False), (1, True)]

    async def test_a_sender_that_leaves_before_the_end_leaves_nothing_behind(
        self, database: Database, run_store: RunStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "RUNS_PER_ANSWER", 1)
        runs = [transfer_service_pb2.ExportedRun(events=whole_run(), finish_time=datetime.now(UTC)) for _ in range(2)]
        header = transfer_service_pb2.ExportHeader(format_version=1, run_count=2)
        answers = importing.RunImports(database).import_runs(parts_of(b"".join([write_line(header), *map(write_line, runs)])))
        assert [run.added for run in (await anext(answers)).runs] == [True]
        await answers.aclose()
        assert await run_store.count_runs() == 0

    async def test_a_file_that_stops_coming_is_given_up(self, elsewhere: Transfers, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importing, "PART_TIMEOUT_SECONDS", 0.01)

        async def never() -> Any:
            await asyncio.Event().wait()
            yield b""

        async def take() -> None:
            async for _ in elsewhere._imports.import_runs(never()):
                pass

        assert (await refusal(take)).reason == "DEADLINE_EXCEEDED"

    async def test_runs_of_many_events_are_taken(
        self, transfers: Transfers, elsewhere: Transfers, run_store_elsewhere: RunStore, recording_store: Any
    ) -> None:
        started, finished = whole_run()[0].started, whole_run()[-1].finished
        batches = [
            run_pb2.SessionBatch(session_dates=[20100101 + 100 * (day // 28) + day % 28], portfolio_values=[1.0], cash=[1.0])
            for day in range(300)
        ]
        events = make_events(started, *batches, finished)
        for start in range(0, len(events), 200):
            await recording_store.append(started.run_id, 1, start + 1, events[start : start + 200])
        (taken,) = (await elsewhere.take(await transfers.export()))[0].runs
        assert (await run_store_elsewhere.get_run(taken.run_id)).sessions_recorded == 300


def _with(line: Any, event: int, kind: str, fields: Any) -> Any:
    """A line whose event has other fields."""
    changed = json.loads(json.dumps(line))
    changed["events"][event][kind] |= fields
    return changed
