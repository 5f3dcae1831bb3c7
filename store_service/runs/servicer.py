"""StoreService on the wire: takes requests apart, calls the verb, wraps the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from store_service.runs.replay import Replays
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2, store_service_pb2, store_service_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class StoreServicer(store_service_pb2_grpc.StoreServiceServicer):  # type: ignore[misc] # generated without types
    """Serves recorded runs."""

    def __init__(self, runs: RunStore, replays: Replays) -> None:
        self._runs = runs
        self._replays = replays

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
        )
        return store_service_pb2.ListRunsResponse(runs=runs, next_page_token=next_page_token)

    async def CountRuns(self, request: store_service_pb2.CountRunsRequest, context: Context) -> store_service_pb2.CountRunsResponse:
        """Number of runs."""
        return store_service_pb2.CountRunsResponse(run_count=await self._runs.count_runs(request.filter))

    async def CompareRuns(self, request: store_service_pb2.CompareRunsRequest, context: Context) -> store_service_pb2.CompareRunsResponse:
        """Runs side by side."""
        return await self._runs.compare_runs(request.run_ids, include_curves=request.include_curves)

    async def WatchRun(
        self, request: store_service_pb2.WatchRunRequest, context: Context
    ) -> AsyncIterator[store_service_pb2.WatchRunResponse]:
        """The events of a run."""
        async with aclosing(self._runs.watch_run(request.run_id, request.from_sequence)) as events:
            async for event in events:
                yield store_service_pb2.WatchRunResponse(event=event)

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
