"""What the client changes of recorded runs: labels and note, and whether they are deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tapedeck.v1.run_pb2 import Run
from tapedeck.v1.store_service_pb2 import (
    BatchDeleteRunsRequest,
    BatchDeleteRunsResponse,
    DeleteRunRequest,
    DeleteRunResponse,
    UndeleteRunRequest,
    UndeleteRunResponse,
    UpdateRunRequest,
    UpdateRunResponse,
)
from tapedeck_client.connection import UNARY_TIMEOUT_SECONDS, Connection

DELETE_TIMEOUT_SECONDS = 30.0
"""Deadline of deleting many runs: a filter may read all runs to find them."""


class OrganizeMethods(Connection):
    """The client's methods that change runs. Sent again after a lost answer, each of them changes nothing more."""

    def update(
        self,
        run_id: str,
        *,
        labels: Mapping[str, str] | None = None,
        remove_labels: Sequence[str] = (),
        note: str | None = None,
        etag: str = "",
        timeout_seconds: float = UNARY_TIMEOUT_SECONDS,
    ) -> Run:
        """Change labels, key by key, and the note; the changed run, in the FULL view.

        Args:
            run_id: The run.
            labels: Labels to set; the others stay.
            remove_labels: Keys of labels to remove.
            note: The new note; empty removes it, None leaves it.
            etag: `Run.etag` as it was read: raises `Aborted` when somebody changed the run since. Empty: whatever it is now.
            timeout_seconds: Deadline, retries included.
        """
        request = UpdateRunRequest(run_id=run_id, set_labels=labels, remove_labels=remove_labels, note=note, etag=etag)
        response: UpdateRunResponse = self._store_peer.call(self._store.UpdateRun, request, timeout_seconds)
        return response.run

    def delete(self, run_id: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> Run:
        """Delete a run that has ended; it can be brought back until its purge_time."""
        response: DeleteRunResponse = self._store_peer.call(self._store.DeleteRun, DeleteRunRequest(run_id=run_id), timeout_seconds)
        return response.run

    def undelete(self, run_id: str, *, timeout_seconds: float = UNARY_TIMEOUT_SECONDS) -> Run:
        """Bring a deleted run back."""
        response: UndeleteRunResponse = self._store_peer.call(self._store.UndeleteRun, UndeleteRunRequest(run_id=run_id), timeout_seconds)
        return response.run

    def delete_many(
        self,
        run_ids: Sequence[str] = (),
        filter: str = "",  # noqa: A002 - the contract's word for it
        *,
        validate_only: bool = False,
        timeout_seconds: float = DELETE_TIMEOUT_SECONDS,
    ) -> BatchDeleteRunsResponse:
        """Delete runs by their ids or by a filter, all of them or none.

        `validate_only` says how many and which they would be, and deletes nothing.
        """
        request = BatchDeleteRunsRequest(run_ids=run_ids, filter=filter, validate_only=validate_only)
        response: BatchDeleteRunsResponse = self._store_peer.call(self._store.BatchDeleteRuns, request, timeout_seconds)
        return response
