"""What StoreService promises about changing and deleting runs, asked of the store itself and through gRPC."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from store_service.models import MAX_NOTE_CHARS
from store_service.recording.store import RecordingStore
from store_service.runs import organizing
from store_service.runs.organizing import RunOrganizer
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors
from tests.fix_replays import Runs, as_raised, fields_of, refusal
from tests.fix_runs import Record, make_events, make_started, new_run_id, whole_run


class ThroughGrpc:
    """The verbs of RunOrganizer, on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def update_run(self, run_id: str, **changes: Any) -> run_pb2.Run:
        with as_raised():
            return (await self._stub.UpdateRun(store_service_pb2.UpdateRunRequest(run_id=run_id, **changes))).run  # type: ignore[no-any-return]

    async def delete_run(self, run_id: str) -> run_pb2.Run:
        with as_raised():
            return (await self._stub.DeleteRun(store_service_pb2.DeleteRunRequest(run_id=run_id))).run  # type: ignore[no-any-return]

    async def undelete_run(self, run_id: str) -> run_pb2.Run:
        with as_raised():
            return (await self._stub.UndeleteRun(store_service_pb2.UndeleteRunRequest(run_id=run_id))).run  # type: ignore[no-any-return]

    async def batch_delete_runs(
        self, run_ids: Sequence[str] = (), filter_text: str = "", *, validate_only: bool = False
    ) -> store_service_pb2.BatchDeleteRunsResponse:
        request = store_service_pb2.BatchDeleteRunsRequest(run_ids=run_ids, filter=filter_text, validate_only=validate_only)
        with as_raised():
            return await self._stub.BatchDeleteRuns(request)  # type: ignore[no-any-return]


Organizer = RunOrganizer | ThroughGrpc


@pytest.fixture(params=["store", "grpc"])
def organizer(request: pytest.FixtureRequest, run_organizer: RunOrganizer) -> Organizer:
    """The store, asked directly and through gRPC."""
    return run_organizer if request.param == "store" else ThroughGrpc(request.getfixturevalue("store_stub"))


async def listed(run_store: RunStore, filter_text: str = "", *, show_deleted: bool = False) -> list[str]:
    found, _ = await run_store.list_runs(filter_text=filter_text, show_deleted=show_deleted)
    assert await run_store.count_runs(filter_text, show_deleted=show_deleted) == len(found)
    return [run.run_id for run in found]


class TestUpdateRun:
    async def test_labels_change_key_by_key_and_all_else_stays(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        run_id = await record(whole_run(started={"labels": {"team": "alpha", "old": "1"}}))
        before = await run_store.get_run(run_id)
        assert (before.note, before.HasField("delete_time")) == ("", False)
        run = await organizer.update_run(run_id, set_labels={"team": "é💥", "new": ""}, remove_labels=["old", "never there"])
        assert dict(run.labels) == {"team": "é💥", "new": ""}
        assert run.etag != before.etag
        assert run == await run_store.get_run(run_id)
        for changed in (before, run):
            changed.ClearField("labels")
            changed.ClearField("etag")
        assert run == before

    async def test_a_note_is_written_and_removed(self, organizer: Organizer, record: Record) -> None:
        run_id = await record()
        written = await organizer.update_run(run_id, note="Keep:\nbest of March")
        assert (written.note, dict(written.labels)) == ("Keep:\nbest of March", {"team": "alpha"})
        assert (await organizer.update_run(run_id, set_labels={"a": "b"})).note == "Keep:\nbest of March"
        assert (await organizer.update_run(run_id, note="")).note == ""

    async def test_a_run_is_found_by_its_new_labels_and_by_words_of_its_note(
        self, organizer: Organizer, run_store: RunStore, record: Record
    ) -> None:
        run_id, other = await record(), await record()
        await organizer.update_run(run_id, set_labels={"team": "beta"}, note="Keep: the best of March, É 100%")
        for text in (
            "labels.team = beta",
            'note:"best of march"',
            'note:"keep*march"',
            'note:"é"',
            'note = "keep*" OR note = "Keep*"',
            "note:*",
        ):
            assert await listed(run_store, text) == [run_id]
        for text in ('note:"april"', 'note:"100_"', 'note = "best"'):
            assert await listed(run_store, text) == []
        assert await listed(run_store, "NOT note:keep") == [other]
        assert fields_of(await refusal(lambda: run_store.list_runs(filter_text="note.x:1 OR note.y = 1"))) == ["filter", "filter"]

    async def test_a_change_of_what_was_not_seen_is_aborted(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        run_id = await record()
        seen = (await run_store.get_run(run_id)).etag
        now = (await organizer.update_run(run_id, note="first", etag=seen)).etag
        error = await refusal(lambda: organizer.update_run(run_id, note="second", etag=seen))
        assert (type(error), error.reason, error.metadata) == (errors.Aborted, "ETAG_MISMATCH", {"etag": now})
        assert (await run_store.get_run(run_id)).note == "first"
        assert (await organizer.update_run(run_id, note="second", etag=now)).note == "second"

    async def test_the_same_request_may_be_sent_again(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        run_id = await record()
        request: dict[str, Any] = {"note": "mine", "set_labels": {"a": "b"}, "etag": (await run_store.get_run(run_id)).etag}
        assert await organizer.update_run(run_id, **request) == await organizer.update_run(run_id, **request)

    async def test_of_two_at_once_who_saw_the_same_one_is_aborted(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        run_id = await record()
        etag = (await run_store.get_run(run_id)).etag
        changes = [organizer.update_run(run_id, set_labels={name: "1"}, etag=etag) for name in "ab"]
        done = await asyncio.gather(*changes, return_exceptions=True)
        (aborted,) = [each for each in done if isinstance(each, errors.Aborted)]
        assert aborted.reason == "ETAG_MISMATCH"
        assert len((await run_store.get_run(run_id)).labels) == 2

    async def test_of_two_at_once_who_did_not_look_neither_is_lost(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        run_id = await record()
        await asyncio.gather(*(organizer.update_run(run_id, set_labels={name: "1"}) for name in "abcd"))
        assert set((await run_store.get_run(run_id)).labels) == {"team", *"abcd"}

    async def test_a_live_run_keeps_the_change_to_its_end(
        self, organizer: Organizer, run_store: RunStore, record: Record, recording_store: RecordingStore
    ) -> None:
        events = whole_run()
        run_id = await record(events[:2])
        await organizer.update_run(run_id, set_labels={"team": "beta"}, note="live")
        await recording_store.append(run_id, 1, 3, events[2:])
        run = await run_store.get_run(run_id)
        assert (run.state, run.note, dict(run.labels)) == (run_pb2.RUN_STATE_SUCCEEDED, "live", {"team": "beta"})
        assert [event async for event in run_store.watch_run(run_id)] == events

    async def test_a_deleted_or_unknown_run_is_refused(self, organizer: Organizer, record: Record) -> None:
        run_id = await record()
        await organizer.delete_run(run_id)
        error = await refusal(lambda: organizer.update_run(run_id, note="x"))
        assert (type(error), error.reason, error.metadata) == (errors.FailedPrecondition, "RUN_DELETED", {"run_id": run_id})
        assert (await refusal(lambda: organizer.update_run(new_run_id(), note="x"))).reason == "RUN_NOT_FOUND"

    async def test_everything_wrong_is_said_at_once(self, organizer: Organizer) -> None:
        labels = {"": "x", "k" * 64: "x", "k": "v" * 256, "twice": ""}
        request: dict[str, Any] = {"set_labels": labels, "remove_labels": ["twice"], "note": "n" * (MAX_NOTE_CHARS + 1)}
        error = await refusal(lambda: organizer.update_run("7", **request))
        assert fields_of(error) == ["run_id", *["set_labels"] * 3, "remove_labels", "note"]

    async def test_limits_are_allowed_and_one_more_is_not(self, organizer: Organizer, record: Record) -> None:
        run_id = await record(whole_run(started={"labels": {}}))
        most = {f"{number:063}": "v" * 255 for number in range(64)}
        run = await organizer.update_run(run_id, set_labels=most, note="é" * MAX_NOTE_CHARS)
        assert (len(run.labels), len(run.note)) == (64, MAX_NOTE_CHARS)
        assert fields_of(await refusal(lambda: organizer.update_run(run_id, set_labels={"more": ""}))) == ["set_labels"]
        assert len((await organizer.update_run(run_id, set_labels={"more": ""}, remove_labels=[f"{0:063}"])).labels) == 64

    async def test_more_labels_than_a_run_can_have_are_refused_at_once(self, organizer: Organizer) -> None:
        names = [f"{number}" for number in range(65)]
        request: dict[str, Any] = {"set_labels": dict.fromkeys(names, ""), "remove_labels": ["x"] * 65}
        error = await refusal(lambda: organizer.update_run(new_run_id(), **request))
        assert fields_of(error) == ["set_labels", "remove_labels"]
        error = await refusal(lambda: organizer.update_run("7", set_labels={"0": ""}, remove_labels=["0"] * 100_000))
        assert fields_of(error)[:2] == ["run_id", "remove_labels"]
        assert len(fields_of(error)) <= 2 + 64

    async def test_what_no_database_text_can_hold_is_refused(self, organizer: Organizer, record: Record) -> None:
        run_id = await record()
        changes: list[dict[str, Any]] = [{"note": "a\x00"}, {"set_labels": {"a": "\x00"}}, {"set_labels": {"\x00": "a"}}]
        for change in changes:
            assert (await refusal(lambda change=change: organizer.update_run(run_id, **change))).reason == "UNSTORABLE_VALUE"  # type: ignore[misc]


class TestDeleteRun:
    async def test_a_deleted_run_is_hidden_from_lists_and_shown_by_name(
        self, organizer: Organizer, run_store: RunStore, record: Record
    ) -> None:
        kept, run_id = await record(), await record()
        run = await organizer.delete_run(run_id)
        assert run.purge_time.ToDatetime() - run.delete_time.ToDatetime() == timedelta(days=1)
        assert run == await run_store.get_run(run_id)
        assert await listed(run_store) == [kept]
        assert await listed(run_store, show_deleted=True) == [run_id, kept]
        assert await listed(run_store, "delete_time:* AND purge_time > 2026-01-01", show_deleted=True) == [run_id]
        compared = await run_store.compare_runs([kept, run_id])
        assert [each.HasField("delete_time") for each in compared.runs] == [False, True]
        assert len([event async for event in run_store.watch_run(run_id)]) == 4

    async def test_deleting_again_and_bringing_back_again_change_nothing(
        self, organizer: Organizer, run_store: RunStore, record: Record
    ) -> None:
        run_id = await record()
        before = await run_store.get_run(run_id)
        assert await organizer.delete_run(run_id) == await organizer.delete_run(run_id)
        assert await organizer.undelete_run(run_id) == before
        assert await organizer.undelete_run(run_id) == before
        assert await listed(run_store) == [run_id]

    async def test_a_live_run_is_to_be_cancelled_first(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        queued, running = await record(whole_run()[:1]), await record(whole_run()[:2])
        for run_id in (queued, running):
            error = await refusal(lambda run_id=run_id: organizer.delete_run(run_id))  # type: ignore[misc]
            assert (type(error), error.reason, error.metadata) == (errors.FailedPrecondition, "RUN_NOT_FINISHED", {"run_id": run_id})
            assert "cancel it first" in error.message
        assert await listed(run_store) == [running, queued]

    async def test_an_unknown_run_is_not_found(self, organizer: Organizer) -> None:
        for verb in (organizer.delete_run, organizer.undelete_run):
            assert (await refusal(lambda verb=verb: verb(new_run_id()))).reason == "RUN_NOT_FOUND"  # type: ignore[misc]
            assert fields_of(await refusal(lambda verb=verb: verb("7"))) == ["run_id"]  # type: ignore[misc]

    async def test_it_is_no_earlier_run_of_its_spec_and_still_the_answer_to_its_request_id(
        self, organizer: Organizer, recording_store: RecordingStore, record: Record
    ) -> None:
        run_id = await record(whole_run(started={"request_id": "once"}))
        await organizer.delete_run(run_id)
        fresh, repeated = make_started(), make_started(request_id="once")
        assert (await recording_store.append(fresh.run_id, 1, 1, make_events(fresh))).earlier_runs == []
        assert (await recording_store.append(repeated.run_id, 1, 1, make_events(repeated))).existing_run_id == run_id


class TestBatchDeleteRuns:
    async def test_runs_are_deleted_by_their_ids(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        ids = [await record() for _ in range(4)]
        wanted = [ids[2], ids[0].upper(), ids[0]]
        answer = await organizer.batch_delete_runs(wanted)
        assert (answer.run_count, list(answer.run_ids)) == (2, [ids[0], ids[2]])
        assert (await run_store.get_run(ids[0])).purge_time == (await run_store.get_run(ids[2])).purge_time == answer.purge_time
        assert await listed(run_store) == [ids[3], ids[1]]
        again = await organizer.batch_delete_runs(wanted)
        assert (again.run_count, list(again.run_ids)) == (0, [])
        assert (await run_store.get_run(ids[0])).purge_time == answer.purge_time

    async def test_runs_are_deleted_by_a_filter_and_the_answer_names_the_first(
        self, organizer: Organizer, run_store: RunStore, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(organizing, "MAX_IDS_ANSWERED", 2)
        kept = await record(whole_run(strategy="momentum"))
        ids = [await record() for _ in range(3)]
        answer = await organizer.batch_delete_runs(filter_text="strategy = sma_crossover")
        assert (answer.run_count, list(answer.run_ids)) == (3, ids[:2])
        assert await listed(run_store) == [kept]
        assert (await organizer.batch_delete_runs(filter_text="strategy = sma_crossover")).run_count == 0

    async def test_validate_only_says_the_same_and_deletes_nothing(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        ids = [await record() for _ in range(2)]
        for run_ids, filter_text in ((ids, ""), ([], "run_id:*")):
            answer = await organizer.batch_delete_runs(run_ids, filter_text, validate_only=True)
            assert (answer.run_count, list(answer.run_ids), answer.HasField("purge_time")) == (2, ids, True)
        assert await listed(run_store) == ids[::-1]

    async def test_one_live_run_keeps_all_from_being_deleted(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        ended, live = await record(), [await record(make_events(make_started())) for _ in range(7)]
        for which, validate_only in itertools.product((([ended, *live], ""), ([], "run_id:*")), (True, False)):
            delete = partial(organizer.batch_delete_runs, *which, validate_only=validate_only)
            error = await refusal(delete)
            assert (error.reason, live[0] in error.message, "7 runs" in error.message) == ("RUN_NOT_FINISHED", True, True)
            assert error.message.endswith(f"{live[4]} and 2 more")
        assert await listed(run_store) == [*live[::-1], ended]

    async def test_unknown_ids_keep_all_from_being_deleted(self, organizer: Organizer, run_store: RunStore, record: Record) -> None:
        run_id, unknown = await record(), [new_run_id(), new_run_id()]
        error = await refusal(lambda: organizer.batch_delete_runs([run_id, unknown[0]]))
        assert (error.reason, error.metadata) == ("RUN_NOT_FOUND", {"run_id": unknown[0]})
        error = await refusal(lambda: organizer.batch_delete_runs([*unknown, run_id]))
        assert (type(error), error.reason) == (errors.NotFound, "RUN_NOT_FOUND")
        assert all(each in error.message for each in unknown)
        assert await listed(run_store) == [run_id]

    async def test_a_filter_that_matches_too_many_is_refused(
        self, organizer: Organizer, run_store: RunStore, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(organizing, "MAX_DELETED", 2)
        ids = [await record() for _ in range(3)]
        error = await refusal(lambda: organizer.batch_delete_runs(filter_text="run_id:*"))
        assert (error.reason, fields_of(error)) == ("INVALID_REQUEST", ["filter"])
        assert len(await listed(run_store)) == 3
        assert (await organizer.batch_delete_runs(filter_text=f"NOT run_id = {ids[0]}")).run_count == 2

    async def test_what_is_to_be_deleted_is_said_in_one_way(self, organizer: Organizer) -> None:
        run_id = new_run_id()
        assert fields_of(await refusal(organizer.batch_delete_runs)) == ["run_ids"]
        assert fields_of(await refusal(lambda: organizer.batch_delete_runs([run_id], "run_id:*"))) == ["run_ids"]
        assert fields_of(await refusal(lambda: organizer.batch_delete_runs(filter_text=" "))) == ["run_ids"]
        assert fields_of(await refusal(lambda: organizer.batch_delete_runs([run_id, "7", ""]))) == ["run_ids[1]", "run_ids[2]"]
        assert (await refusal(lambda: organizer.batch_delete_runs(filter_text="foo = 1"))).reason == "INVALID_FILTER"

    async def test_of_too_many_ids_none_is_looked_at(self, organizer: Organizer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(organizing, "run_id_violations", None)
        assert fields_of(await refusal(lambda: organizer.batch_delete_runs(["7"] * 1_001))) == ["run_ids"]


class TestLists:
    async def test_deleted_runs_are_listed_and_counted_on_request(self, runs: Runs, run_organizer: RunOrganizer, record: Record) -> None:
        ids = [await record() for _ in range(4)]
        await run_organizer.batch_delete_runs(ids[1:3])
        first, token = await runs.list_runs(page_size=3, show_deleted=True)
        rest, end = await runs.list_runs(page_size=3, show_deleted=True, page_token=token)
        assert [run.run_id for run in [*first, *rest]] == ids[::-1]
        assert end == ""
        assert (await runs.count_runs(), await runs.count_runs(show_deleted=True)) == (2, 4)
        error = await refusal(lambda: runs.list_runs(page_size=3, page_token=token))
        assert error.reason == "INVALID_PAGE_TOKEN"

    async def test_pages_taken_while_runs_are_deleted_show_the_others_once(
        self, runs: Runs, run_organizer: RunOrganizer, record: Record
    ) -> None:
        ids = [await record() for _ in range(6)]
        page, token = await runs.list_runs(page_size=2)
        await run_organizer.batch_delete_runs([ids[4], ids[2]])
        rest, _ = await runs.list_runs(page_size=6, page_token=token)
        assert [run.run_id for run in [*page, *rest]] == [ids[5], ids[4], ids[3], ids[1], ids[0]]
