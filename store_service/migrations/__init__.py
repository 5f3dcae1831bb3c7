"""The schema's history: one file per revision in `versions`, applied by Alembic under a lock."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, NullPool, create_engine, text

LOCK_KEY = 0x7A9EDEC4
"""Key of the advisory lock that one migrator holds while others wait. Held by the session, not by a transaction, so that a revision may
commit in between."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


@cache
def _revisions() -> tuple[str, ...]:
    """All revisions, oldest first."""
    return tuple(script.revision for script in reversed(list(ScriptDirectory.from_config(_config()).walk_revisions())))


def head_revision() -> str:
    """The revision that this version of the store works with."""
    return _revisions()[-1]


def is_known_revision(revision: str) -> bool:
    """Whether the revision is one of this version's history; a newer version's is not."""
    return revision in _revisions()


def migrate(url: URL, to: str = "head") -> str:
    """Bring a database to a revision, forwards or backwards; others that try at the same time wait.

    Args:
        url: The database, with the driver named.
        to: A revision, "head" or "base".

    Returns:
        The revision it has now, or "base".

    Raises:
        ValueError: no such revision, or the database is at one that this version does not know.
        sqlalchemy.exc.OperationalError: the database can't be reached.
    """
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        connection.commit()
        current = MigrationContext.configure(connection).get_current_revision()
        config = _config()
        config.attributes["connection"] = connection
        known = ("base", *_revisions())
        target = head_revision() if to == "head" else to
        if (current or "base") not in known:
            raise ValueError(f"the database's schema, revision {current}, is newer than this version of the store")
        if target not in known:
            raise ValueError(f"there is no revision {to}; there are {', '.join(known)} and head")
        backwards = known.index(target) < known.index(current or "base")
        (command.downgrade if backwards else command.upgrade)(config, target)
        connection.commit()
    return target
