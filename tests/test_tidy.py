"""House rules that no linter knows."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import google.rpc
import pytest

from tapedeck.v1 import error_reason_pb2

ROOT = Path(__file__).parents[1]
PACKAGES = ("tapedeck_rpc", "tapedeck_client", "engine_service", "store_service")
FOLDERS = (*PACKAGES, "deploy", "bench", "tests", "protos", "docs", "locks", ".ci")

FILE_LINES = 300
FUNCTION_LINES = 50
"""Longer means that a second idea is hiding in it."""

TEST_FILE_LINES = 500
"""Tests list many behaviours of one idea."""

BANNED_NAMES = {"utils", "helpers", "common", "misc", "base", "manager"}
"""Names that say nothing about what is inside, and so take in everything."""

TESTED_BY = {
    # What makes sense only as a process is tested as one.
    "engine_service/__main__.py": "tests/e2e/test_pair.py",
    "engine_service/job.py": "tests/e2e/test_pair.py",
    "engine_service/preload.py": "tests/e2e/test_pair.py",
    "engine_service/provenance.py": "tests/e2e/test_pair.py",
    # Parts of one idea, tested by what they do together.
    "engine_service/corporate_actions.py": "tests/engine_service/test_simulation.py",
    "engine_service/session_facts.py": "tests/engine_service/test_simulation.py",
    "engine_service/sweeps/ground.py": "tests/engine_service/sweeps/test_computing.py",
    "engine_service/sweeps/recorded.py": "tests/e2e/test_sweeps.py",
    "engine_service/sweeps/shard.py": "tests/engine_service/sweeps/test_computing.py",
    "engine_service/spec_checks.py": "tests/engine_service/test_run_spec.py",
    "engine_service/kernel/*.py": "tests/engine_service/kernel/test_simulation.py",
    "engine_service/zipline_market.py": "tests/engine_service/test_zipline_run.py",
    "store_service/filter_fields.py": "tests/store_service/test_filtering.py",
    "store_service/migrations/env.py": "tests/store_service/test_migrations.py",
    "store_service/models.py": "tests/store_service/test_migrations.py",
    "store_service/recording/*.py": "tests/contract/test_recording_contract.py",
    "store_service/runs/*.py": "tests/contract/test_runs_contract.py",
    "store_service/transfer/*.py": "tests/contract/test_transfer_contract.py",
    "store_service/pages.py": "tests/contract/test_sweeps_contract.py",
    "store_service/strategies/*.py": "tests/contract/test_strategies_contract.py",
    "store_service/strategy_models.py": "tests/store_service/test_migrations.py",
    "*/settings.py": "tests/docs/test_docs.py",
}
"""Source files without a test file of their own name, as patterns, and the tests that run them."""


@functools.cache
def files() -> tuple[Path, ...]:
    """Everything that is written or generated into the tree, without what running it leaves behind."""
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".coverage" and not path.name.startswith(".coverage.")]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return tuple(sorted(path.relative_to(ROOT) for path in found))


def python_files(*folders: str) -> list[Path]:
    """Python written by hand, in some of the folders."""
    return [path for path in files() if path.suffix == ".py" and "_pb2" not in path.name and path.parts[0] in (folders or FOLDERS)]


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Names and lengths of a file's functions, methods included."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_every_file_is_short_enough_to_hold_one_idea() -> None:
    limits = {path: TEST_FILE_LINES if path.parts[0] == "tests" else FILE_LINES for path in python_files()}
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in limits}
    assert {str(path): length for path, length in lengths.items() if length >= limits[path]} == {}


def test_every_function_is_short_enough_to_be_read_at_once() -> None:
    long = {f"{path}:{name}": length for path in python_files() for name, length in functions(path) if length >= FUNCTION_LINES}
    assert long == {}


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    # `base` is what kustomize calls the folder that overlays build on.
    named = [path for path in files() if BANNED_NAMES & {PurePosixPath(part).stem for part in path.parts}]
    assert [str(path) for path in named if path.parts[:3] != ("deploy", "kubernetes", "base")] == []


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in python_files(*PACKAGES, "deploy", "bench") if not ast.get_docstring(parsed(path))]
    assert [path for path in silent if "/versions/" not in path] == []


def test_every_source_file_has_a_test_file_of_its_name_or_is_listed() -> None:
    tests = python_files("tests")
    missing = []
    for path in python_files(*PACKAGES):
        if path.name == "__init__.py" or "versions" in path.parts:
            continue
        name = f"test_{path.stem.strip('_')}"
        beside = any(test.parent == "tests" / path.parent and test.name.startswith(name) for test in tests)
        if not beside and not any(path.match(pattern) for pattern in TESTED_BY):
            missing.append(str(path))
    assert missing == []


def test_the_list_of_files_tested_by_others_is_up_to_date() -> None:
    sources = python_files(*PACKAGES)
    assert [pattern for pattern in TESTED_BY if not any(path.match(pattern) for path in sources)] == []
    assert sorted({test for test in TESTED_BY.values() if not (ROOT / test).exists()}) == []


def test_no_file_holds_the_address_of_a_registry_or_a_path_of_somebodys_machine() -> None:
    # Taken apart, or this file would be the first to be found.
    folders = "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"))
    forbidden = re.compile(rf"(?<![\w.*-])/(?:{folders})/|https?://[^\s\"']+(?:/simple\b|\.whl|\.tgz|\.tar\.gz)|file://|\bpypi\.\w+")
    found = []
    for path in files():
        if path.suffix in {".gz", ".parquet", ".npy"}:
            continue
        found += [f"{path}: {match[0]}" for match in forbidden.finditer((ROOT / path).read_text()) if path != Path("tests/test_tidy.py")]
    assert found == []


@pytest.mark.parametrize("lock", ["build", "client", "dev", "engine", "store"])
def test_every_line_of_a_lock_is_a_pin_or_its_hash(lock: str) -> None:
    text = (ROOT / "locks" / f"{lock}.lock").read_text()
    for requirement in text.replace("\\\n", " ").strip().splitlines():
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z,]+\])?==[^\s;]+( ;[^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+", requirement), requirement


def test_the_generated_code_is_what_the_contract_generates(tmp_path: Path) -> None:
    protos = sorted(path for path in files() if path.suffix == ".proto")
    services = [path for path in protos if path.stem.endswith("_service")]
    site = Path(next(iter(google.rpc.__path__))).parents[1]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", "-I", "protos", "-I", str(site)]
    subprocess.run([*protoc, f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *protos], check=True, cwd=ROOT)
    subprocess.run([*protoc, f"--grpc_python_out={tmp_path}", *services], check=True, cwd=ROOT)
    fresh = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*_pb2*")}
    committed = {path.relative_to("protos"): (ROOT / path).read_text() for path in files() if "_pb2" in path.name}
    assert fresh.keys() == committed.keys()
    assert [str(path) for path in fresh if fresh[path] != committed[path]] == [], "make protos"


def test_every_reason_in_the_code_is_a_reason_of_the_contract() -> None:
    known = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name}
    used = {
        (str(path), keyword.value.value)
        for path in python_files("engine_service", "store_service")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    assert used, "no reason found: has the keyword another name now?"
    assert {(path, reason) for path, reason in used if reason not in known} == set()


@pytest.mark.parametrize(
    ("module", "kept_out"),
    [
        ("engine_service.__main__", {"zipline", "pandas", "exchange_calendars", "numba"}),
        ("engine_service.worker", {"grpc", "sqlalchemy"}),
        ("store_service.__main__", {"zipline", "pandas", "polars", "numba"}),
        ("tapedeck_client.cli", {"numpy", "sqlalchemy", "pydantic", "structlog"}),
    ],
)
def test_a_process_does_not_load_what_it_does_not_need(module: str, kept_out: set[str]) -> None:
    script = f"import sys, {module}; print(*({kept_out!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_the_changelog_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()
