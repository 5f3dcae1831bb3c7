"""What is in a database, in a few bytes per table: how many rows, and a digest of them all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

# Rows in the order of their key, text compared byte by byte, and values in PostgreSQL's binary format: the same on every server,
# whatever its locale and its settings are. What belongs to an extension is not in a dump, and generated columns are not either: the server
# that restores it computes them, in its own locale.
_READERS = """
    SELECT format('%s.%s', n.nspname, c.relname),
           format('COPY (SELECT %s FROM %I.%I AS t ORDER BY %s) TO STDOUT (FORMAT BINARY)',
               (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum)
                FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
               n.nspname, c.relname, coalesce(
               (SELECT string_agg(
                    format('%I', a.attname) || CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END, ', ' ORDER BY k.place)
                FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place), pg_attribute a
                WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.number),
               't::text COLLATE "C"'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""


@dataclass(frozen=True)
class TableContent:
    """A table's rows."""

    row_count: int
    digest: str
    """SHA-256 of all values of all rows in the order of their key, in hexadecimal."""


def read_contents(connection: psycopg.Connection) -> dict[str, TableContent]:
    """Read every table of the database, in constant memory.

    Returns:
        What each holds, by schema and name, such as public.runs.
    """
    readers = connection.execute(_READERS).fetchall()
    return {table: _read(connection, statement) for table, statement in readers}


def _read(connection: psycopg.Connection, statement: str) -> TableContent:
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        with cursor.copy(statement.encode()) as rows:
            for row in rows:
                digest.update(row)
        return TableContent(cursor.rowcount, digest.hexdigest())


def is_empty(connection: psycopg.Connection) -> bool:
    """Whether the database has no table."""
    return not connection.execute(_READERS).fetchall()


def differences(noted: Mapping[str, TableContent], found: Mapping[str, TableContent]) -> list[str]:
    """What is not as it was noted, a phrase for each table."""
    phrases = []
    for table in sorted(noted.keys() | found.keys()):
        before, after = noted.get(table), found.get(table)
        if after is None:
            phrases.append(f"{table} is missing")
        elif before is None:
            phrases.append(f"{table} was not there")
        elif before.row_count != after.row_count:
            phrases.append(f"{table} has {after.row_count} rows and had {before.row_count}")
        elif before != after:
            phrases.append(f"{table} has other values")
    return phrases
