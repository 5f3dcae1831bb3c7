"""Both services as prepared servicers behind a real server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner, Result

from tapedeck_client import Backoff, TapedeckClient
from tapedeck_client.cli import cli
from tests.tapedeck_client.fake_wire import FakeWire
from tests.tapedeck_client.services import Engine, Store, serve

IMPATIENT = Backoff(opening_attempts=2, attempts=3, first_seconds=0.001, longest_seconds=0.01)

Tapedeck = Callable[..., Result]


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def target(engine: Engine, store: Store) -> Iterator[str]:
    """Address of a server with both services."""
    server, address = serve(engine, store)
    yield address
    engine.hold.set()
    engine.open.set()
    store.open.set()
    server.stop(0).wait()


@pytest.fixture
def client(target: str) -> Iterator[TapedeckClient]:
    with TapedeckClient(target, target, backoff=IMPATIENT) as opened:
        yield opened


@pytest.fixture
def wire() -> Iterator[FakeWire]:
    with ThreadPoolExecutor(1) as pool:
        yield FakeWire(pool)


@pytest.fixture
def tapedeck(target: str, monkeypatch: pytest.MonkeyPatch) -> Tapedeck:
    """The command line, with both services where the servicers are."""
    monkeypatch.setenv("TAPEDECK_ENGINE_TARGET", target)
    monkeypatch.setenv("TAPEDECK_STORE_TARGET", target)
    # A parent that has loaded readline, as pytest has, leaves the width of its terminal to its children: pytest-xdist's workers have it.
    monkeypatch.delenv("COLUMNS", raising=False)

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=stdin)

    return invoke
