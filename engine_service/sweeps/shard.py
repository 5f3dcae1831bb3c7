"""A part of a sweep on its way to a worker process and back: plain data that travels by pickle.

A shard says everything: any process that has the project and the dataset can execute it, so it may be executed again elsewhere when its
process died, and comes to the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine_service.sweeps.combinations import Combination
from engine_service.sweeps.ranking import Ranked


@dataclass(frozen=True, slots=True)
class Shard:
    """Runs of one symbol, or of symbols that are traded together, over some combinations of parameters."""

    spec: bytes
    """Serialized RunSpec, complete but for the parameters that vary; its symbols are those of each run."""
    edge_score: bytes
    """Serialized EdgeScore, complete."""
    engine_kind: str
    """Which engine executes the runs: job.ZIPLINE, or job.KERNEL."""
    falls_back: bool
    """Whether zipline executes what the kernel finds to be beyond it during a run; otherwise such a run fails."""
    symbol: str
    """The symbol when every symbol is traded by runs of its own; else empty."""
    names: tuple[str, ...]
    """Parameters that vary."""
    combinations: Sequence[Combination]
    rank_by: str
    top: int
    """How many of its best results the shard names."""
    checks_look_ahead: bool
    """Whether the strategy is checked with the first combination; if it looks ahead, the shard has no results but `error`."""
    data_dir: Path
    plugins: frozenset[str]


@dataclass(frozen=True, slots=True)
class ShardResults:
    """What came out of a shard."""

    count: int
    """Number of results: combinations less failures."""
    results: bytes
    """Serialized SweepResults without numbers, in the order of the combinations."""
    rows: bytes
    """Their metrics and edge_score as float64 [results x columns.COLUMNS], row by row, NaN where undefined: what the digest is over."""
    best: Sequence[Ranked] = ()
    """Its best results, best first; their numbers count from 0 within the shard."""
    failed_count: int = 0
    first_failure: bytes = b""
    """Serialized RunError of the first run that failed."""
    error: bytes = b""
    """Serialized RunError of what ends the whole sweep."""


def execute(shard: Shard) -> ShardResults:
    """Execute a shard in this process."""
    from engine_service.sweeps import computing

    return computing.execute(shard)
