"""Fixtures live in named plug-ins beside this file."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is. The rest is hypothesis's own profile; in CI it draws the same examples each time.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# In this order: pytest rewrites asserts of a plug-in only before another one imports it.
pytest_plugins = [
    "tests.fix_plugins",
    "tests.fix_datasets",
    "tests.fix_postgres",
    "tests.fix_runs",
    "tests.fix_replays",
    "tests.fix_sweeps",
    "tests.fix_strategies",
    "tests.fix_transfer",
    "tests.fix_engine",
    "tests.fix_pair",
    "tests.fix_parity",
]
