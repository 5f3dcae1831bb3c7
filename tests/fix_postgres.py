"""A real PostgreSQL for the tests: one server, started once, and a database of its own for each test that asks for one.

Databases are copies of a template that is migrated once. TAPEDECK_TEST_POSTGRES puts the tests on another server: the URL of a database
whose user may create databases.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, make_url

from store_service.database import Database, parse_url
from store_service.embedded import embedded_postgres
from store_service.migrations import migrate
from store_service.settings import Settings

_numbers = itertools.count(1)


def _execute(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _in(server_url: str, name: str) -> URL:
    return make_url(server_url).set(database=name)


@contextmanager
def _copy(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
    try:
        yield _in(server_url, name).render_as_string(hide_password=False)
    finally:
        _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a server, without any schema."""
    given = os.environ.get("TAPEDECK_TEST_POSTGRES")
    if given:
        yield given
        return
    # A folder right below the temporary one: the path of a Unix socket has some 100 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="tapedeck-"))
    try:
        with embedded_postgres(folder) as url:
            # No test pulls the machine's plug, and a database is copied in half the time.
            for setting in ("fsync", "full_page_writes"):
                _execute(url, f"ALTER SYSTEM SET {setting} = off")
            _execute(url, "SELECT pg_reload_conf()")
            yield url
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """Name of a database that has the schema and no rows; nobody is connected to it."""
    with _copy(postgres_url, "template0") as url:
        migrate(parse_url(url))
        name = make_url(url).database
        assert name is not None
        yield name


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A fresh database without the schema."""
    with _copy(postgres_url, "template0") as url:
        yield url


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh database with the schema, for one test."""
    with _copy(postgres_url, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh database with the schema, for the tests of a module."""
    with _copy(postgres_url, migrated_template) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database with the schema, opened for one test."""
    async with Database(database_url, Settings()) as opened:
        yield opened


@pytest.fixture
async def other_database(postgres_url: str, migrated_template: str) -> AsyncIterator[Database]:
    """The database of another store, opened for one test."""
    with _copy(postgres_url, migrated_template) as url:
        async with Database(url, Settings()) as opened:
            yield opened


@pytest.fixture(scope="module")
async def module_database(module_database_url: str) -> AsyncIterator[Database]:
    """A fresh database with the schema, opened for the tests of a module."""
    async with Database(module_database_url, Settings()) as opened:
        yield opened
