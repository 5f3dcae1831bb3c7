"""A sweep that is being executed: what has come so far, put in order and merged. No connection, no process."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import AsyncGenerator, Sequence

from engine_service.pulse import Pulse
from engine_service.sweeps import ranking
from engine_service.sweeps.ranking import Ranked
from engine_service.sweeps.results import picked
from engine_service.sweeps.shard import ShardResults
from engine_service.sweeps.sweep_spec import SweepPlan
from tapedeck.v1 import run_pb2, sweep_pb2


class LiveSweep:
    """Takes the results of shards in order; knows the best ones, the digest, and everything that is to be recorded."""

    def __init__(self, plan: SweepPlan) -> None:
        self._top = plan.top
        self.result_count = self.failed_count = 0
        self.first_failure: run_pb2.RunError | None = None
        self._parts: list[bytes] = []
        """Serialized SweepResults in the order of their numbers."""
        self._first_numbers: list[int] = []
        """Of each part, its first number."""
        self._best: dict[str, list[Ranked]] = {}
        self._digest = hashlib.sha256()
        self._is_over = False
        self._pulse = Pulse()

    @property
    def completed_count(self) -> int:
        """Number of runs that have ended."""
        return self.result_count + self.failed_count

    @property
    def result_digest(self) -> str:
        """SHA-256 over the metrics of all results so far, row by row."""
        return self._digest.hexdigest()

    def add(self, symbol: str, shard: ShardResults) -> sweep_pb2.SweepResults:
        """Take the results of the next shard; returns them with their numbers.

        Args:
            symbol: The symbol of all its runs; empty when symbols are traded together.
            shard: What came.
        """
        results = sweep_pb2.SweepResults.FromString(shard.results)
        first = self.result_count + 1
        results.numbers.extend(range(first, first + shard.count))
        if shard.count:
            self._parts.append(results.SerializeToString())
            self._first_numbers.append(first)
            self._pulse.beat()
        self._digest.update(shard.rows)
        best = [Ranked(each.key, first + each.number) for each in shard.best]
        self._best[symbol] = ranking.merged(self._best.get(symbol, []), best, self._top)
        self.result_count += shard.count
        self.failed_count += shard.failed_count
        if shard.first_failure and self.first_failure is None:
            self.first_failure = run_pb2.RunError.FromString(shard.first_failure)
        return results

    def end(self) -> None:
        """No further results come."""
        self._is_over = True
        self._pulse.beat()

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Yield every part from the first on, as they come, until the end."""
        seen = 0
        while await self._has_more_than(seen):
            yield self._parts[seen]
            seen += 1

    async def _has_more_than(self, seen: int) -> bool:
        await self._pulse.wait_for(lambda: self._is_over or len(self._parts) > seen)
        return len(self._parts) > seen

    def best(self, count: int) -> list[int]:
        """Numbers of the best results of all symbols, best first; no more than are ranked."""
        return [each.number for each in sorted(each for best in self._best.values() for each in best)[:count]]

    def ranked(self) -> sweep_pb2.SweepResults:
        """The best results, best first; symbol by symbol when symbols are traded by runs of their own."""
        return self.pick([each.number for best in self._best.values() for each in best])

    def pick(self, numbers: Sequence[int]) -> sweep_pb2.SweepResults:
        """The results of some numbers, in that order."""
        at = {number: bisect_right(self._first_numbers, number) - 1 for number in numbers}
        opened = {part: sweep_pb2.SweepResults.FromString(self._parts[part]) for part in set(at.values())}
        return picked([(opened[at[number]], number - self._first_numbers[at[number]]) for number in numbers])
