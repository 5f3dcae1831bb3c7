"""vectorbt in an environment of its own, which is kept for the next time: its pins are not ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path("build", "vectorbt")
"""Where it is installed; `make clean` removes it."""

SCRIPT = Path(__file__).with_name("vectorbt_peer.py")


class NotInstalled(Exception):
    """vectorbt can't be installed here."""


def seconds(kind: str, **arrays: Any) -> float:
    """What vectorbt needs in its fastest way.

    Args:
        kind: A function of `vectorbt_peer`.
        arrays: What it takes.

    Raises:
        NotInstalled: see there.
    """
    python = _python()
    with tempfile.TemporaryDirectory(prefix="tapedeck-bench-") as folder:
        path = Path(folder, "data.npz")
        np.savez(path, **arrays)
        done = subprocess.run([python, "-P", SCRIPT, kind, path], capture_output=True, text=True, check=True)
    needed: float = json.loads(done.stdout)
    return needed


def _python() -> Path:
    """The interpreter of the environment, which is made when it is not there."""
    python, complete = FOLDER / "bin" / "python", FOLDER / "complete"
    if complete.exists():
        return python
    venv.create(FOLDER, with_pip=True, clear=True)
    print("installing vectorbt, which takes a minute", file=sys.stderr, flush=True)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", "vectorbt"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"vectorbt can't be installed: {done.stderr.strip().splitlines()[-1]}")
    complete.touch()
    return python
