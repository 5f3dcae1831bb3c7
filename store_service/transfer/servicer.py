"""TransferService on the wire: takes requests apart, calls the verb, wraps the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from store_service.transfer.creating import RunCreation
from store_service.transfer.creating_sweeps import SweepCreation
from store_service.transfer.exporting import RunExports
from store_service.transfer.importing import RunImports
from tapedeck.v1 import transfer_service_pb2, transfer_service_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class TransferServicer(transfer_service_pb2_grpc.TransferServiceServicer):  # type: ignore[misc] # generated without types
    """Serves transfers of runs and sweeps."""

    def __init__(self, creation: RunCreation, sweep_creation: SweepCreation, exports: RunExports, imports: RunImports) -> None:
        self._creation = creation
        self._sweep_creation = sweep_creation
        self._exports = exports
        self._imports = imports

    async def BatchCreateRuns(
        self, request: transfer_service_pb2.BatchCreateRunsRequest, context: Context
    ) -> transfer_service_pb2.BatchCreateRunsResponse:
        """Results from elsewhere."""
        return transfer_service_pb2.BatchCreateRunsResponse(runs=await self._creation.batch_create_runs(request.runs))

    async def CreateSweep(
        self, request: transfer_service_pb2.CreateSweepRequest, context: Context
    ) -> transfer_service_pb2.CreateSweepResponse:
        """Ranked results from elsewhere."""
        sweep_id, created = await self._sweep_creation.create_sweep(request)
        return transfer_service_pb2.CreateSweepResponse(sweep_id=sweep_id, created=created)

    async def ExportRuns(
        self, request: transfer_service_pb2.ExportRunsRequest, context: Context
    ) -> AsyncIterator[transfer_service_pb2.ExportRunsResponse]:
        """A file, part by part."""
        async with aclosing(self._exports.export_runs(request.filter, request.format)) as chunks:
            async for chunk in chunks:
                yield transfer_service_pb2.ExportRunsResponse(chunk=chunk)

    async def ImportRuns(
        self, request_iterator: AsyncIterator[transfer_service_pb2.ImportRunsRequest], context: Context
    ) -> AsyncIterator[transfer_service_pb2.ImportRunsResponse]:
        """Take a file."""
        parts = (request.chunk async for request in request_iterator)
        async with aclosing(self._imports.import_runs(parts)) as answers:
            async for answer in answers:
                yield answer
