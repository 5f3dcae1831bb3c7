"""Full text search in a filter: which words find a run, and what is no search."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store_service.database import Database
from store_service.filtering import condition
from store_service.page_token import PageTokens, derive_key
from store_service.recording.store import RecordingStore
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.organizing import RunOrganizer
from store_service.runs.store import RunStore
from tapedeck_rpc import errors
from tests.fix_runs import recorder, whole_run

NOTES = {
    "sma_crossover": "Keep: falls hard in 2008-2009, see reports/2010.md. Fast=0.05",
    "rsi_mean_reversion": "Ärger with Citigroup <b>after</b> the split & the fees (don't keep)",
    "bollinger_bands": "",
    "momentum": "ask anna@example.com: a crossover of two averages? Kept.",
}
"""Notes by the strategies of the runs that have them; the name of a strategy tells its run."""


@pytest.fixture(scope="module")
async def noted(module_database: Database) -> RunStore:
    """A run of each strategy, with its note."""
    store = RunStore(module_database, PageTokens(derive_key("tests")))
    record, organizer = (
        recorder(RecordingStore(module_database, lease_seconds=30)),
        RunOrganizer(module_database, store, purge_after=timedelta(1)),
    )
    for strategy, note in NOTES.items():
        await organizer.update_run(await record(whole_run(strategy=strategy)), note=note)
    return store


@pytest.mark.parametrize(
    ("text", "strategies"),
    [
        ("search:keep", {"sma_crossover", "rsi_mean_reversion"}),
        ("search:KEPT", {"momentum"}),
        ("search:crossover", {"sma_crossover", "momentum"}),
        ("search:sma_crossover", {"sma_crossover"}),
        ("search:mean-reversion", {"rsi_mean_reversion"}),
        ('search:"fees citigroup rsi"', {"rsi_mean_reversion"}),
        ('search:"fees momentum"', set()),
        ("search:'\"crossover of two\"'", {"momentum"}),
        ("search:'\"two crossover\"'", set()),
        ('search:"keep -fees"', {"sma_crossover"}),
        ('search:"bands or averages"', {"bollinger_bands", "momentum"}),
        ("search:2009", {"sma_crossover"}),
        ("search:reports", {"sma_crossover"}),
        ("search:reports/2010.md", {"sma_crossover"}),
        ("search:'\"reports/2010\"'", {"sma_crossover"}),
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
        ("search:'\"keep'", {"sma_crossover", "rsi_mean_reversion"}),
        ("NOT search:keep", {"bollinger_bands", "momentum"}),
        ("(search:fees OR search:averages) AND strategy = momentum", {"momentum"}),
    ],
)
async def test_a_search_finds_the_runs_with_the_words(noted: RunStore, text: str, strategies: set[str]) -> None:
    found, _ = await noted.list_runs(filter_text=text)
    assert {run.spec.strategy for run in found} == strategies
    assert await noted.count_runs(text) == len(strategies)


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
