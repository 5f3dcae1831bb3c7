"""A page of a list as callers get it: messages, and a token that names where the next page starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Row, Select

from store_service.database import Database
from store_service.page_token import PageTokens
from store_service.paging import MAX_PAGE_BYTES, OrderBy, Place, place_of, read_page

Listed = TypeVar("Listed", bound=Message)


class Pages:
    """Cuts lists into pages."""

    def __init__(self, database: Database, page_tokens: PageTokens) -> None:
        self._database = database
        self._page_tokens = page_tokens

    async def read(
        self,
        rows: Select[Any],
        order: OrderBy,
        limit: int,
        page_token: str,
        bound_to: tuple[str, ...],
        described: Callable[[Row[*tuple[Any, ...]]], Listed],
    ) -> tuple[list[Listed], str]:
        """The page that a token names, and the token of the next one; "" names the first page, and is what follows the last.

        Args:
            rows: The list, in no order yet.
            order: Its order.
            limit: Rows of a page; it ends earlier when they are large.
            page_token: Where it starts.
            bound_to: What the token is good for: the list and what the caller asked of it.
            described: The message of a row.

        Raises:
            InvalidArgument: the token is damaged, or belongs to another list (INVALID_PAGE_TOKEN).
        """
        after = Place.from_json(self._page_tokens.open(page_token, *bound_to), order) if page_token else None
        async with self._database.reading() as connection:
            found = await read_page(connection, rows, order, after, limit + 1)
        listed: list[Listed] = []
        size = 0
        for row in found[:limit]:
            listed.append(described(row))
            size += listed[-1].ByteSize()
            if size >= MAX_PAGE_BYTES:
                break
        if len(listed) == len(found):
            return listed, ""
        return listed, self._page_tokens.seal(place_of(found[len(listed) - 1], order).to_json(), *bound_to)
