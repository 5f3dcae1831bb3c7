"""What produces a result, besides its spec. Reads versions from installed metadata, so the server process need not import what computes."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

from engine_service.datasets import Dataset
from engine_service.job import ZIPLINE
from engine_service.strategies import Strategy
from tapedeck.v1 import run_pb2

LIBRARIES = ("zipline-reloaded", "numpy", "pandas", "polars", "numba", "llvmlite", "exchange-calendars", "bottleneck", "tzdata")
"""Distributions whose version may change a result."""


def provenance(strategy: Strategy, dataset: Dataset, seed: int, engine_kind: str) -> run_pb2.Provenance:
    """Provenance of a run that one of the engines is about to execute here."""
    return run_pb2.Provenance(
        strategy_import_path=strategy.import_path,
        strategy_version=strategy.version,
        strategy_source_digest=strategy.source_digest,
        dataset_fingerprint=dataset.fingerprint,
        calendar=dataset.calendar,
        calendar_start_date=dataset.calendar_start_date,
        calendar_end_date=dataset.calendar_end_date,
        engine_kind=engine_kind,
        engine_version=_versions()["zipline-reloaded" if engine_kind == ZIPLINE else "tapedeck"],
        versions=_versions(),
        platform=_platform(),
        seed=seed,
    )


@cache
def _versions() -> dict[str, str]:
    found = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "tapedeck": version("tapedeck"), **found}


@cache
def _platform() -> str:
    """System, machine, C library and what of the CPU numerical libraries choose their code by."""
    libc = " ".join(platform.libc_ver())
    threads = os.environ.get("POLARS_MAX_THREADS", "default")
    return f"{platform.system()} {platform.machine()} {libc}; cpu {', '.join(_cpu_features())}; polars threads {threads}"


def _cpu_features() -> list[str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    flags = next((line.split(":")[1].split() for line in lines if line.startswith("flags")), [])
    return [name for name in ("sse4_2", "avx", "avx2", "fma", "avx512f") if name in flags]
