"""Define the tables about processes: beats, workers, usage, and which code may use the schema."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, String, Table

from shared.adapters.catalog.schema.columns import UtcTime, metadata, tenant_column

beats = Table(
    "beats",
    metadata,
    Column("beat", String(16), primary_key=True),
    Column("ticked_at", UtcTime, nullable=False),
    Column("broker_trouble", String),  # why the broker takes no messages; None while it takes them
)

workers = Table(
    "workers",
    metadata,
    Column("worker", String, primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("messages", Integer),  # newest version of messages it understands; None: the first
    Column("messages_at", UtcTime),  # heartbeat that wrote it; void unless equal to seen_at
    Column("aws_account", String(12)),  # the account that it is in AWS, if it has found out
    Column("aws_principal", String),  # the ARN of the role or user
)

usage = Table(
    "usage",
    metadata,
    tenant_column(),
    Column("name", String(32), primary_key=True),
    Column("total", BigInteger, nullable=False),
    # Cascades, because older code that does not know this table also removes tenants.
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

compatible_code = Table(
    "compatible_code",
    metadata,
    Column("revision", String(4), primary_key=True),  # of a schema whose code may use these tables
)
