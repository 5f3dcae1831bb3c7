"""What is recorded of one run, and what is not yet: state only, no connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from engine_service.pulse import Pulse
from tapedeck.v1 import record_service_pb2, run_pb2
from tapedeck_rpc import errors

MAX_EVENTS = 64
"""Events in one message; the store takes 256."""

MAX_BYTES = 4 * 1024 * 1024
"""Size at which a message takes no further event: a quarter of the largest message."""

BUFFERED_EVENTS = 64
"""Events not yet acknowledged at which the run pauses: a store outage costs this much memory a run, not more."""

GATHER_SECONDS = 0.005
"""How long sessions wait for more to share their message and its commit; the first and the last event of a run wait for nothing."""

TRY_AGAIN_SECONDS = 0.25
"""Pause after an answer that means "not now", such as a deadlock in the database."""

_PASSING = (errors.Unavailable, errors.Aborted, errors.DeadlineExceeded, errors.ResourceExhausted)


class Recording:
    """One run on its way into the store. Events wait in order; one message is under way at a time."""

    def __init__(
        self,
        run_id: str,
        writer_epoch: int,
        next_sequence: int,
        *,
        wake: Callable[[], None],
        on_cancel: Callable[[], None],
        duplicate_policy: run_pb2.DuplicatePolicy = run_pb2.DUPLICATE_POLICY_RUN,
        look_only: bool = False,
    ) -> None:
        """Nothing is recorded yet; the policy and whether the store only looks go with the first event."""
        self.run_id = run_id
        self.pulse = Pulse()
        self.refused: errors.CallError | None = None
        self.first_answer: record_service_pb2.RecordRunsResponse | None = None
        self._epoch = writer_epoch
        self._next_sequence = next_sequence
        self._wake, self._on_cancel = wake, on_cancel
        self._with_first = record_service_pb2.RecordRunsRequest(duplicate_policy=duplicate_policy, look_only=look_only)
        self._waiting: deque[run_pb2.RunEvent] = deque()
        self._under_way: list[int] | None = None
        self._sent_epoch = writer_epoch
        self._sent_at = self._due_at = 0.0

    @property
    def has_room(self) -> bool:
        """Whether the run may go on producing."""
        return len(self._waiting) < BUFFERED_EVENTS

    @property
    def all_recorded(self) -> bool:
        """Whether everything that was put is durable."""
        return not self._waiting

    def put(self, event: run_pb2.RunEvent) -> None:
        """Record an event, in the background."""
        self._waiting.append(event)
        if event.HasField("sessions"):
            loop = asyncio.get_running_loop()
            self._due_at = min(self._due_at, loop.time() + GATHER_SECONDS)
            loop.call_at(self._due_at, self._wake)
        else:
            self._due_at = 0.0
            self._wake()

    def end_with(self, event: run_pb2.RunEvent) -> None:
        """After a refusal: forget what waits and end the run with this event, at the place the store expects."""
        event.sequence = self._next_sequence
        self._waiting.clear()
        self.refused, self._under_way = None, None
        self.put(event)

    def adopt(self, writer_epoch: int) -> None:
        """Go on under a new epoch: the run's lease had run out, and its own engine was the one that claimed it."""
        self._epoch, self._due_at = writer_epoch, 0.0
        if self.refused is not None and self.refused.reason == "WRITER_FENCED":
            self.refused = None
        self._wake()

    def resend(self) -> None:
        """The stream was opened again: what was under way may be lost."""
        self._under_way, self._due_at = None, 0.0

    def silent_seconds(self) -> float:
        """For how long a message has been under way without an answer."""
        return 0.0 if self._under_way is None else asyncio.get_running_loop().time() - self._sent_at

    def next_message(self, *, heartbeat_seconds: float) -> record_service_pb2.RecordRunsRequest | None:
        """What to send now: waiting events, a sign of life when it is time for one, or nothing."""
        now = asyncio.get_running_loop().time()
        if self._under_way is not None or self.refused is not None or now < self._due_at:
            return None
        if not self._waiting and self._next_sequence == 1:
            return None  # the store does not know the run yet, so there is nothing to keep alive
        message = record_service_pb2.RecordRunsRequest(run_id=self.run_id, writer_epoch=self._epoch)
        size = 0
        for event in self._waiting:
            size += event.ByteSize()
            if message.events and (len(message.events) == MAX_EVENTS or size > MAX_BYTES):
                break
            message.events.append(event)
        if message.events:
            message.first_sequence = message.events[0].sequence
            if message.first_sequence == 1:
                message.MergeFrom(self._with_first)
        self._under_way, self._sent_epoch = [event.sequence for event in message.events], self._epoch
        self._sent_at, self._due_at = now, now + heartbeat_seconds
        return message

    def acknowledge(self, answer: record_service_pb2.RecordRunsResponse, refused: errors.CallError | None) -> None:
        """Take the store's answer to the message under way."""
        sent, self._under_way = self._under_way or [], None
        self._next_sequence = answer.next_sequence or self._next_sequence
        was_adopted = refused is not None and refused.reason == "WRITER_FENCED" and self._sent_epoch != self._epoch
        if isinstance(refused, _PASSING) or was_adopted:
            self._due_at = asyncio.get_running_loop().time() + TRY_AGAIN_SECONDS
        elif refused is not None:
            self.refused = refused
        else:
            self.first_answer = self.first_answer or answer
            if answer.next_sequence == 1:  # nothing of the run is recorded, nor will be
                self._waiting.clear()
            # Only what this message carried: the store of a claimed run is ahead of it and still has to compare the rest.
            while self._waiting and self._waiting[0].sequence in sent and self._waiting[0].sequence < answer.next_sequence:
                self._waiting.popleft()
            if self._waiting:
                self._due_at = 0.0
        self._wake()
        self.pulse.beat()
        if answer.cancel_requested:
            self._on_cancel()
