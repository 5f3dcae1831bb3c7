"""The store on the oldest PostgreSQL it promises to work with, as Debian ships it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def test_the_server_is_version_15(postgres_15: str) -> None:
    with psycopg.connect(postgres_15) as connection:
        assert connection.info.server_version // 10_000 == 15


@pytest.mark.parametrize("tests", ["tests/store_service", "tests/contract", "tests/faults/test_store_killed.py"])
def test_the_stores_tests_pass_on_version_15(postgres_15: str, tests: str) -> None:
    environment = os.environ | {"TAPEDECK_TEST_POSTGRES": postgres_15}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-1_000:]
