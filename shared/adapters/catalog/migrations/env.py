"""Run the migrations for Alembic, on the connection and in the transaction of ``upgrade``."""

from alembic import context

from shared.adapters.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
