"""The tables about the processes of the product: beats, workers, and which code may use the schema."""

from sqlalchemy import Column, Integer, String, Table

from shared.adapters.catalog.schema.base import UtcTime, metadata

beats = Table(
    "beats",
    metadata,
    Column("beat", String(16), primary_key=True),
    Column("ticked_at", UtcTime, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("worker", String, primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

compatible_code = Table(
    "compatible_code",
    metadata,
    Column("revision", String(4), primary_key=True),  # of a schema whose code may use these tables
)
