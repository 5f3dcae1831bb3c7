"""What the client reads of a run's records, part by part."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from tapedeck.v1.store_service_pb2 import ReadRunRequest, ReadRunResponse, RunPart, RunPlace
from tapedeck_client.connection import Connection
from tapedeck_client.resume import Opened, each_once


class _ReadPlace:
    """How far a run has been read: every message says it itself."""

    def __init__(self, place: RunPlace | None) -> None:
        self.after = place

    def is_new(self, message: ReadRunResponse) -> bool:
        """Take the message in; the store never sends one twice."""
        self.after = message.place
        return True


class RecordMethods(Connection):
    """The client's methods that read what runs have recorded."""

    def read(
        self,
        run_id: str,
        parts: Sequence[RunPart] = (),
        *,
        symbols: Sequence[str] = (),
        start_date: str = "",
        end_date: str = "",
        after: RunPlace | None = None,
    ) -> Generator[ReadRunResponse, None, None]:
        """Yield parts of what is recorded of a run: sessions in their order, then round trips. A run that goes on is not waited for.

        Args:
            run_id: The run.
            parts: Which parts; none means all.
            symbols: Only what is of these symbols; the equity curve is always that of the whole account.
            start_date: First session, as an ISO date; round trips by their exit.
            end_date: Last session, included.
            after: `place` of a message that was received before: to go on right behind it.
        """

        def open_call(place: _ReadPlace) -> Opened[ReadRunResponse]:
            request = ReadRunRequest(
                run_id=run_id, parts=parts, symbols=symbols, start_date=start_date, end_date=end_date, after=place.after
            )
            return Opened(self._store_peer, self._store.ReadRun(request), may_end_early=True)

        return each_once(open_call, lambda _: False, _ReadPlace(after), self._backoff)
