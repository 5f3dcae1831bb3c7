"""What is promised about strategy versions and suggestions, asked of the store itself and through gRPC: the wire changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from store_service.models import MAX_NOTE_CHARS
from store_service.recording.checks import MAX_NAME_CHARS
from store_service.runs.organizing import RunOrganizer
from store_service.runs.store import RunStore
from store_service.strategies.checks import MAX_ITEMS, MAX_SOURCE_BYTES
from store_service.strategies.store import StrategyStore
from store_service.strategies.suggestions import SuggestionStore
from tapedeck.v1 import record_service_pb2, run_pb2, strategy_pb2
from tapedeck.v1 import strategy_service_pb2 as pb
from tapedeck_rpc import errors
from tests.fix_replays import as_raised, fields_of, refusal
from tests.fix_runs import Record, make_provenance, new_run_id, whole_run
from tests.fix_strategies import SOURCE, make_suggestion, make_version, run_of

LOW, MEDIUM, HIGH = (strategy_pb2.SuggestionPriority.Value(f"SUGGESTION_PRIORITY_{name}") for name in ("LOW", "MEDIUM", "HIGH"))


class VersionsThroughGrpc:
    """The verbs of StrategyStore, on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def create_version(self, request: pb.CreateStrategyVersionRequest) -> tuple[strategy_pb2.StrategyVersion, bool]:
        with as_raised():
            answer = await self._stub.CreateStrategyVersion(request)
        return answer.version, answer.created

    async def get_version(self, version_id: str) -> strategy_pb2.StrategyVersion:
        with as_raised():
            return (await self._stub.GetStrategyVersion(pb.GetStrategyVersionRequest(version_id=version_id))).version  # type: ignore[no-any-return]

    async def list_versions(self, *, filter_text: str = "", **how: Any) -> tuple[list[strategy_pb2.StrategyVersion], str]:
        with as_raised():
            answer = await self._stub.ListStrategyVersions(pb.ListStrategyVersionsRequest(filter=filter_text, **how))
        return list(answer.versions), answer.next_page_token

    async def get_lineage(self, version_id: str) -> tuple[list[strategy_pb2.StrategyVersion], bool]:
        with as_raised():
            answer = await self._stub.GetStrategyLineage(pb.GetStrategyLineageRequest(version_id=version_id))
        return list(answer.versions), answer.truncated

    async def list_runs(self, version_id: str, **how: Any) -> tuple[list[run_pb2.Run], str]:
        with as_raised():
            answer = await self._stub.ListStrategyVersionRuns(pb.ListStrategyVersionRunsRequest(version_id=version_id, **how))
        return list(answer.runs), answer.next_page_token


class SuggestionsThroughGrpc:
    """The verbs of SuggestionStore, on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def create_suggestion(self, request: pb.CreateSuggestionRequest) -> strategy_pb2.Suggestion:
        with as_raised():
            return (await self._stub.CreateSuggestion(request)).suggestion  # type: ignore[no-any-return]

    async def list_suggestions(self, *, filter_text: str = "", **how: Any) -> tuple[list[strategy_pb2.Suggestion], str]:
        with as_raised():
            answer = await self._stub.ListSuggestions(pb.ListSuggestionsRequest(filter=filter_text, **how))
        return list(answer.suggestions), answer.next_page_token

    async def delete_suggestion(self, suggestion_id: str) -> None:
        with as_raised():
            await self._stub.DeleteSuggestion(pb.DeleteSuggestionRequest(suggestion_id=suggestion_id))


Versions = StrategyStore | VersionsThroughGrpc
Suggestions = SuggestionStore | SuggestionsThroughGrpc


@pytest.fixture(params=["store", "grpc"])
def versions(request: pytest.FixtureRequest, strategy_store: StrategyStore) -> Versions:
    """What keeps versions, asked directly and through gRPC."""
    return strategy_store if request.param == "store" else VersionsThroughGrpc(request.getfixturevalue("strategy_stub"))


@pytest.fixture(params=["store", "grpc"])
def suggestions(request: pytest.FixtureRequest, suggestion_store: SuggestionStore) -> Suggestions:
    """What keeps suggestions, asked directly and through gRPC."""
    return suggestion_store if request.param == "store" else SuggestionsThroughGrpc(request.getfixturevalue("strategy_stub"))


class TestVersions:
    async def test_a_version_is_kept_as_it_was_given_and_never_changes(self, versions: Versions) -> None:
        made, is_new = await versions.create_version(make_version())
        assert is_new
        assert (made.name, made.source_code, made.notes) == ("sma_crossover", SOURCE, "The first one.")
        assert MessageToDict(made.parameters) == {"fast": 10}
        assert made.source_digest == hashlib.sha256(SOURCE.encode()).hexdigest()
        assert (made.parent_version_id, made.iteration_count) == ("", 0)
        again, is_new = await versions.create_version(make_version(notes="Something else.", parameters={}))
        assert not is_new
        assert again == made == await versions.get_version(made.version_id)

    async def test_the_same_source_under_another_name_is_another_version(self, versions: Versions) -> None:
        one, _ = await versions.create_version(make_version())
        other, is_new = await versions.create_version(make_version(name="copy"))
        assert is_new
        assert one.version_id != other.version_id

    async def test_lists_have_the_newest_first_by_pages_and_without_the_source(self, versions: Versions) -> None:
        made = [(await versions.create_version(make_version(source_code=f"{SOURCE}# {n}")))[0] for n in range(3)]
        await versions.create_version(make_version(name="other"))
        first, token = await versions.list_versions(filter_text="name = sma_crossover", page_size=2)
        last, end = await versions.list_versions(filter_text="name = sma_crossover", page_size=2, page_token=token)
        assert [version.version_id for version in [*first, *last]] == [version.version_id for version in reversed(made)]
        assert {version.source_code for version in first} == {""}
        assert end == ""

    async def test_the_lineage_is_the_whole_tree_whichever_version_is_asked(self, versions: Versions) -> None:
        async def make(text: str, parent: str = "") -> str:
            return (await versions.create_version(make_version(source_code=text, parent_version_id=parent)))[0].version_id

        root = await make("root")
        left, right = await make("left", root), await make("right", root)
        leaf = await make("leaf", left)
        await make("no relation")
        for asked in (root, leaf, right):
            tree, truncated = await versions.get_lineage(asked)
            assert [(version.version_id, version.parent_version_id) for version in tree] == [
                (root, ""),
                (left, root),
                (right, root),
                (leaf, left),
            ]
            assert not truncated

    async def test_everything_that_is_wrong_is_said_at_once(self, versions: Versions) -> None:
        wrong = make_version(
            name="n" * (MAX_NAME_CHARS + 1),
            source_code="s" * (MAX_SOURCE_BYTES + 1),
            parameters={"p": "x" * 102_401},
            parent_version_id="7",
            notes="n" * (MAX_NOTE_CHARS + 1),
        )
        error = await refusal(lambda: versions.create_version(wrong))
        assert isinstance(error, errors.InvalidArgument)
        assert fields_of(error) == ["name", "source_code", "parameters", "parent_version_id", "notes"]
        error = await refusal(lambda: versions.create_version(make_version(source_code="\0")))
        assert error.reason == "UNSTORABLE_VALUE"

    async def test_a_parameter_that_is_not_finite_is_named(self, versions: Versions) -> None:
        error = await refusal(lambda: versions.create_version(make_version(parameters={"fast": float("inf")})))
        assert (fields_of(error), error.reason) == (["version.parameters.fields['fast'].number_value"], "UNSTORABLE_VALUE")

    async def test_a_hundred_kilobytes_of_parameters_are_kept(self, versions: Versions) -> None:
        asked = make_version(parameters={"weights": "x" * 100_000})
        made, _ = await versions.create_version(asked)
        assert made.parameters == asked.parameters

    async def test_what_is_not_there_is_said(self, versions: Versions) -> None:
        nobody = str(uuid.uuid4())
        for call in (
            lambda: versions.get_version(nobody),
            lambda: versions.get_lineage(nobody),
            lambda: versions.list_runs(nobody),
            lambda: versions.create_version(make_version(parent_version_id=nobody)),
        ):
            error = await refusal(call)
            assert isinstance(error, errors.NotFound)
            assert error.reason == "STRATEGY_VERSION_NOT_FOUND"
        error = await refusal(lambda: versions.list_runs("7", page_size=-1))
        assert fields_of(error) == ["version_id", "page_size"]
        assert fields_of(await refusal(lambda: versions.list_versions(filter_text="nam = 1", page_size=-1))) == ["filter", "page_size"]


class TestRunsOfAVersion:
    async def test_runs_are_numbered_within_their_version_and_listed_so(
        self, versions: Versions, record: Record, run_store: RunStore
    ) -> None:
        made, _ = await versions.create_version(make_version())
        mine = []
        for _ in range(3):
            mine.append(await record(run_of()))
            await record(run_of("another version"))
        first, token = await versions.list_runs(made.version_id, page_size=2)
        last, end = await versions.list_runs(made.version_id, page_size=2, page_token=token)
        found = [*first, *last]
        assert [(run.run_id, run.iteration, run.strategy_version) for run in found] == [
            (run_id, place, made.version_id) for place, run_id in enumerate(mine, 1)
        ]
        assert end == ""
        assert (await versions.get_version(made.version_id)).iteration_count == 3
        other = await run_store.list_runs(filter_text="NOT strategy_version:*", order_by="create_time")
        assert [(run.iteration, run.strategy_version) for run in other[0]] == [(1, ""), (2, ""), (3, "")]

    async def test_filters_find_a_version_and_an_iteration(self, versions: Versions, record: Record, run_store: RunStore) -> None:
        made, _ = await versions.create_version(make_version())
        await record(run_of())
        second = await record(run_of())
        await record(run_of("another version"))
        await record(run_of("another version"))
        found, _ = await run_store.list_runs(filter_text=f'strategy_version = "{made.version_id}" AND iteration >= 2')
        assert [run.run_id for run in found] == [second]
        assert await run_store.count_runs("iteration = 2") == 2
        assert await run_store.count_runs(f"strategy_version != {made.version_id}") == 0

    async def test_a_version_that_is_known_only_later_has_the_runs_before(self, versions: Versions, record: Record) -> None:
        run_id = await record(run_of())
        made, _ = await versions.create_version(make_version())
        assert [(run.run_id, run.iteration) for run in (await versions.list_runs(made.version_id))[0]] == [(run_id, 1)]

    async def test_a_number_is_never_given_again(
        self, versions: Versions, record: Record, run_organizer: RunOrganizer, strategy_store: StrategyStore
    ) -> None:
        made, _ = await versions.create_version(make_version())
        await record(run_of())
        gone = await record(run_of())
        await run_organizer.delete_run(gone)
        async with strategy_store._database.transaction() as connection:
            await connection.exec_driver_sql("DELETE FROM runs WHERE delete_time IS NOT NULL")
        await record(run_of())
        assert [run.iteration for run in (await versions.list_runs(made.version_id))[0]] == [1, 3]

    async def test_a_run_without_a_digest_has_no_number(self, record: Record, run_store: RunStore) -> None:
        for digest in ("", "a" * 5_000):
            run_id = await record(whole_run(started={"provenance": make_provenance(strategy_source_digest=digest)}))
            assert (await run_store.get_run(run_id)).iteration == 0


async def test_an_installed_strategy_is_registered_once_with_the_one_before_as_its_parent(strategy_store: StrategyStore) -> None:
    def installed(source: str) -> record_service_pb2.RegisterStrategyRequest:
        return record_service_pb2.RegisterStrategyRequest(name="sma_crossover", source_code=source, parameters={"fast": 10})

    first = await strategy_store.register(installed("one"))
    second = await strategy_store.register(installed("two"))
    assert await strategy_store.register(installed("one")) == first
    kept = await strategy_store.get_version(second)
    assert (kept.parent_version_id, kept.source_code, kept.notes) == (first, "two", "")
    assert fields_of(await refusal(lambda: strategy_store.register(installed("")))) == ["source_code"]


class TestSuggestions:
    async def test_a_suggestion_is_kept_as_it_was_given(self, suggestions: Suggestions, record: Record) -> None:
        run_id = await record()
        request = make_suggestion(run_id)
        made = await suggestions.create_suggestion(request)
        assert made.strategy == "sma_crossover"
        assert made.create_time.seconds > 0
        wanted = strategy_pb2.Suggestion(suggestion_id=made.suggestion_id, strategy=made.strategy, create_time=made.create_time)
        wanted.MergeFrom(request.suggestion)
        assert made == wanted
        assert await suggestions.list_suggestions(filter_text=f"run_id = {run_id}") == ([made], "")

    async def test_high_priority_comes_first_and_then_the_earlier_one(self, suggestions: Suggestions, record: Record) -> None:
        run_id, other = await record(), await record(whole_run(strategy="momentum"))
        for text, priority in (("d", LOW), ("c", MEDIUM), ("a", HIGH), ("b", HIGH)):
            await suggestions.create_suggestion(make_suggestion(run_id, description=text, priority=priority))
        await suggestions.create_suggestion(make_suggestion(other, description="e", priority=LOW))
        first, token = await suggestions.list_suggestions(page_size=3)
        last, end = await suggestions.list_suggestions(page_size=3, page_token=token)
        assert [suggestion.description for suggestion in [*first, *last]] == list("abcde")
        assert end == ""
        for narrowed, wanted in (("strategy = momentum", "e"), ("priority = HIGH", "ab"), (f"run_id = {run_id}", "abcd")):
            found, _ = await suggestions.list_suggestions(filter_text=narrowed)
            assert "".join(suggestion.description for suggestion in found) == wanted

    async def test_a_repeated_request_id_gives_the_suggestion_that_is_there(self, suggestions: Suggestions, record: Record) -> None:
        run_id = await record()
        made = await suggestions.create_suggestion(make_suggestion(run_id, "key"))
        assert await suggestions.create_suggestion(make_suggestion(run_id.upper(), "key")) == made
        error = await refusal(lambda: suggestions.create_suggestion(make_suggestion(run_id, "key", description="Another.")))
        assert error.reason == "REQUEST_ID_REUSED"

    async def test_everything_that_is_wrong_is_said_at_once(self, suggestions: Suggestions) -> None:
        long = "t" * (MAX_NOTE_CHARS + 1)
        wrong = make_suggestion(
            *("7", "k" * (MAX_NAME_CHARS + 1)),
            priority=0,
            description=" ",
            expected_impact=long,
            rationale=long,
            specific_changes=["c"] * (MAX_ITEMS + 1),
            references=["fine", ""],
        )
        assert fields_of(await refusal(lambda: suggestions.create_suggestion(wrong))) == [
            "suggestion.run_id",
            "suggestion.priority",
            "suggestion.description",
            "suggestion.expected_impact",
            "suggestion.rationale",
            "suggestion.specific_changes",
            "suggestion.references[1]",
            "request_id",
        ]
        error = await refusal(lambda: suggestions.list_suggestions(filter_text="prio = 1", page_size=-1))
        assert fields_of(error) == ["filter", "page_size"]

    async def test_a_run_must_be_there_and_not_deleted(self, suggestions: Suggestions, record: Record, run_organizer: RunOrganizer) -> None:
        error = await refusal(lambda: suggestions.create_suggestion(make_suggestion(new_run_id())))
        assert error.reason == "RUN_NOT_FOUND"
        run_id = await record()
        await suggestions.create_suggestion(make_suggestion(run_id))
        await run_organizer.delete_run(run_id)
        assert (await suggestions.list_suggestions())[0] == []
        error = await refusal(lambda: suggestions.create_suggestion(make_suggestion(run_id)))
        assert error.reason == "RUN_DELETED"
        await run_organizer.undelete_run(run_id)
        assert len((await suggestions.list_suggestions())[0]) == 1

    async def test_a_run_has_only_so_many_suggestions(
        self, suggestions: Suggestions, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("store_service.strategies.suggestions.MAX_SUGGESTIONS_OF_RUN", 2)
        run_id = await record()
        wanted = [make_suggestion(run_id, f"key {number}", description=str(number)) for number in range(3)]
        tried = await asyncio.gather(*map(suggestions.create_suggestion, wanted), return_exceptions=True)
        (refused,) = (each for each in tried if isinstance(each, errors.CallError))
        assert (type(refused), refused.reason, refused.metadata) == (errors.FailedPrecondition, "TOO_MANY_SUGGESTIONS", {"run_id": run_id})
        made, _ = await suggestions.list_suggestions()
        assert len(made) == 2
        again = next(each for each in wanted if each.suggestion.description == made[0].description)
        assert await suggestions.create_suggestion(again) == made[0]
        await suggestions.delete_suggestion(made[0].suggestion_id)
        await suggestions.create_suggestion(make_suggestion(run_id))

    async def test_a_deleted_suggestion_is_gone(self, suggestions: Suggestions, record: Record) -> None:
        made = await suggestions.create_suggestion(make_suggestion(await record()))
        await suggestions.delete_suggestion(made.suggestion_id)
        assert (await suggestions.list_suggestions())[0] == []
        error = await refusal(lambda: suggestions.delete_suggestion(made.suggestion_id))
        assert (type(error), error.reason) == (errors.NotFound, "SUGGESTION_NOT_FOUND")
        assert fields_of(await refusal(lambda: suggestions.delete_suggestion("7"))) == ["suggestion_id"]

    async def test_suggestions_go_with_their_run(self, suggestions: Suggestions, record: Record, suggestion_store: SuggestionStore) -> None:
        made = await suggestions.create_suggestion(make_suggestion(await record()))
        async with suggestion_store._database.transaction() as connection:
            await connection.exec_driver_sql("DELETE FROM runs")
        error = await refusal(lambda: suggestions.delete_suggestion(made.suggestion_id))
        assert error.reason == "SUGGESTION_NOT_FOUND"
