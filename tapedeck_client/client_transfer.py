"""What the client brings into the store and out of it: results from elsewhere, and files of runs."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import grpc

from tapedeck.v1.transfer_service_pb2 import (
    EXPORT_FORMAT_UNSPECIFIED,
    BatchCreateRunsRequest,
    BatchCreateRunsResponse,
    CreatedRun,
    CreateSweepRequest,
    CreateSweepResponse,
    ExportFormat,
    ExportRunsRequest,
    ImportRunsRequest,
    ImportRunsResponse,
    RunEntry,
)
from tapedeck_client.connection import Connection

CREATE_TIMEOUT_SECONDS = 60.0
"""Deadline of saving results: a thousand runs, or a sweep, are one transaction."""

PART_BYTES = 256 * 1024
"""Size of the parts that a file is sent in."""


class TransferMethods(Connection):
    """The client's methods that transfer runs and sweeps. Each may be tried again after an error: what is there is not added twice."""

    def create(self, entries: Sequence[RunEntry], *, timeout_seconds: float = CREATE_TIMEOUT_SECONDS) -> list[CreatedRun]:
        """Save results that were produced elsewhere, all of them or none; one answer for each, in their order."""
        request = BatchCreateRunsRequest(runs=entries)
        response: BatchCreateRunsResponse = self._store_peer.call(self._transfers.BatchCreateRuns, request, timeout_seconds)
        return list(response.runs)

    def create_sweep(self, request: CreateSweepRequest, *, timeout_seconds: float = CREATE_TIMEOUT_SECONDS) -> CreateSweepResponse:
        """Save ranked results that were found elsewhere as a sweep, all of them or none; `sweep_results` reads them."""
        response: CreateSweepResponse = self._store_peer.call(self._transfers.CreateSweep, request, timeout_seconds)
        return response

    def export_runs(
        self,
        filter: str = "",  # noqa: A002 - the contract's word for it
        form: ExportFormat = EXPORT_FORMAT_UNSPECIFIED,
    ) -> Generator[bytes, None, None]:
        """Yield the parts of a file of the runs that match and have ended. A stream that is cut raises: the file is not whole then."""
        call = self._transfers.ExportRuns(ExportRunsRequest(filter=filter, format=form))
        try:
            for response in call:
                yield response.chunk
        except grpc.RpcError as error:
            raise self._store_peer.translate(error) from None
        finally:
            call.cancel()

    def import_runs(self, file: Iterable[bytes]) -> Generator[ImportRunsResponse, None, None]:
        """Send an export in JSON, in parts of any size; yield what became of its runs.

        Nothing is kept before the last response, which says `committed`; a generator that is closed earlier gives the import up.
        """
        requests = (ImportRunsRequest(chunk=part[at : at + PART_BYTES]) for part in file for at in range(0, len(part), PART_BYTES))
        call = self._transfers.ImportRuns(requests)
        try:
            yield from call
        except grpc.RpcError as error:
            raise self._store_peer.translate(error) from None
        finally:
            call.cancel()
