"""SweepService on the wire: takes requests apart, calls the verb, wraps the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from store_service.sweeps.promotion import Promotions
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import sweep_service_pb2, sweep_service_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class SweepServicer(sweep_service_pb2_grpc.SweepServiceServicer):  # type: ignore[misc] # generated without types
    """Serves recorded sweeps."""

    def __init__(self, sweeps: SweepStore, promotions: Promotions) -> None:
        self._sweeps = sweeps
        self._promotions = promotions

    async def GetSweep(self, request: sweep_service_pb2.GetSweepRequest, context: Context) -> sweep_service_pb2.GetSweepResponse:
        """One sweep."""
        return sweep_service_pb2.GetSweepResponse(sweep=await self._sweeps.get_sweep(request.sweep_id))

    async def ListSweeps(self, request: sweep_service_pb2.ListSweepsRequest, context: Context) -> sweep_service_pb2.ListSweepsResponse:
        """A page of sweeps."""
        sweeps, next_page_token = await self._sweeps.list_sweeps(
            filter_text=request.filter, page_size=request.page_size, page_token=request.page_token
        )
        return sweep_service_pb2.ListSweepsResponse(sweeps=sweeps, next_page_token=next_page_token)

    async def ListSweepResults(
        self, request: sweep_service_pb2.ListSweepResultsRequest, context: Context
    ) -> sweep_service_pb2.ListSweepResultsResponse:
        """A page of results."""
        results, next_page_token = await self._sweeps.list_sweep_results(
            request.sweep_id,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return sweep_service_pb2.ListSweepResultsResponse(results=results, next_page_token=next_page_token)

    async def PromoteSweepResult(
        self, request: sweep_service_pb2.PromoteSweepResultRequest, context: Context
    ) -> AsyncIterator[sweep_service_pb2.PromoteSweepResultResponse]:
        """The events of the new run."""
        promoting = self._promotions.promote_sweep_result(request.sweep_id, request.number, request_id=request.request_id)
        async with aclosing(promoting) as events:
            async for event in events:
                yield sweep_service_pb2.PromoteSweepResultResponse(event=event)
