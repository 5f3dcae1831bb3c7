"""Settings of the store service, read from the environment once, in `__main__`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting is an environment variable: TAPEDECK_ and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix="TAPEDECK_", frozen=True, extra="ignore")

    database_url: str = ""
    """PostgreSQL 15 or newer, such as postgresql://user:password@host:5432/tapedeck. Empty: an embedded one in `data_dir`."""
    data_dir: Path = Path.home() / ".local" / "share" / "tapedeck"
    """Holds the embedded PostgreSQL, in its folder `postgres`."""
    store_address: str = "127.0.0.1:50052"
    """Where StoreService listens."""
    record_address: str = "127.0.0.1:50053"
    """Where RecordService listens: for engines only."""
    store_health_address: str = "127.0.0.1:50062"
    """Where the probes ask."""
    engine_target: str = "127.0.0.1:50051"
    """EngineService, which executes replays and promoted results."""
    pool_size: int = Field(default=10, ge=1, le=1_000)
    """Connections kept open: more than the messages recorded at once, so that reads find one."""
    max_overflow: int = Field(default=10, ge=0, le=1_000)
    """Connections opened on top of that under load, and closed again."""
    pool_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long a call waits for a connection before it is told that the store is busy."""
    pool_recycle_seconds: int = Field(default=1_800, ge=-1)
    """Age at which a connection is replaced, before firewalls forget it; -1 means never."""
    pool_pre_ping: bool = False
    """Whether a connection is tried before each use. Off: it costs every call a round trip, and a call that meets a dead connection is
    answered UNAVAILABLE, which clients and engines try again."""
    statement_timeout_seconds: float = Field(default=15.0, gt=0)
    """Longest time of one SQL statement."""
    lock_timeout_seconds: float = Field(default=5.0, gt=0)
    """Longest wait of one SQL statement for a lock."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """How long after its engine's last sign of life a run is stale."""
    purge_after_days: float = Field(default=30.0, ge=0, le=36_500)
    """How long a deleted run can be brought back before it is removed for good."""
    backup_dir: Path | None = None
    """Holds the backups. None: the folder `backups` in `data_dir`."""
    backup_retention_days: int = Field(default=30, ge=1, le=36_500)
    """Age from which `backup` deletes a backup; the newest good one is always kept."""
    pg_bin: Path | None = None
    """Folder of pg_dump, pg_restore and psql. None: the PATH's, or those of the embedded PostgreSQL, whichever are new enough."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level logged."""
