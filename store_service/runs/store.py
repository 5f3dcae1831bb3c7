"""Recorded runs, one method per verb. Knows the database and the nouns of the contract, not gRPC."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from store_service.comparison import EquityCurve, align_curves, compare_metrics, compare_specs
from store_service.conversions import RunRow, is_full, parse_run_id, run_id_violations, to_run
from store_service.database import Database
from store_service.filtering import condition
from store_service.page_token import PageTokens
from store_service.paging import MAX_PAGE_BYTES, Place, parse_order_by, parse_page_size, place_of, read_page
from store_service.runs import queries
from store_service.runs.filter_fields import RUN_FIELDS
from store_service.runs.reading import reading_filtered
from store_service.runs.search import FirstRuns, with_versions
from store_service.runs.settling import is_unsettled, settle
from store_service.runs.similar import MAX_SIMILAR, Mark, check_subject, compare_page, find_subject, read_similar
from store_service.runs.stream import no_such_run, read_stretch
from store_service.runs.summary import parse_group_by, parse_metrics, summarize
from store_service.sharpe_differences import compare_sharpe_ratios
from store_service.violations import Checks, refuse
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors

MIN_COMPARED, MAX_COMPARED = 2, 10
"""How many runs are compared at once: what fits side by side."""

WATCH_POLL_SECONDS = 0.2
"""How often a live run is looked at for new events: faster than the eye minds, and 1,000 watchers cost 5,000 primary-key reads a second."""

SETTLED_PER_PAGE = 20
"""Most verdicts worked out for one page. Almost all are stored when their replay ends; the next call works out the next ones."""


class RunStore:
    """Finds, fetches, compares and watches runs."""

    def __init__(self, database: Database, page_tokens: PageTokens) -> None:
        self._database = database
        self._page_tokens = page_tokens

    async def get_run(self, run_id: str, view: int = store_service_pb2.RUN_VIEW_UNSPECIFIED) -> run_pb2.Run:
        """One run.

        Raises:
            InvalidArgument: the id is no UUID, or there is no such view.
            NotFound: there is no such run.
        """
        checks = Checks()
        with checks:
            wanted = parse_run_id(run_id)
        with checks:
            full = is_full(view, by_default=True)
        checks.done()
        async with self._database.reading() as connection:
            row = (await connection.execute(queries.GET_RUN, {"run_id": wanted})).one_or_none()
        if row is None:
            raise no_such_run(wanted)
        return (await self._described([row], full=full))[0]

    async def list_runs(
        self,
        *,
        filter_text: str = "",
        order_by: str = "",
        page_size: int = 0,
        page_token: str = "",
        view: int = store_service_pb2.RUN_VIEW_UNSPECIFIED,
        show_deleted: bool = False,
    ) -> tuple[list[run_pb2.Run], str]:
        """A page of runs and the token of the next one, empty at the end.

        Every run that stays as it is appears once, however many arrive while pages are taken. A run that gets the key it is sorted by in
        the meantime, because it ends, moves to its place in the order and may be passed over.

        Raises:
            InvalidArgument: the filter, the order, the page size, the token or the view is wrong; all of it at once.
            DeadlineExceeded: no index serves the filter and the order, and there are too many runs.
        """
        checks = Checks()
        with checks:
            matching = condition(filter_text, RUN_FIELDS)
        with checks:
            order = parse_order_by(order_by, queries.SORT_KEYS, queries.TIES)
        with checks:
            limit = parse_page_size(page_size)
        with checks:
            full = is_full(view, by_default=False)
        checks.done()
        bound_to = (filter_text, str(order), *("show_deleted",) * show_deleted)
        after = Place.from_json(self._page_tokens.open(page_token, *bound_to), order) if page_token else None
        async with reading_filtered(self._database) as connection:
            first = FirstRuns(order, after, limit + 1) if order.name == "create_time" and not show_deleted else None
            found = queries.list_runs(await with_versions(connection, matching, first), show_deleted=show_deleted)
            rows = await read_page(connection, found, order, after, limit + 1)
        listed = await self._described(rows[:limit], full=full)
        if len(listed) == len(rows):
            return listed, ""
        return listed, self._page_tokens.seal(place_of(rows[len(listed) - 1], order).to_json(), *bound_to)

    async def count_runs(self, filter_text: str = "", *, show_deleted: bool = False) -> int:
        """Number of runs that a filter matches.

        Raises:
            InvalidArgument: the filter is wrong.
        """
        matching = condition(filter_text, RUN_FIELDS)
        async with reading_filtered(self._database) as connection:
            counted = queries.count(await with_versions(connection, matching), show_deleted=show_deleted)
            return (await connection.execute(counted)).scalar_one()

    async def summarize_runs(
        self, filter_text: str = "", *, group_by: str = "", metrics: Sequence[str] = ()
    ) -> list[store_service_pb2.RunGroup]:
        """Statistics of metrics over the runs that a filter matches, by group.

        Raises:
            InvalidArgument: the filter, the grouping or the metrics are wrong, all of it at once; or it is too much to summarize.
        """
        checks = Checks()
        with checks:
            matching = condition(filter_text, RUN_FIELDS)
        with checks:
            grouping = parse_group_by(group_by)
        with checks:
            summarized = parse_metrics(metrics)
        checks.done()
        async with reading_filtered(self._database) as connection:
            return await summarize(connection, await with_versions(connection, matching), grouping, summarized)

    async def compare_runs(
        self, run_ids: Sequence[str], *, include_curves: bool = False, include_sharpe: bool = False
    ) -> store_service_pb2.CompareRunsResponse:
        """Runs side by side, in the order asked for; ids that name no run are listed.

        Raises:
            InvalidArgument: too few or too many runs, repeats, or ids that are no UUIDs; all of it at once.
        """
        ids = _ids_to_compare(run_ids)
        async with self._database.reading() as connection:
            rows = {row.run_id: row for row in await connection.execute(queries.GET_RUNS, {"run_ids": ids})}
        found = await self._described([rows[run_id] for run_id in ids if run_id in rows], full=False)
        curves = await self._curves(ids) if include_curves or include_sharpe else []
        return store_service_pb2.CompareRunsResponse(
            runs=found,
            metrics=compare_metrics(found),
            differences=await asyncio.to_thread(compare_specs, [run.spec for run in found]),
            curves=align_curves(curves) if include_curves else None,
            sharpe=await asyncio.to_thread(_compare_succeeded, found, curves) if include_sharpe else None,
            missing_run_ids=[str(run_id) for run_id in ids if run_id not in rows],
        )

    async def find_similar_runs(
        self, *, run_id: str = "", spec: run_pb2.RunSpec | None = None, page_size: int = 0, page_token: str = ""
    ) -> store_service_pb2.FindSimilarRunsResponse:
        """A page of the runs that are like one run, or like a spec: those of the same digest first, then the others, newest first.

        Raises:
            InvalidArgument: the id, the spec, the page size or the token is wrong; all of it at once.
            NotFound: there is no such run.
        """
        checks = Checks()
        with checks:
            check_subject(run_id, spec)
        with checks:
            limit = min(parse_page_size(page_size), MAX_SIMILAR)
        checks.done()
        bound_to = ("similar", run_id, "" if spec is None else spec.SerializeToString(deterministic=True).hex())
        after = Mark.from_json(self._page_tokens.open(page_token, *bound_to)) if page_token else None
        async with self._database.reading() as connection:
            subject = await find_subject(connection, run_id, spec, after)
            rows = await read_similar(connection, subject, after, limit + 1)
        found = await asyncio.to_thread(compare_page, subject, await self._described(rows[:limit], full=False))
        answer = store_service_pb2.FindSimilarRunsResponse(runs=found)
        if len(found) < len(rows):
            mark = Mark.after(subject, rows[len(found) - 1], found[-1])
            answer.next_page_token = self._page_tokens.seal(mark.to_json(), *bound_to)
        return answer

    async def watch_run(self, run_id: str, from_sequence: int = 0) -> AsyncGenerator[run_pb2.RunEvent]:
        """The run's events from a sequence on, recorded and then live, until its last one.

        A sequence past the end of a run that has ended gives no events: there is nothing left to see.

        Raises:
            InvalidArgument: the id is no UUID, or the sequence is negative.
            NotFound: there is no such run.
        """
        checks = Checks()
        with checks:
            watched = parse_run_id(run_id)
        with checks:
            if from_sequence < 0:
                raise refuse("from_sequence", f"is 0 or more, not {from_sequence}")
        checks.done()
        sequence = max(from_sequence, 1)
        while True:
            async with self._database.reading() as connection:
                stretch = await read_stretch(connection, watched, sequence)
            for event in stretch.events:
                yield event
                sequence = event.sequence + 1
            if stretch.is_end:
                return
            if not stretch.events:
                await asyncio.sleep(WATCH_POLL_SECONDS)

    async def _described(self, rows: Sequence[RunRow], *, full: bool) -> list[run_pb2.Run]:
        """The runs of rows, as many as fit into a message, replays that have ended with their verdict."""
        described: list[run_pb2.Run] = []
        size = settled_count = 0
        for row in rows:
            run = to_run(row, full=full)
            if is_unsettled(row) and settled_count < SETTLED_PER_PAGE:
                settled_count += 1
                run.MergeFrom(run_pb2.Run(verdict=await settle(self._database, row)))
            described.append(run)
            size += run.ByteSize()
            if size >= MAX_PAGE_BYTES:
                break
        return described

    async def _curves(self, ids: Sequence[uuid.UUID]) -> list[EquityCurve]:
        batches: dict[uuid.UUID, list[RunRow]] = {run_id: [] for run_id in ids}
        async with self._database.reading() as connection:
            for row in await connection.execute(queries.GET_CURVES, {"run_ids": ids}):
                batches[row.run_id].append(row)
        return [
            EquityCurve(
                str(run_id),
                np.concatenate([row.session_dates for row in rows]),
                np.concatenate([row.portfolio_values for row in rows]),
            )
            for run_id, rows in batches.items()
            if rows
        ]


def _compare_succeeded(runs: Sequence[run_pb2.Run], curves: Sequence[EquityCurve]) -> store_service_pb2.SharpeComparison:
    succeeded = {run.run_id for run in runs if run.state == run_pb2.RUN_STATE_SUCCEEDED}
    return compare_sharpe_ratios(align_curves([curve for curve in curves if curve.run_id in succeeded]))


def _ids_to_compare(run_ids: Sequence[str]) -> list[uuid.UUID]:
    violations = []
    if not MIN_COMPARED <= len(run_ids) <= MAX_COMPARED:
        violations.append(errors.Violation("run_ids", f"takes {MIN_COMPARED} to {MAX_COMPARED} runs, not {len(run_ids)}"))
    seen: dict[str, int] = {}
    for number, text in enumerate(run_ids):
        violations += run_id_violations(text, f"run_ids[{number}]")
        first = seen.setdefault(text.lower(), number)
        if first != number:
            violations.append(errors.Violation(f"run_ids[{number}]", f"repeats run_ids[{first}]"))
    if violations:
        raise errors.InvalidArgument(violations=violations)
    return [uuid.UUID(text) for text in run_ids]
