"""Define the tables of queued notices, their targets and deliveries, and the keys to which targets are sealed."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from shared.adapters.catalog.schema.columns import DataKeyId, Json, UtcTime, Uuid, metadata
from shared.adapters.catalog.schema.people import tenant_or_installation

installation_keys = Table(
    "installation_keys",
    metadata,
    Column("data_key_id", DataKeyId, primary_key=True),
    Column("arn", String, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("recipient", String, nullable=False),  # public: whoever has it can seal
    Column("identity", LargeBinary, nullable=False),  # private, and sealed under this data key
    Column("created_at", UtcTime, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    # The chain's id: a tenant, or the installation, which has no row of its own to refer to.
    Column("tenant_id", Uuid, primary_key=True),
    Column("notice_id", Uuid, primary_key=True),
    Column("notice", String(32), nullable=False),
    Column("body", Json, nullable=False),  # ids, counts, codes and sentences of Entrakeep
    Column("made_at", UtcTime, nullable=False),
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
    # The address and the secret, sealed to the recipient of this data key.
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
    Column("source", String, nullable=False),  # the notice's id; one delivery for each target and notice
    Column("notice", String(32), nullable=False),
    Column("body", Json, nullable=False),  # the notice as receivers get it
    Column("made_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("tried_at", UtcTime),
    Column("next_try_at", UtcTime),  # None once it is delivered or given up
    Column("delivered_at", UtcTime),
    Column("outcome", String),  # of the last try, in words of Entrakeep
)
Index(None, deliveries.c.target_id, deliveries.c.source, unique=True)
Index(None, deliveries.c.next_try_at)
