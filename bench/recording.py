"""How fast runs are recorded through gRPC, against four writers without it."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import grpc
import psycopg

from bench.outcome import Outcome
from bench.sample import as_new_run, execute_for_events, sample_plan, warm
from bench.stage import Stage, target
from bench.writers import RunKey, open_writers
from tapedeck.v1 import record_service_pb2, record_service_pb2_grpc, run_pb2
from tapedeck_rpc.channel import open_aio_channel

LEAST_SPEED = 0.55
"""Runs a second through gRPC / of the writers without it."""

ROUNDS, RUNS_PER_ROUND = 9, 300
SHORT_ROUNDS, SHORT_RUNS_PER_ROUND = 3, 60

WARM_UP_RUNS = 60
"""Runs of either kind that are not counted."""

IN_FLIGHT = 16
"""Runs sent and not yet answered: as many as a busy engine of eight cores has."""

Request = record_service_pb2.RecordRunsRequest


class Sender:
    """One long-lived stream that carries runs, each in one message."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stream: Any = record_service_pb2_grpc.RecordServiceStub(channel).RecordRuns()

    async def send(self, messages: Sequence[Request]) -> None:
        """Send the messages; returns when all of them are durable."""
        room = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_answers(len(messages), room))
            for message in messages:
                await room.acquire()
                await self._stream.write(message)

    async def _take_answers(self, count: int, room: asyncio.Semaphore) -> None:
        for _ in range(count):
            answer = await self._stream.read()
            if answer is grpc.aio.EOF or answer.HasField("error"):
                raise RuntimeError(f"the store refused a run: {answer}")
            room.release()


def measure_recording(stage: Stage, *, short: bool) -> list[Outcome]:
    """Record runs through the service and without it in turn, into one database."""
    ready = sample_plan(stage.data_dir)
    warm(ready)
    events = execute_for_events(ready)
    url = stage.new_database("bench_recording")
    rounds, runs = (SHORT_ROUNDS, SHORT_RUNS_PER_ROUND) if short else (ROUNDS, RUNS_PER_ROUND)
    with stage.store(url) as store:
        through, without = asyncio.run(_measure(target(store, "record_port"), url, events, rounds, runs))
    name = f"recording runs of {ready.session_count:,} sessions / without gRPC"
    return [Outcome(name, statistics.median(through), statistics.median(without), "runs/s", LEAST_SPEED, is_least=True)]


async def _measure(
    record_target: str, url: str, events: Sequence[run_pb2.RunEvent], rounds: int, runs: int
) -> tuple[list[float], list[float]]:
    """Speeds of each round, in runs a second: through gRPC, and without."""
    through, without = [], []
    async with open_aio_channel(record_target) as channel, open_writers(url, events) as writers:
        sender = Sender(channel)
        await sender.send(messages_of(_copies(events, WARM_UP_RUNS)))
        await writers.write(_keys(_copies(events, WARM_UP_RUNS)))
        for _ in range(rounds):
            messages, keys = messages_of(_copies(events, runs)), _keys(_copies(events, runs))
            await _checkpoint(url)
            before = time.perf_counter()
            await sender.send(messages)
            through.append(runs / (time.perf_counter() - before))
            await _checkpoint(url)
            before = time.perf_counter()
            await writers.write(keys)
            without.append(runs / (time.perf_counter() - before))
    return through, without


async def _checkpoint(url: str) -> None:
    """Write out what the round before left to be written."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CHECKPOINT")


async def record(record_target: str, runs: Iterable[Sequence[run_pb2.RunEvent]]) -> None:
    """Record whole runs, each told by its events; returns when all of them are durable."""
    async with open_aio_channel(record_target) as channel:
        await Sender(channel).send(messages_of(runs))


def messages_of(runs: Iterable[Sequence[run_pb2.RunEvent]]) -> list[Request]:
    """Messages that record whole runs, each told by its events."""
    return [Request(run_id=run[0].started.run_id, writer_epoch=1, first_sequence=1, events=run) for run in runs]


def _copies(events: Sequence[run_pb2.RunEvent], count: int) -> list[list[run_pb2.RunEvent]]:
    return [as_new_run(events) for _ in range(count)]


def _keys(runs: Iterable[Sequence[run_pb2.RunEvent]]) -> list[RunKey]:
    return [(uuid.UUID(run[0].started.run_id), run[0].started.spec_digest) for run in runs]
