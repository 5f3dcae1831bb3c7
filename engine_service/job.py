"""What the server process hands to a child process. Light: the server never loads what the child computes with."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from tapedeck.v1 import run_pb2

ZIPLINE, KERNEL = "zipline", "kernel"
"""The engines, as Provenance.engine_kind names them."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to execute one run."""

    spec: bytes
    """Serialized RunSpec with every default filled in."""
    data_dir: Path
    plugins: frozenset[str]
    first_sequence: int
    """Sequence of the first event that the worker makes."""
    timeout_seconds: float
    memory_bytes: int
    engine_kind: str
    """Which engine executes it: ZIPLINE or KERNEL."""
    is_built_in: bool
    """Whether its strategy is one of ours."""

    def spends_worker(self, finished: run_pb2.RunFinished) -> bool:
        """Whether the worker has to end with the job that ended like this.

        zipline, the code of others and runs that were cut short leave things behind in their process; no later run may meet them.
        """
        return not (self.is_built_in and finished.state == run_pb2.RUN_STATE_SUCCEEDED and finished.engine_kind == KERNEL)


def work(connection: Connection) -> None:
    """Runs in the child: get ready, then execute the jobs that come."""
    from engine_service import worker

    worker.main(connection)


def report_preload(connection: Connection) -> None:
    """Runs in the child: say what the fork server could not load, or None."""
    preload = sys.modules.get("engine_service.preload")
    connection.send("the fork server has not loaded engine_service.preload" if preload is None else preload.PROBLEM)
    connection.close()
