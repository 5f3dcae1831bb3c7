"""Connections of the backup commands."""

from __future__ import annotations

import pytest

from store_service.backup.connection import BackupFailed, connected, schema_revision, server_major
from store_service.database import parse_url
from store_service.migrations import head_revision


def test_the_limits_that_a_user_has_are_lifted(postgres_url: str) -> None:
    limited = parse_url(postgres_url).update_query_dict(
        {"options": "-c statement_timeout=1234 -c idle_in_transaction_session_timeout=1234"}
    )
    with connected(limited) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("0",)


def test_it_says_what_the_server_and_the_schema_are(database_url: str, postgres_url: str) -> None:
    with connected(parse_url(database_url)) as connection:
        assert server_major(connection) >= 15
        assert schema_revision(connection) == head_revision()
        connection.execute("DELETE FROM alembic_version")
        assert schema_revision(connection) is None
    with connected(parse_url(postgres_url)) as connection:
        assert schema_revision(connection) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://user:secret@127.0.0.1:1/tapedeck", "Connection refused"),
        ("postgresql://user:secret@127.0.0.1/tapedeck?sslmode=perhaps", "sslmode"),
    ],
)
def test_a_connection_that_fails_is_one_line_without_the_password(url: str, why: str) -> None:
    with pytest.raises(BackupFailed, match=why) as failed, connected(parse_url(url)):
        pass
    assert "\n" not in str(failed.value)
    assert "secret" not in str(failed.value)


def test_what_the_server_refuses_is_said_in_its_words(postgres_url: str) -> None:
    with pytest.raises(BackupFailed, match=r"^PostgreSQL says: division by zero$"), connected(parse_url(postgres_url)) as connection:
        connection.execute("SELECT 1 / 0")
