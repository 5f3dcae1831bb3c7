"""The module as a program."""

from __future__ import annotations

import subprocess
import sys


def test_the_module_runs_as_the_command() -> None:
    ended = subprocess.run([sys.executable, "-m", "tapedeck_client", "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0
    for command in ("run", "history", "show", "compare", "replay", "watch", "cancel", "strategies", "datasets"):
        assert f"  {command} " in ended.stdout


def test_the_client_loads_no_library_of_the_services() -> None:
    heavy = ["zipline", "pandas", "numpy", "sqlalchemy", "psycopg", "structlog", "pydantic"]
    program = f"import sys, tapedeck_client.cli; print([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.strip() == "[]"
