"""StoreService on the wire: takes requests apart, calls the verb, wraps the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from store_service.runs.organizing import RunOrganizer
from store_service.runs.records import RunRecords
from store_service.runs.replay import Replays
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2, store_service_pb2, store_service_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class StoreServicer(store_service_pb2_grpc.StoreServiceServicer):  # type: ignore[misc] # generated without types
    """Serves recorded runs."""

    def __init__(self, runs: RunStore, records: RunRecords, replays: Replays, organizer: RunOrganizer) -> None:
        self._runs = runs
        self._records = records
        self._replays = replays
        self._organizer = organizer

    async def GetRun(self, request: store_service_pb2.GetRunRequest, context: Context) -> store_service_pb2.GetRunResponse:
        """One run."""
        return store_service_pb2.GetRunResponse(run=await self._runs.get_run(request.run_id, request.view))

    async def ListRuns(self, request: store_service_pb2.ListRunsRequest, context: Context) -> store_service_pb2.ListRunsResponse:
        """A page of runs."""
        runs, next_page_token = await self._runs.list_runs(
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            view=request.view,
            show_deleted=request.show_deleted,
        )
        return store_service_pb2.ListRunsResponse(runs=runs, next_page_token=next_page_token)

    async def CountRuns(self, request: store_service_pb2.CountRunsRequest, context: Context) -> store_service_pb2.CountRunsResponse:
        """Number of runs."""
        run_count = await self._runs.count_runs(request.filter, show_deleted=request.show_deleted)
        return store_service_pb2.CountRunsResponse(run_count=run_count)

    async def SummarizeRuns(
        self, request: store_service_pb2.SummarizeRunsRequest, context: Context
    ) -> store_service_pb2.SummarizeRunsResponse:
        """Statistics of runs."""
        groups = await self._runs.summarize_runs(request.filter, group_by=request.group_by, metrics=request.metrics)
        return store_service_pb2.SummarizeRunsResponse(groups=groups)

    async def CompareRuns(self, request: store_service_pb2.CompareRunsRequest, context: Context) -> store_service_pb2.CompareRunsResponse:
        """Runs side by side."""
        return await self._runs.compare_runs(request.run_ids, include_curves=request.include_curves, include_sharpe=request.include_sharpe)

    async def FindSimilarRuns(
        self, request: store_service_pb2.FindSimilarRunsRequest, context: Context
    ) -> store_service_pb2.FindSimilarRunsResponse:
        """Runs that are like another one."""
        return await self._runs.find_similar_runs(
            run_id=request.run_id,
            spec=request.spec if request.HasField("spec") else None,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def WatchRun(
        self, request: store_service_pb2.WatchRunRequest, context: Context
    ) -> AsyncIterator[store_service_pb2.WatchRunResponse]:
        """The events of a run."""
        async with aclosing(self._runs.watch_run(request.run_id, request.from_sequence)) as events:
            async for event in events:
                yield store_service_pb2.WatchRunResponse(event=event)

    async def ReadRun(
        self, request: store_service_pb2.ReadRunRequest, context: Context
    ) -> AsyncIterator[store_service_pb2.ReadRunResponse]:
        """Parts of what is recorded of a run."""
        async with aclosing(self._records.read_run(request)) as messages:
            async for message in messages:
                yield message

    async def ReplayRun(
        self, request: store_service_pb2.ReplayRunRequest, context: Context
    ) -> AsyncIterator[store_service_pb2.ReplayRunResponse]:
        """The events of the new run, then the verdict."""
        replaying = self._replays.replay_run(request.run_id, request.overrides, data=request.data, request_id=request.request_id)
        async with aclosing(replaying) as messages:
            async for message in messages:
                if isinstance(message, run_pb2.RunEvent):
                    yield store_service_pb2.ReplayRunResponse(event=message)
                else:
                    yield store_service_pb2.ReplayRunResponse(verdict=message)

    async def UpdateRun(self, request: store_service_pb2.UpdateRunRequest, context: Context) -> store_service_pb2.UpdateRunResponse:
        """The changed run."""
        run = await self._organizer.update_run(
            request.run_id,
            set_labels=request.set_labels,
            remove_labels=request.remove_labels,
            note=request.note if request.HasField("note") else None,
            etag=request.etag,
        )
        return store_service_pb2.UpdateRunResponse(run=run)

    async def DeleteRun(self, request: store_service_pb2.DeleteRunRequest, context: Context) -> store_service_pb2.DeleteRunResponse:
        """The deleted run."""
        return store_service_pb2.DeleteRunResponse(run=await self._organizer.delete_run(request.run_id))

    async def UndeleteRun(self, request: store_service_pb2.UndeleteRunRequest, context: Context) -> store_service_pb2.UndeleteRunResponse:
        """The run that was brought back."""
        return store_service_pb2.UndeleteRunResponse(run=await self._organizer.undelete_run(request.run_id))

    async def BatchDeleteRuns(
        self, request: store_service_pb2.BatchDeleteRunsRequest, context: Context
    ) -> store_service_pb2.BatchDeleteRunsResponse:
        """What was deleted, or would be."""
        return await self._organizer.batch_delete_runs(request.run_ids, request.filter, validate_only=request.validate_only)
