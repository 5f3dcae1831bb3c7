"""Digests of tables: every value counts, and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import URL

from store_service.backup import contents
from store_service.backup.connection import connected
from store_service.backup.contents import TableContent, differences, is_empty, read_contents
from store_service.database import parse_url
from store_service.models import metadata

CHANGES = {
    "UPDATE run_batches SET cash[1] = cash[1] + 1e-9 WHERE sequence = 2": "public.run_batches",
    "UPDATE run_batches SET mark_prices[2] = NULL WHERE sequence = 2": "public.run_batches",
    'UPDATE runs SET labels = labels || \'{"team": "beta"}\'': "public.runs",
    "UPDATE runs SET lease_expire_time = lease_expire_time + '1 microsecond'": "public.runs",
    "UPDATE round_trips SET pnl = -0.0": "public.round_trips",
    "UPDATE sweeps SET finished = finished || '\\x00'": "public.sweeps",
    "UPDATE sweep_results SET symbol = '' WHERE number = 6": "public.sweep_results",
    "UPDATE alembic_version SET version_num = '0'": "public.alembic_version",
}


def test_every_table_of_the_schema_is_read(filled: URL) -> None:
    with connected(filled) as connection:
        found = read_contents(connection)
        assert found.keys() == {f"public.{name}" for name in (*metadata.tables, "alembic_version")}
        assert (found["public.runs"].row_count, found["public.sweep_results"].row_count) == (3, 6)
        assert read_contents(connection) == found


@pytest.mark.parametrize("statement", CHANGES)
def test_any_changed_value_changes_the_digest_of_its_table_only(filled: URL, statement: str) -> None:
    with connected(filled) as connection, connection.transaction(force_rollback=True):
        before = read_contents(connection)
        assert connection.execute(statement.encode()).rowcount > 0
        assert differences(before, read_contents(connection)) == [f"{CHANGES[statement]} has other values"]


def test_neither_settings_nor_the_place_of_a_row_change_a_digest(filled: URL) -> None:
    with connected(filled) as connection:
        before = read_contents(connection)
        connection.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; SET bytea_output = 'escape'; SET extra_float_digits = 0")
        connection.execute("UPDATE sweep_results SET number = number WHERE number < 3")  # a new version of a row stands at the table's end
        assert read_contents(connection) == before


def test_text_keys_are_ordered_by_bytes_and_tables_without_a_key_by_their_text(empty_database_url: str) -> None:
    with connected(parse_url(empty_database_url)) as connection:
        assert is_empty(connection)
        connection.execute('CREATE TABLE keyed (b int, "a A" text, PRIMARY KEY ("a A", b))')
        connection.execute('CREATE SCHEMA "a b"')
        connection.execute('CREATE TABLE "a b".bare (v text, n int)')
        readers = dict(connection.execute(contents._READERS).fetchall())
        assert 'ORDER BY "a A" COLLATE "C", b)' in readers["public.keyed"]
        found = []
        for rows in (["b", "A", "a"], ["A", "a", "b"]):
            connection.execute('TRUNCATE keyed, "a b".bare')
            for row in rows:
                connection.execute("INSERT INTO keyed VALUES (1, %s)", [row])
                connection.execute('INSERT INTO "a b".bare VALUES (%s, 1)', [row])
            found.append(read_contents(connection))
            assert not is_empty(connection)
    assert found[0] == found[1]
    assert {table: content.row_count for table, content in found[0].items()} == {"a b.bare": 3, "public.keyed": 3}


def test_differences_name_the_table_and_what_is_other() -> None:
    noted = {"a": TableContent(1, "x"), "b": TableContent(2, "x"), "c": TableContent(3, "x"), "same": TableContent(4, "x")}
    found = {"b": TableContent(1, "y"), "c": TableContent(3, "y"), "d": TableContent(0, "x"), "same": TableContent(4, "x")}
    assert differences(noted, found) == ["a is missing", "b has 1 rows and had 2", "c has other values", "d was not there"]
    assert differences(noted, noted) == []


def test_generated_columns_are_left_to_the_server_that_computes_them(empty_database_url: str) -> None:
    with connected(parse_url(empty_database_url)) as connection:
        found = []
        for computed in ("lower(v)", "upper(v)"):
            connection.execute(f"CREATE TABLE t (n int PRIMARY KEY, v text, made text GENERATED ALWAYS AS ({computed}) STORED)".encode())
            connection.execute("INSERT INTO t (n, v) VALUES (1, 'Word')")
            found.append(read_contents(connection))
            connection.execute("DROP TABLE t")
        assert found[0] == found[1]
        connection.execute("CREATE TABLE t (n int PRIMARY KEY, v text)")
        connection.execute("INSERT INTO t VALUES (1, 'Word')")
        assert read_contents(connection) == found[0]
