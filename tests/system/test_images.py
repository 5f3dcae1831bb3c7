"""What the images hold: their build steps run in a folder, and what they make is started as Kubernetes would start it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.deploy.dockerfile import ROOT, execute, read_stages
from tests.deploy.test_dockerfiles import ABSENT
from tests.fix_pair import free_addresses
from tests.system.conftest import PROGRAMS

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

READY_SECONDS = 120
"""What the manifests' startup and readiness probes together allow."""


def installed(python: Path, modules: set[str]) -> set[str]:
    """Those of the modules that an installation has."""
    script = "import importlib.util, sys; print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name)))"
    done = subprocess.run([python, "-c", script, *sorted(modules)], check=True, capture_output=True, text=True, cwd=python.parent)
    return set(done.stdout.split())


class Image:
    """A service installed by the steps of its Dockerfile, with the environment that the Dockerfile gives it."""

    def __init__(self, service: str, folder: Path) -> None:
        build, final = read_stages(service)
        venv.create(folder / "tools", with_pip=True)
        execute(build, folder / "source", folder / "opt", folder / "tools" / "bin")
        self.python = folder / "opt" / "bin" / "python"
        self.home = folder / "home"
        self.home.mkdir()
        self._entrypoint = [str(self.python), *json.loads(final.arguments("ENTRYPOINT")[0])[1:]]
        paths = {"PATH": str(self.python.parent), "HOME": str(self.home), "TMPDIR": str(folder)}
        if service == "engine":
            paths |= {"NUMBA_CACHE_DIR": str(folder / "numba"), "TAPEDECK_DATA_DIR": str(folder / "data")}
        self._environment = final.environment() | paths

    def execute(self, *arguments: str, environment: Mapping[str, str]) -> None:
        """Run the container with arguments, to its end."""
        subprocess.run([*self._entrypoint, *arguments], check=True, cwd=self.home, env={**self._environment, **environment}, timeout=300)

    @contextmanager
    def serving(self, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """Run the container; it has to end by itself, and well, when it is told to."""
        with subprocess.Popen(self._entrypoint, cwd=self.home, env={**self._environment, **environment}) as process:
            try:
                yield process
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0
            finally:
                process.kill()


def wait_until_ready(container: subprocess.Popen[bytes], address: str) -> None:
    """Ask as the readiness probe does."""
    deadline = time.monotonic() + READY_SECONDS
    request = health_pb2.HealthCheckRequest(service="readiness")
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while True:
            try:
                if stub.Check(request, timeout=5).status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.RpcError:
                pass
            assert container.poll() is None, "ended by itself"
            assert time.monotonic() < deadline, "not ready"
            time.sleep(0.2)


def test_the_engines_image_ingests_the_sample_and_serves(tmp_path: Path) -> None:
    image = Image("engine", tmp_path)
    assert installed(image.python, ABSENT["engine"]) == set()
    image.execute("ingest", "wiki", environment={})
    address, health = free_addresses(2)
    with image.serving(
        {"TAPEDECK_ENGINE_ADDRESS": address, "TAPEDECK_ENGINE_HEALTH_ADDRESS": health, "TAPEDECK_WORKERS": "1"}
    ) as container:
        wait_until_ready(container, health)
    assert list(image.home.iterdir()) == [], "the engine writes to its home"


def test_the_stores_image_migrates_a_database_and_serves(tmp_path: Path, postgres_15: str) -> None:
    image = Image("store", tmp_path)
    assert installed(image.python, ABSENT["store"]) == set()
    with psycopg.connect(postgres_15, autocommit=True) as connection:
        connection.execute("CREATE DATABASE image")
    database = {"TAPEDECK_DATABASE_URL": postgres_15.replace("/postgres", "/image")}
    image.execute("migrate", environment=database)
    names = ("TAPEDECK_STORE_ADDRESS", "TAPEDECK_RECORD_ADDRESS", "TAPEDECK_STORE_HEALTH_ADDRESS")
    addresses = dict(zip(names, free_addresses(3), strict=True))
    with image.serving(database | addresses) as container:
        wait_until_ready(container, addresses["TAPEDECK_STORE_HEALTH_ADDRESS"])
    # What deploy/backup.Dockerfile adds is the client, and the variable that names it.
    backups = database | {"TAPEDECK_PG_BIN": str(PROGRAMS), "TAPEDECK_BACKUP_DIR": str(tmp_path / "backups")}
    image.execute("backup", environment=backups)
    image.execute("verify-backup", environment=backups)
    assert list(image.home.iterdir()) == [], "the store writes to its home"


def test_a_plain_installation_has_the_command_line_and_no_service(tmp_path: Path) -> None:
    venv.create(tmp_path / "client", with_pip=True)
    python = tmp_path / "client" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--require-hashes", "-r", ROOT / "locks" / "client.lock"], check=True)
    wheel = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, "--wheel-dir", tmp_path, ROOT], check=True)
    subprocess.run([*pip, "install", "--no-deps", *tmp_path.glob("tapedeck-*.whl")], check=True)
    assert installed(python, ABSENT["client"]) == set()
    done = subprocess.run([python.with_name("tapedeck"), "--help"], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "history" in done.stdout
