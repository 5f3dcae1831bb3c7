"""What Alembic runs: the revisions, on the connection that `migrate` opened, each in a transaction."""

from __future__ import annotations

from alembic import context

from store_service.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
