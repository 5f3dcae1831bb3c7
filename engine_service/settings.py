"""Settings of the engine service, read from the environment once, in `__main__`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting is an environment variable: TAPEDECK_ and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix="TAPEDECK_", frozen=True, extra="ignore")

    engine_address: str = "127.0.0.1:50051"
    """Where EngineService listens."""
    engine_health_address: str = "127.0.0.1:50061"
    """Where the probes ask."""
    store_target: str = "127.0.0.1:50052"
    """StoreService, asked for the events of a run whose request_id is known already."""
    record_target: str = "127.0.0.1:50053"
    """RecordService, where runs are recorded."""
    data_dir: Path = Path.home() / ".local" / "share" / "tapedeck"
    """Holds the datasets."""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Runs executed at once, one process each."""
    queue_limit: int = Field(default=32, ge=0, le=10_000)
    """Runs that may wait for a worker; one more is refused with RESOURCE_EXHAUSTED."""
    executor: str = Field(default="processes", pattern=r"^(processes|dask://[^/\s]+:\d+)$")
    """What executes sweeps: "processes" (as many as TAPEDECK_WORKERS), or the scheduler of a Dask cluster as dask://HOST:PORT."""
    run_timeout_seconds: int = Field(default=3_600, ge=1)
    """Limit of a run that names none, and the most it may ask for."""
    worker_memory_mb: int = Field(default=2_048, ge=64)
    """Memory a run may use on top of what a fresh worker has."""
    store_wait_seconds: float = Field(default=15.0, gt=0)
    """How long the store may be away before a run with CONTINUE goes on without it, or one with FAIL fails."""
    heartbeat_seconds: float = Field(default=5.0, gt=0)
    """How often a run without events gives a sign of life: well within the store's lease, and how fast a cancel from elsewhere arrives."""
    claim_seconds: float = Field(default=15.0, gt=0)
    """How often the engine looks for runs whose engine has vanished."""
    strategy_plugins: Annotated[frozenset[str], NoDecode] = frozenset()
    """Names of the installed plug-in strategies that may run, separated by commas."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level logged."""

    @field_validator("strategy_plugins", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return frozenset(filter(None, (name.strip() for name in names.split(",")))) if isinstance(names, str) else names
