"""Recorded sweeps, one method per verb. Knows the database and the nouns of the contract, not gRPC."""

from __future__ import annotations

import uuid

from store_service.conversions import id_violations, parse_sweep_id, to_sweep, to_sweep_result
from store_service.database import Database
from store_service.filtering import condition
from store_service.models import sweep_results
from store_service.page_token import PageTokens
from store_service.pages import Pages
from store_service.paging import parse_page_size
from store_service.sweeps import queries
from store_service.sweeps.filter_fields import RESULT_FIELDS, SWEEP_FIELDS
from store_service.violations import Checks
from tapedeck.v1 import sweep_pb2
from tapedeck_rpc import errors


class SweepStore:
    """Finds sweeps and ranks their results."""

    def __init__(self, database: Database, page_tokens: PageTokens) -> None:
        self._database = database
        self._pages = Pages(database, page_tokens)

    async def get_sweep(self, sweep_id: str) -> sweep_pb2.Sweep:
        """One sweep.

        Raises:
            InvalidArgument: the id is no UUID.
            NotFound: there is no such sweep (SWEEP_NOT_FOUND).
        """
        wanted = parse_sweep_id(sweep_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(queries.GET_SWEEP, {"sweep_id": wanted})).one_or_none()
        if row is None:
            raise _no_such_sweep(wanted)
        return to_sweep(row)

    async def list_sweeps(self, *, filter_text: str = "", page_size: int = 0, page_token: str = "") -> tuple[list[sweep_pb2.Sweep], str]:
        """A page of sweeps, newest first, and the token of the next one, empty at the end.

        Raises:
            InvalidArgument: the filter, the page size or the token is wrong; all of it at once.
        """
        checks = Checks()
        with checks:
            matching = condition(filter_text, SWEEP_FIELDS)
        with checks:
            limit = parse_page_size(page_size)
        checks.done()
        bound_to = ("sweeps", filter_text)
        return await self._pages.read(queries.list_sweeps(matching), queries.NEWEST_FIRST, limit, page_token, bound_to, to_sweep)

    async def list_sweep_results(
        self, sweep_id: str = "", *, filter_text: str = "", order_by: str = "", page_size: int = 0, page_token: str = ""
    ) -> tuple[list[sweep_pb2.SweepResult], str]:
        """A page of results of one sweep, or of all when no id is given, and the token of the next one, empty at the end.

        Raises:
            InvalidArgument: the id, the filter, the order, the page size or the token is wrong; all of it at once.
            NotFound: there is no such sweep (SWEEP_NOT_FOUND).
            DeadlineExceeded: no index serves the list, and there are too many results to look at.
        """
        checks = Checks()
        wanted: uuid.UUID | None = None
        with checks:
            wanted = parse_sweep_id(sweep_id) if sweep_id else None
        with checks:
            matching = condition(filter_text, RESULT_FIELDS)
        with checks:
            order = queries.parse_result_order(order_by, one_sweep=bool(sweep_id))
        with checks:
            limit = parse_page_size(page_size)
        checks.done()
        rows, bound_to = queries.list_results(matching, wanted), ("sweep_results", str(wanted), filter_text, str(order))
        page = await self._pages.read(rows, order, limit, page_token, bound_to, to_sweep_result)
        if wanted is not None and not page[0]:
            await self.get_sweep(sweep_id)
        return page

    async def get_sweep_result(self, sweep_id: str, number: int) -> tuple[sweep_pb2.Sweep, sweep_pb2.SweepResult]:
        """One result, and its sweep.

        Raises:
            InvalidArgument: the id is no UUID, or the number is below 1.
            NotFound: there is no such sweep or result (SWEEP_NOT_FOUND).
        """
        check_result_name(sweep_id, number)
        sweep = await self.get_sweep(sweep_id)
        one = queries.list_results(sweep_results.c.number == number, uuid.UUID(sweep_id))
        async with self._database.reading() as connection:
            row = (await connection.execute(one)).one_or_none()
        if row is None:
            message = f"sweep {sweep.sweep_id} has no result {number}"
            raise errors.NotFound(message, reason="SWEEP_NOT_FOUND", metadata={"sweep_id": sweep.sweep_id, "number": str(number)})
        return sweep, to_sweep_result(row)


def check_result_name(sweep_id: str, number: int) -> None:
    """Check what names a result.

    Raises:
        InvalidArgument: the id is no UUID, or the number is below 1.
    """
    violations = id_violations(sweep_id, "sweep_id", "sweep")
    if number < 1:
        violations.append(errors.Violation("number", f"is 1 or more, not {number}"))
    if violations:
        raise errors.InvalidArgument(violations=violations)


def _no_such_sweep(sweep_id: uuid.UUID) -> errors.NotFound:
    return errors.NotFound(f"there is no sweep {sweep_id}", reason="SWEEP_NOT_FOUND", metadata={"sweep_id": str(sweep_id)})
