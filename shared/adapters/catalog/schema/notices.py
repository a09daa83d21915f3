"""Define the tables of notice targets, their deliveries, and the data keys of the installation that seal them."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from shared.adapters.catalog.schema.columns import DataKeyId, Json, UtcTime, Uuid, metadata
from shared.adapters.catalog.schema.people import tenant_or_installation

installation_keys = Table(
    "installation_keys",
    metadata,
    Column("data_key_id", DataKeyId, primary_key=True),
    Column("arn", String, nullable=False),
    Column("context", Json, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

notice_targets = Table(
    "notice_targets",
    metadata,
    Column("target_id", Uuid, primary_key=True),
    tenant_or_installation(),
    Column("name", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("place", String, nullable=False),  # where notices go, without a secret
    Column("notices", Json, nullable=False),  # which notices it gets
    Column("made_by", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    # The sealed address and secret.
    Column("row_id", String, nullable=False),
    Column("data_key_id", DataKeyId, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
Index(None, notice_targets.c.tenant_id)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("target_id", Uuid, ForeignKey("notice_targets.target_id", ondelete="CASCADE"), nullable=False),
    tenant_or_installation(),
    Column("source", String, nullable=False),  # the event that it reports; one delivery per target and event
    Column("notice", String(32), nullable=False),
    Column("body", Json, nullable=False),  # ids, counts, codes and sentences of Entrakeep
    Column("made_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_try_at", UtcTime),  # None once it is delivered or given up
    Column("delivered_at", UtcTime),
    Column("failure", String),  # the last failure, as a sentence
)
Index(None, deliveries.c.target_id, deliveries.c.source, unique=True)
Index(None, deliveries.c.next_try_at)
