"""The words of names, notes and source code: where they part, and that there is room for those of any source."""

from __future__ import annotations

import pytest
from sqlalchemy import Text, literal, select, text

from store_service.database import Database
from store_service.strategies.checks import MAX_SOURCE_BYTES
from store_service.strategies.store import StrategyStore
from store_service.strategy_models import MAX_SEARCHED_CHARS, strategy_versions
from store_service.words import searched_words
from tests.fix_strategies import make_version


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("sma_crossover", "", {"sma", "crossover"}),
        ("a", "Fast=0.05, see reports/2010.md", {"a", "fast", "0", "05", "see", "reports", "2010", "md"}),
        ("a", "the <b>and</b> of anna@example.com & x->y, a-b+c", {*"abcxy", "the", "and", "of", "anna", "example", "com"}),
        ("a", "self._bars.close[-1]  # ärger", {"a", "self", "bars", "close", "1", "ärger"}),
    ],
)
async def test_words_are_parted_by_signs_and_kept_as_they_are(database: Database, name: str, content: str, words: set[str]) -> None:
    async with database.reading() as connection:
        found = str(await connection.scalar(select(searched_words(literal(name, Text), literal(content, Text)).cast(Text))))
    assert {entry.split(":")[0].strip("'") for entry in found.split()} == words


@pytest.mark.parametrize(
    "word",
    ["{:x} ", "\U00020000{:x}\U00020001 ", "İ{:x}İ ", "{:x}_", "{:x}\n"],
    ids=["hexadecimal", "four bytes", "longer in small letters", "underscores", "lines"],
)
async def test_a_source_of_any_words_at_the_limit_is_stored_and_the_beginning_is_found(
    strategy_store: StrategyStore, database: Database, word: str
) -> None:
    words = "".join(word.format(number) for number in range(MAX_SOURCE_BYTES // 3))
    source = "firstword " + words.encode()[: MAX_SOURCE_BYTES - 10].decode(errors="ignore")
    assert len(source) > MAX_SEARCHED_CHARS
    version, created = await strategy_store.create_version(make_version(source_code=source))
    assert created
    assert len((await strategy_store.get_version(version.version_id)).source_code) == len(source)
    async with database.reading() as connection:
        found = await connection.scalars(
            select(strategy_versions.c.name).where(strategy_versions.c.words.bool_op("@@")(text("'firstword'")))
        )
    assert list(found) == [version.name]
