"""Both services as real processes on loopback, on a fresh database."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import Pair, running
from tapedeck_client import TapedeckClient
from tests.fix_plugins import PLUGINS

StartPair = Callable[..., contextlib.AbstractContextManager[Pair]]


def free_addresses(count: int) -> list[str]:
    """Addresses on loopback that nobody listens on; all are held until all are chosen, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def new_pair(data_dir: Path, database_url: str, environment: Mapping[str, str]) -> Pair:
    """A pair that is not started yet."""
    engine, store, record, engine_health, store_health = free_addresses(5)
    return Pair(
        data_dir,
        engine_address=engine,
        store_address=store,
        record_address=record,
        engine_health_address=engine_health,
        store_health_address=store_health,
        environment={"TAPEDECK_DATABASE_URL": database_url, "TAPEDECK_WORKERS": "2", **environment},
    )


@pytest.fixture(scope="module")
def pair(data_dir: Path, module_database_url: str, plugin_path: Path) -> Iterator[Pair]:
    """One pair for a whole module of tests, with the plug-in strategies of the tests allowed."""
    environment = {"PYTHONPATH": str(plugin_path), "TAPEDECK_STRATEGY_PLUGINS": PLUGINS}
    with running(new_pair(data_dir, module_database_url, environment)) as started:
        yield started


@pytest.fixture
def own_pair(data_dir: Path, database_url: str, plugin_path: Path) -> Iterator[Pair]:
    """A pair for one test that does something terrible to it."""
    environment = {
        "PYTHONPATH": str(plugin_path),
        "TAPEDECK_STRATEGY_PLUGINS": PLUGINS,
        "TAPEDECK_LEASE_SECONDS": "3",
        "TAPEDECK_HEARTBEAT_SECONDS": "0.5",
        "TAPEDECK_CLAIM_SECONDS": "1",
        "TAPEDECK_STORE_WAIT_SECONDS": "3",
    }
    with running(new_pair(data_dir, database_url, environment)) as started:
        yield started


@pytest.fixture
def client(pair: Pair) -> Iterator[TapedeckClient]:
    """A client of the module's pair."""
    with client_of(pair) as opened:
        yield opened


def client_of(pair: Pair) -> TapedeckClient:
    """A client of a pair; the caller closes it."""
    return TapedeckClient(engine_target=pair.engine_address, store_target=pair.store_address)


def second_engine(pair: Pair) -> Pair:
    """The same pair with another engine, which is not started; its store is the one that runs already."""
    engine, health = free_addresses(2)
    other = replace(pair, engine_address=engine, engine_health_address=health)
    other.store = pair.store
    return other
