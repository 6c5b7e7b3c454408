"""Alembic's entry: run inside the transaction and the lock that `shared.store.upgrade` holds."""

from __future__ import annotations

from alembic import context

from shared.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
