"""Full text search in a filter: which words find a run, and what is no search."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store_service.database import Database
from store_service.filtering import condition
from store_service.page_token import PageTokens, derive_key
from store_service.recording.store import RecordingStore
from store_service.runs import search
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.organizing import RunOrganizer
from store_service.runs.store import RunStore
from store_service.strategies.store import StrategyStore
from tapedeck_rpc import errors
from tests.fix_replays import fields_of, refusal
from tests.fix_runs import Record, recorder
from tests.fix_strategies import make_version, run_of, strategies_of

NOTES = {
    "sma_crossover": "Keep: falls hard in 2008-2009, see reports/2010.md. Fast=0.05",
    "rsi_mean_reversion": "Ärger with Citigroup <b>after</b> the split & the fees (don't keep)",
    "bollinger_bands": "",
    "momentum": "ask anna@example.com: a crossover of two averages? Kept.",
}
"""Notes by the strategies of the runs that have them; the name of a strategy tells its run."""

SOURCES = {
    "momentum": "def signals(bars):\n    return bars.close.rolling_mean(90)  # see reports/2010.md",
    "bollinger_bands": "WIDTH = 2.0  # after Bollinger; keep\n",
}
"""Source code of the strategies whose version is stored."""


@pytest.fixture(scope="module")
async def noted(module_database: Database) -> RunStore:
    """A run of each strategy, with its note."""
    store = RunStore(module_database, PageTokens(derive_key("tests")))
    record, organizer = (
        recorder(RecordingStore(module_database, lease_seconds=30)),
        RunOrganizer(module_database, store, purge_after=timedelta(1)),
    )
    for strategy, note in NOTES.items():
        source = SOURCES.get(strategy, "of a version that nobody registered")
        await organizer.update_run(await record(run_of(source, strategy=strategy)), note=note)
    for strategy, source in SOURCES.items():
        await strategies_of(module_database).create_version(make_version(name=strategy, source_code=source))
    return store


@pytest.mark.parametrize(
    ("text", "strategies"),
    [
        ("search:keep", {"sma_crossover", "rsi_mean_reversion", "bollinger_bands"}),
        ("search:KEPT", {"momentum"}),
        ("search:crossover", {"sma_crossover", "momentum"}),
        ("search:sma_crossover", {"sma_crossover"}),
        ("search:mean-reversion", {"rsi_mean_reversion"}),
        ('search:"fees citigroup rsi"', {"rsi_mean_reversion"}),
        ('search:"fees momentum"', set()),
        ("search:'\"crossover of two\"'", {"momentum"}),
        ("search:'\"two crossover\"'", set()),
        ('search:"keep -fees"', {"sma_crossover", "bollinger_bands"}),
        ('search:"bands or averages"', {"bollinger_bands", "momentum"}),
        ("search:2009", {"sma_crossover"}),
        ("search:reports", {"sma_crossover", "momentum"}),
        ("search:reports/2010.md", {"sma_crossover", "momentum"}),
        ("search:'\"reports/2010\"'", {"sma_crossover", "momentum"}),
        ("search:0.05", {"sma_crossover"}),
        ('search:"after split"', {"rsi_mean_reversion"}),
        ("search:ärger", {"rsi_mean_reversion"}),
        ("search:anna@example.com", {"momentum"}),
        ("search:example", {"momentum"}),
        ('search:"don\'t"', {"rsi_mean_reversion"}),
        ("search:cross", set()),
        (f"search:{'w' * 3_000}", set()),
        (f"search:{'é' * 1_500}", set()),
        ('search:"or - or"', set()),
        (f"search:'{'- ' * 100}keep'", {"sma_crossover", "rsi_mean_reversion", "bollinger_bands"}),
        (f"search:'{'-' * 100}keep'", {"sma_crossover", "rsi_mean_reversion", "bollinger_bands"}),
        ("search:'" + '-""' * 100 + " keep'", {"sma_crossover", "rsi_mean_reversion", "bollinger_bands"}),
        ("search:'\"keep'", {"sma_crossover", "rsi_mean_reversion", "bollinger_bands"}),
        ("NOT search:keep", {"momentum"}),
        ("search:mean", {"rsi_mean_reversion", "momentum"}),
        ("search:rolling_mean", {"momentum"}),
        ("search:nobody", set()),
        ('search:"momentum close"', {"momentum"}),
        ('search:"anna close"', set()),
        ('search:"keep bands"', {"bollinger_bands"}),
        ("search:close AND search:anna", {"momentum"}),
        ("search:mean AND NOT search:bars", {"rsi_mean_reversion"}),
        ("search:mean AND strategy = momentum", {"momentum"}),
        ("search:fees OR search:rolling", {"rsi_mean_reversion", "momentum"}),
        ("(search:fees OR search:averages) AND strategy = momentum", {"momentum"}),
    ],
)
async def test_a_search_finds_the_runs_with_the_words(noted: RunStore, text: str, strategies: set[str]) -> None:
    for order_by in ("", "create_time", "sharpe_ratio desc"):
        found, _ = await noted.list_runs(filter_text=text, order_by=order_by)
        assert {run.spec.strategy for run in found} == strategies
        assert len(found) == len(strategies)
    deleted_too, _ = await noted.list_runs(filter_text=text, show_deleted=True)
    assert {run.spec.strategy for run in deleted_too} == strategies
    (group,) = await noted.summarize_runs(text, metrics=["alpha"])
    assert (await noted.count_runs(text), group.run_count) == (len(strategies), len(strategies))


@pytest.mark.parametrize("order_by", ["", "create_time asc"])
async def test_pages_of_a_search_have_every_run_once(noted: RunStore, order_by: str) -> None:
    listed, token = await noted.list_runs(filter_text="search:keep", order_by=order_by, page_size=1)
    while token:
        page, token = await noted.list_runs(filter_text="search:keep", order_by=order_by, page_size=1, page_token=token)
        listed += page
    whole, _ = await noted.list_runs(filter_text="search:keep", order_by=order_by)
    assert [run.run_id for run in listed] == [run.run_id for run in whole]
    assert len(whole) == 3


async def test_runs_recorded_before_their_version_was_known_are_found_and_deleted_ones_are_not(
    run_store: RunStore, record: Record, run_organizer: RunOrganizer, strategy_store: StrategyStore
) -> None:
    first, second = await record(run_of("brandnewword")), await record(run_of("brandnewword"))
    assert await run_store.list_runs(filter_text="search:brandnewword") == ([], "")
    await strategy_store.create_version(make_version(source_code="brandnewword"))
    await strategy_store.create_version(make_version(name="of_no_run", source_code="brandnewword"))
    await run_organizer.delete_run(first)
    found, _ = await run_store.list_runs(filter_text="search:brandnewword")
    assert [run.run_id for run in found] == [second]
    deleted_too, _ = await run_store.list_runs(filter_text="search:brandnewword", show_deleted=True)
    assert [run.run_id for run in deleted_too] == [second, first]
    await run_organizer.batch_delete_runs(filter_text="search:brandnewword")
    assert await run_store.count_runs("search:brandnewword") == 0


async def test_a_search_that_finds_too_many_versions_is_refused(
    run_store: RunStore, strategy_store: StrategyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_VERSIONS", 2)
    for number in range(3):
        await strategy_store.create_version(make_version(source_code=f"same{number // 2} {number}"))
    assert await run_store.count_runs("search:same0") == 0
    error = await refusal(lambda: run_store.list_runs(filter_text="search:sma"))
    assert fields_of(error) == ["filter"]
    assert "more than 2 versions of strategies" in error.message
    error = await refusal(lambda: run_store.list_runs(filter_text="search:same0 OR search:same1"))
    assert "more than 2 versions of strategies" in error.message


async def test_pages_are_the_same_when_so_many_versions_have_the_words_that_the_list_is_read(
    noted: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_versions, token = await noted.list_runs(filter_text="search:keep", page_size=2)
    monkeypatch.setattr(search, "MAX_FIRST_RUNS", 1)
    assert await noted.list_runs(filter_text="search:keep", page_size=2) == (of_versions, token)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("search = keep", 'search is written search:"some words"'),
        ("search.note:keep", 'search.note is written search:"some words"'),
        ("search:cross*", 'search looks for whole words: it takes no "*"'),
        ('search:""', 'search needs a word to look for, not ""'),
        ('search:"- ?"', 'search needs a word to look for, not "- ?"'),
    ],
)
def test_what_is_no_search_is_refused_in_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        condition(text, RUN_FIELDS)
    assert [violation.description for violation in refused.value.violations] == [problem]
