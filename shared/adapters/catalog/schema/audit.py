"""Define the tables of the audit trails. They refer to no other table, because a trail outlives its tenant."""

from sqlalchemy import Column, Integer, String, Table

from shared.adapters.catalog.schema.columns import metadata, tenant_column

audit_heads = Table(
    "audit_heads",
    metadata,
    tenant_column(),
    Column("name", String, nullable=False),  # the tenant's name, kept after its removal
    Column("number", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("anchored", Integer, nullable=False, server_default="0"),  # newest event whose hash is in the store
)

audit_events = Table(
    "audit_events",
    metadata,
    tenant_column(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", String, nullable=False),  # the exact text that is hashed
    Column("hash", String(64), nullable=False),
)

AUDIT = frozenset({"audit_heads", "audit_events"})
"""Tables that outlive their tenant."""
