"""A plug-in with strategies that go wrong, installed as pip would: a module and its dist-info on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = "raises_in_session,raises_in_signals,peeks,slow,endless,eats_memory,swallows"
"""Its strategies that can be loaded, as TAPEDECK_STRATEGY_PLUGINS has them. Besides it declares no_strategy, no_module and buy_and_hold."""


@pytest.fixture(scope="session")
def plugin_path() -> Iterator[Path]:
    """The folder to put on PYTHONPATH of child processes; in this process it is on the path already."""
    path = Path(__file__).parent / "plugin"
    sys.path.insert(0, str(path))
    yield path
    sys.path.remove(str(path))
