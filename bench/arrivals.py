"""Runs that keep arriving while something else is measured."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence

import psycopg

from bench.outcome import Outcome
from bench.recording import Sender, messages_of
from bench.sample import as_new_run
from tapedeck.v1 import run_pb2
from tapedeck_rpc.channel import open_aio_channel

AT_ONCE = 4
"""Runs that end at the same time: what they have in common, such as a strategy's counter, they wait for."""

PAUSE_SECONDS = 0.4
"""Between them: ten runs a second are a busy day of several teams, and leave the cores to what is measured."""


class Arrivals:
    """How many runs have come, and what the databases say about it."""

    def __init__(self, database_urls: Sequence[str]) -> None:
        self.count = 0
        self._database_urls = database_urls

    def outcome(self, what: str) -> Outcome:
        """Deadlocks of the databases; there may be none."""
        deadlocks = 0
        for url in self._database_urls:
            with psycopg.connect(url) as connection:
                found = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
                assert found is not None
                deadlocks += found[0]
        return Outcome(f"deadlocks during {what} / runs recorded meanwhile", deadlocks, self.count, "", 0.0)


@contextlib.contextmanager
def arriving(record_targets: Sequence[str], database_urls: Sequence[str], events: Sequence[run_pb2.RunEvent]) -> Iterator[Arrivals]:
    """Record copies of a run into stores until the end, in a thread.

    Raises:
        RuntimeError: a store refused one.
    """
    arrivals, ended, problems = Arrivals(database_urls), threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            asyncio.run(_record(record_targets, events, arrivals, ended))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            problems.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield arrivals
    finally:
        ended.set()
        thread.join()
    if problems:
        raise RuntimeError("runs did not arrive") from problems[0]


async def _record(record_targets: Sequence[str], events: Sequence[run_pb2.RunEvent], arrivals: Arrivals, ended: threading.Event) -> None:
    async with contextlib.AsyncExitStack() as stack:
        senders = [Sender(await stack.enter_async_context(open_aio_channel(target))) for target in record_targets]
        while not ended.is_set():
            for sender in senders:
                await sender.send(messages_of([as_new_run(events) for _ in range(AT_ONCE)]))
                arrivals.count += AT_ONCE
            await asyncio.sleep(PAUSE_SECONDS)
