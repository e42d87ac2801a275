"""Alembic runs this file; the connection comes from ``service.storage.schema``."""

from alembic import context

from service.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
