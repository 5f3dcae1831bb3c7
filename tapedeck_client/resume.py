"""Streams that survive a cut: every event, or every part of a run, is handed over exactly once, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import grpc

from tapedeck.v1.run_pb2 import RunEvent
from tapedeck_client.peer import Peer
from tapedeck_rpc import errors


@dataclass(frozen=True, slots=True)
class Backoff:
    """How patiently a cut stream is taken up again."""

    opening_attempts: int = 2
    """Tries before the first message. Few, because each is already retried by the channel, and somebody waits for a first sign of life."""
    attempts: int = 8
    """Tries in a row without a new message, once there was one: with the waits below they bridge 16 s, the restart of a service."""
    first_seconds: float = 0.2
    """Wait before the second try; it doubles with each further one."""
    longest_seconds: float = 5.0
    """Longest wait between two tries, also when the service asks for more."""

    def wait(self, failure_count: int, error: errors.CallError) -> None:
        """Sleep before the next try."""
        asked = error.retry_after_seconds or 0.0
        time.sleep(min(self.longest_seconds, max(asked, self.first_seconds * 2 ** (failure_count - 1))))


class CarriesEvent(Protocol):
    """A message of a stream of run events; one without an event has an empty event with sequence 0."""

    @property
    def event(self) -> RunEvent:
        """The event."""


M_co = TypeVar("M_co", covariant=True)
M_contra = TypeVar("M_contra", contravariant=True)
M = TypeVar("M")
P = TypeVar("P", bound="TakesEachOnce[Any]")


class TakesEachOnce(Protocol[M_contra]):
    """How far a stream has come, so that it can be opened again there."""

    def is_new(self, message: M_contra) -> bool:
        """Take the message in; False when it was seen before."""


class StreamCall(Protocol[M_co]):
    """What a stub returns for a server stream."""

    def __iter__(self) -> Iterator[M_co]:
        """The messages."""

    def cancel(self) -> object:
        """End the call."""


class Opened(NamedTuple, Generic[M]):
    """A call in flight."""

    peer: Peer
    call: StreamCall[M]
    may_end_early: bool
    """Whether the peer may end the stream without a last message: a watch from past the end of a finished run has none."""


@dataclass(slots=True)
class Place:
    """How far a stream of run events has come."""

    run_id: str = ""
    """Empty until the first event named it."""
    next_sequence: int = 1

    def is_new(self, message: CarriesEvent) -> bool:
        """Take the message's event in; False when it was seen before.

        Raises:
            tapedeck_rpc.errors.DataLoss: events before it are missing.
        """
        event = message.event
        if event.sequence == 0:
            return True
        if event.sequence > self.next_sequence:
            missing = f"event {self.next_sequence} of the run is missing: the stream went on with {event.sequence}"
            raise errors.DataLoss(missing, reason="SEQUENCE_GAP")
        if event.sequence < self.next_sequence:
            return False
        self.next_sequence += 1
        if event.HasField("started"):
            self.run_id = event.started.run_id
        return True


def each_once(open_call: Callable[[P], Opened[M]], is_last: Callable[[M], bool], place: P, backoff: Backoff) -> Generator[M, None, None]:
    """The messages of a stream, opened again where it was cut.

    Args:
        open_call: Opens the stream, at the place where it can, or before it: what was seen already is left out.
        is_last: Tells the message that ends the stream.
        place: Where to start; kept up to date.
        backoff: How often and how soon a stream is opened again.

    Yields:
        Each message once. Closing the generator cancels the call.

    Raises:
        tapedeck_rpc.errors.CallError: the peer refused, or stayed away for longer than the backoff bears.
    """
    failure_count, attempts = 0, backoff.opening_attempts
    while True:
        peer, call, may_end_early = open_call(place)
        problem: errors.CallError
        try:
            for message in call:
                if place.is_new(message):
                    failure_count, attempts = 0, backoff.attempts
                    yield message
                    if is_last(message):
                        return
            if may_end_early:
                return
            problem = peer.away()
        except grpc.RpcError as error:
            problem = peer.translate(error)
            if not isinstance(problem, errors.Unavailable):
                raise problem from None
        finally:
            call.cancel()
        failure_count += 1
        if failure_count >= attempts:
            raise problem
        backoff.wait(failure_count, problem)
