"""Suggestions attached to runs, one method per verb. Knows the database and the nouns of the contract, not gRPC."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store_service.conversions import id_violations, to_suggestion
from store_service.database import Database
from store_service.filtering import condition
from store_service.page_token import PageTokens
from store_service.pages import Pages
from store_service.paging import parse_page_size
from store_service.runs.organizing import is_deleted
from store_service.runs.stream import no_such_run
from store_service.strategies import queries
from store_service.strategies.checks import MAX_SUGGESTIONS_OF_RUN, check_suggestion
from store_service.strategies.filter_fields import SUGGESTION_FIELDS
from store_service.violations import Checks
from tapedeck.v1 import strategy_pb2, strategy_service_pb2
from tapedeck_rpc import errors

_TEXTS = ("priority", "description", "expected_impact", "rationale")
_LISTS = ("specific_changes", "references")


class SuggestionStore:
    """Keeps suggestions and ranks them."""

    def __init__(self, database: Database, page_tokens: PageTokens) -> None:
        self._database = database
        self._pages = Pages(database, page_tokens)

    async def create_suggestion(self, request: strategy_service_pb2.CreateSuggestionRequest) -> strategy_pb2.Suggestion:
        """Attach a suggestion to a run; a request_id that made it before gives the one that is there.

        Raises:
            InvalidArgument: everything that is wrong with the request (INVALID_REQUEST, UNSTORABLE_VALUE); or its request_id made another
                suggestion (REQUEST_ID_REUSED).
            NotFound: there is no such run (RUN_NOT_FOUND).
            FailedPrecondition: the run is deleted (RUN_DELETED), or has as many suggestions as it may have (TOO_MANY_SUGGESTIONS).
        """
        check_suggestion(request)
        async with self._database.transaction() as connection:
            suggestion_id = await _keep(connection, request)
            return to_suggestion((await connection.execute(queries.GET_SUGGESTION, {"suggestion_id": suggestion_id})).one())

    async def list_suggestions(
        self, *, filter_text: str = "", page_size: int = 0, page_token: str = ""
    ) -> tuple[list[strategy_pb2.Suggestion], str]:
        """A page of suggestions, high priority first, and the token of the next one, empty at the end.

        Raises:
            InvalidArgument: the filter, the page size or the token is wrong; all of it at once.
        """
        checks = Checks()
        with checks:
            matching = condition(filter_text, SUGGESTION_FIELDS)
        with checks:
            limit = parse_page_size(page_size)
        checks.done()
        rows, bound_to = queries.list_suggestions(matching), ("suggestions", filter_text)
        return await self._pages.read(rows, queries.BY_PRIORITY, limit, page_token, bound_to, to_suggestion)

    async def delete_suggestion(self, suggestion_id: str) -> None:
        """Remove a suggestion.

        Raises:
            InvalidArgument: the id is no UUID.
            NotFound: there is no such suggestion (SUGGESTION_NOT_FOUND).
        """
        violations = id_violations(suggestion_id, "suggestion_id", "suggestion")
        if violations:
            raise errors.InvalidArgument(violations=violations)
        async with self._database.transaction() as connection:
            removed = await connection.execute(queries.DELETE_SUGGESTION, {"wanted": uuid.UUID(suggestion_id)})
        if not removed.rowcount:
            message = f"there is no suggestion {suggestion_id}"
            raise errors.NotFound(message, reason="SUGGESTION_NOT_FOUND", metadata={"suggestion_id": suggestion_id})


async def _keep(connection: AsyncConnection, request: strategy_service_pb2.CreateSuggestionRequest) -> uuid.UUID:
    """The id of the suggestion, new or known."""
    suggestion, run_id = request.suggestion, uuid.UUID(request.suggestion.run_id)
    run = (await connection.execute(queries.LOCK_RUN, {"run_id": run_id})).one_or_none()
    if run is None:
        raise no_such_run(run_id)
    if run.delete_time is not None:
        raise is_deleted(run_id)
    values = suggestion_values(suggestion, run_id)
    made: uuid.UUID | None = await connection.scalar(queries.INSERT_SUGGESTION, {**values, "request_id": request.request_id or None})
    if made is not None:
        if (await connection.execute(queries.COUNT_SUGGESTIONS, {"run_id": run_id})).scalar_one() > MAX_SUGGESTIONS_OF_RUN:
            raise _too_many(run_id)
        return made
    known = (await connection.execute(queries.SUGGESTION_OF_REQUEST, {"request_id": request.request_id})).one()
    if known.request_digest != values["request_digest"]:
        raise errors.InvalidArgument(
            f"the request_id was used before, with another suggestion, {known.suggestion_id}", reason="REQUEST_ID_REUSED"
        )
    return known.suggestion_id  # type: ignore[no-any-return]


def _too_many(run_id: uuid.UUID) -> errors.FailedPrecondition:
    problem = f"run {run_id} has {MAX_SUGGESTIONS_OF_RUN:,} suggestions, the most that a run may have: delete some of them first"
    return errors.FailedPrecondition(problem, reason="TOO_MANY_SUGGESTIONS", metadata={"run_id": str(run_id)})


def suggestion_values(suggestion: strategy_pb2.Suggestion, run_id: uuid.UUID) -> dict[str, Any]:
    """Columns of `suggestions` that a suggestion about a run says."""
    asked = strategy_pb2.Suggestion()
    asked.CopyFrom(suggestion)
    for field in ("suggestion_id", "strategy", "create_time"):  # what the store makes
        asked.ClearField(field)
    asked.run_id = str(run_id)
    return {
        "run_id": run_id,
        **{name: getattr(suggestion, name) for name in _TEXTS},
        **{name: list(getattr(suggestion, name)) for name in _LISTS},
        "request_digest": hashlib.sha256(asked.SerializeToString(deterministic=True)).digest(),
    }
