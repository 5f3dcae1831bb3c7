"""The store as a process: what it says, when it is ready, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from deploy.local import Service
from store_service.runs.organizing import RunOrganizer
from tapedeck.v1 import store_service_pb2, store_service_pb2_grpc
from tests.fix_runs import Record

ANY_PORT = dict.fromkeys(("TAPEDECK_STORE_ADDRESS", "TAPEDECK_RECORD_ADDRESS", "TAPEDECK_STORE_HEALTH_ADDRESS"), "127.0.0.1:0")


def command(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "store_service", *arguments],
        env={**os.environ, **ANY_PORT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def last_line(output: str) -> dict[str, object]:
    line: dict[str, object] = json.loads(output.splitlines()[-1])
    return line


def is_ready(port: object, service: str = "readiness") -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), wait_for_ready=True, timeout=20)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def test_it_purges_what_is_due_while_it_serves(
    database_url: str, tmp_path: Path, record: Record, run_organizer: RunOrganizer
) -> None:
    kept, deleted = await record(), await record()
    await run_organizer.delete_run(deleted)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE runs SET purge_time = delete_time WHERE delete_time IS NOT NULL")
        service = Service("store_service", {**ANY_PORT, "TAPEDECK_DATABASE_URL": database_url}, tmp_path / "log")
        service.start()
        try:
            async with asyncio.timeout(20):
                while connection.execute("SELECT run_id::text FROM runs").fetchall() != [(kept,)]:  # noqa: ASYNC110 - a process apart
                    await asyncio.sleep(0.02)
        finally:
            service.stop()


def test_it_serves_both_services_on_ports_of_their_own(database_url: str, tmp_path: Path) -> None:
    service = Service("store_service", {**ANY_PORT, "TAPEDECK_DATABASE_URL": database_url}, tmp_path / "log")
    service.start()
    try:
        assert is_ready(service.ready["health_port"], "liveness")
        with grpc.insecure_channel(f"127.0.0.1:{service.ready['store_port']}") as channel:
            services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
            assert {
                "tapedeck.v1.StoreService",
                "tapedeck.v1.SweepService",
                "tapedeck.v1.StrategyService",
                "tapedeck.v1.TransferService",
            } < services
            assert "tapedeck.v1.RecordService" not in services
            stub = store_service_pb2_grpc.StoreServiceStub(channel)
            assert stub.CountRuns(store_service_pb2.CountRunsRequest(), timeout=20).run_count == 0
        with grpc.insecure_channel(f"127.0.0.1:{service.ready['record_port']}") as channel:
            services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
            assert "tapedeck.v1.RecordService" in services
            assert "tapedeck.v1.StoreService" not in services
    finally:
        service.stop()


def test_without_a_url_it_brings_its_own_database_and_stops_it(tmp_path: Path) -> None:
    # Right below the temporary folder: the path of a Unix socket has some 100 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="tapedeck-"))
    try:
        environment = {**ANY_PORT, "TAPEDECK_DATA_DIR": str(folder), "TAPEDECK_DATABASE_URL": ""}
        for crash in (True, False):  # a store that was killed leaves its database running; the next one takes it over
            service = Service("store_service", environment, tmp_path / "log")
            service.start()
            (service.kill if crash else service.stop)()
            assert (folder / "postgres" / "postmaster.pid").exists() == crash  # PostgreSQL removes it when it stops
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "TAPEDECK_DATABASE_URL is not the URL of a PostgreSQL database"),
        ("mysql://user:secret@host/db", "TAPEDECK_DATABASE_URL is not the URL of a PostgreSQL database"),
    ],
)
@pytest.mark.parametrize("verb", ["serve", "migrate"])
def test_a_malformed_url_is_said_in_one_line(url: str, why: str, verb: str) -> None:
    ended = command(verb, environment={"TAPEDECK_DATABASE_URL": url})
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert str(last_line(ended.stderr)["why"]).startswith(why)
    assert "secret" not in ended.stderr


def test_a_missing_schema_is_said_in_one_line(empty_database_url: str) -> None:
    ended = command(environment={"TAPEDECK_DATABASE_URL": empty_database_url})
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "has no Tapedeck schema" in str(last_line(ended.stderr)["why"])


def test_a_newer_schema_is_said_in_one_line_by_both_commands(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for verb in ("serve", "migrate"):
        ended = command(verb, environment={"TAPEDECK_DATABASE_URL": database_url})
        assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
        assert "revision 9999, is newer than this version" in str(last_line(ended.stderr)["why"])


def test_migrate_goes_to_the_head_and_back(empty_database_url: str) -> None:
    environment = {"TAPEDECK_DATABASE_URL": empty_database_url}
    ended = command("migrate", environment=environment)
    assert (ended.returncode, last_line(ended.stderr)["event"]) == (0, "migrated")
    assert last_line(command("migrate", "--to", "base", environment=environment).stderr)["revision"] == "base"
    unknown = command("migrate", "--to", "7777", environment=environment)
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (1, 1)


async def test_purge_removes_what_is_deleted_and_nothing_else(database_url: str, record: Record, run_organizer: RunOrganizer) -> None:
    kept, deleted = await record(), await record()
    await run_organizer.delete_run(deleted)
    ended = await asyncio.to_thread(command, "purge", environment={"TAPEDECK_DATABASE_URL": database_url})
    assert (ended.returncode, last_line(ended.stderr)["run_count"]) == (0, 1)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT run_id::text FROM runs").fetchall() == [(kept,)]


def test_a_setting_that_is_wrong_is_named() -> None:
    ended = command(environment={"TAPEDECK_POOL_SIZE": "0", "TAPEDECK_LOG_LEVEL": "LOUD"})
    assert ended.returncode == 2
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == ["TAPEDECK_POOL_SIZE", "TAPEDECK_LOG_LEVEL"]


def test_a_port_in_use_is_said_in_one_line(database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = command(environment={"TAPEDECK_DATABASE_URL": database_url, "TAPEDECK_STORE_ADDRESS": address})
    assert ended.returncode == 1
    assert f"can't listen on {address}" in str(last_line(ended.stderr)["why"])


def test_a_database_that_is_away_is_waited_for(database_url: str, tmp_path: Path) -> None:
    environment = {**os.environ, **ANY_PORT, "TAPEDECK_DATABASE_URL": "postgresql://user:secret@127.0.0.1:1/tapedeck"}
    with subprocess.Popen([sys.executable, "-m", "store_service"], env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = json.loads(process.stderr.readline())
            assert (line["event"], line["problem"]) == ("not ready", "the store's database is away")
            assert is_ready(line["health_port"], "liveness")
            assert not is_ready(line["health_port"])
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0
