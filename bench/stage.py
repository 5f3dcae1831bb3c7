"""Where everything is measured: a folder that goes away, a real PostgreSQL in it, and the services as processes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from deploy.local import Service
from engine_service.ingest import ingest_sample
from store_service.database import parse_url
from store_service.embedded import embedded_postgres
from store_service.migrations import migrate

ANY_PORT = "127.0.0.1:0"


class Stage:
    """A data folder with the sample dataset, and a PostgreSQL."""

    def __init__(self, data_dir: Path, server_url: str) -> None:
        self.data_dir = data_dir
        self._server_url = server_url

    def new_database(self, name: str) -> str:
        """Make a database with the store's schema; returns its URL."""
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        url = make_url(self._server_url).set(database=name).render_as_string(hide_password=False)
        migrate(parse_url(url))
        return url

    def drop_database(self, name: str) -> None:
        """Remove a database that nobody uses any more: the measurements after it need room, too."""
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    @contextlib.contextmanager
    def store(self, database_url: str) -> Iterator[Service]:
        """A store service on a database."""
        addresses = {f"TAPEDECK_{name}_ADDRESS": ANY_PORT for name in ("STORE", "RECORD", "STORE_HEALTH")}
        with self._running("store_service", {"TAPEDECK_DATABASE_URL": database_url, **addresses}) as service:
            yield service

    @contextlib.contextmanager
    def engine(self, store: Service, settings: Mapping[str, str] | None = None) -> Iterator[Service]:
        """An engine service that records into a store."""
        addresses = {f"TAPEDECK_{name}_ADDRESS": ANY_PORT for name in ("ENGINE", "ENGINE_HEALTH")}
        targets = {"TAPEDECK_STORE_TARGET": target(store, "store_port"), "TAPEDECK_RECORD_TARGET": target(store, "record_port")}
        with self._running("engine_service", {**addresses, **targets, **(settings or {})}) as service:
            yield service

    @contextlib.contextmanager
    def _running(self, module: str, environment: Mapping[str, str]) -> Iterator[Service]:
        service = Service(module, {"TAPEDECK_DATA_DIR": str(self.data_dir), **environment}, self.data_dir / "logs" / f"{module}.log")
        try:
            service.start()
            yield service
        finally:
            service.stop()


def target(service: Service, port: str) -> str:
    """Where one of a service's ports is reached; it is named as in the service's log."""
    return f"127.0.0.1:{service.ready[port]}"


@contextlib.contextmanager
def set_stage() -> Iterator[Stage]:
    """Prepare a stage, and leave nothing of it behind."""
    # A folder right below the temporary one: the path of a Unix socket has some 100 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="tapedeck-bench-"))
    try:
        ingest_sample(folder)
        with embedded_postgres(folder) as server_url:
            yield Stage(folder, server_url)
    finally:
        shutil.rmtree(folder)
