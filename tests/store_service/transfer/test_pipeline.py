"""Two steps of a transfer at once: one item ahead, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from store_service.transfer.pipeline import one_ahead


class Source:
    """Makes numbers, and remembers what it has made."""

    def __init__(self, count: int) -> None:
        self.made: list[int] = []
        self.is_closed = False
        self._count = count

    async def numbers(self) -> AsyncGenerator[int]:
        try:
            for number in range(self._count):
                await asyncio.sleep(0)
                self.made.append(number)
                yield number
            raise ValueError("no more")
        finally:
            self.is_closed = True


async def settled() -> None:
    """Let everything that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_next_item_is_made_while_one_is_used_and_no_more() -> None:
    source = Source(5)
    async with aclosing(one_ahead(source.numbers())) as items:
        for number in range(3):
            assert await anext(items) == number
            await settled()
            assert source.made == list(range(number + 2))
    assert source.is_closed


async def test_what_goes_wrong_is_raised_after_the_items_before() -> None:
    source = Source(2)
    items = one_ahead(source.numbers())
    assert [await anext(items), await anext(items)] == [0, 1]
    await settled()
    with pytest.raises(ValueError, match="no more"):
        await anext(items)
    assert source.is_closed


async def test_who_leaves_does_not_wait_for_the_next_item() -> None:
    closed = asyncio.Event()

    async def stuck() -> AsyncGenerator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with aclosing(one_ahead(stuck())) as items:
        assert await anext(items) == 1
        await settled()
    assert closed.is_set()


async def test_it_ends_with_the_items() -> None:
    async def none() -> AsyncGenerator[int]:
        for number in range(0):
            yield number

    assert [item async for item in one_ahead(none())] == []
