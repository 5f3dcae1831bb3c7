"""Fixtures live in named plug-ins beside this file."""

from __future__ import annotations

# In this order: pytest rewrites asserts of a plug-in only before another one imports it.
pytest_plugins = [
    "tests.fix_plugins",
    "tests.fix_datasets",
    "tests.fix_postgres",
    "tests.fix_runs",
    "tests.fix_replays",
    "tests.fix_sweeps",
    "tests.fix_engine",
    "tests.fix_pair",
    "tests.fix_parity",
]
