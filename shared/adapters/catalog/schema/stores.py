"""Define the table of the blob store that belongs to this catalog."""

from sqlalchemy import Column, String, Table

from shared.adapters.catalog.schema.columns import UtcTime, Uuid, metadata

stores = Table(
    "stores",
    metadata,
    Column("store", String(16), primary_key=True),
    Column("store_id", Uuid, nullable=False),
    Column("place", String, nullable=False),  # its last known address
    Column("marked_at", UtcTime),  # None: the id is chosen, but no store has it yet
)
