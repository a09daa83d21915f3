"""What Alembic runs: the migrations, on the connection and in the transaction that ``open`` made."""

from alembic import context

from shared.adapters.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
