"""Define the tables of data keys, and of the state of the KMS keys that wrap them."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Table

from shared.adapters.catalog.schema.columns import (
    DataKeyId,
    Json,
    UtcTime,
    Uuid,
    metadata,
    tenant_column,
    within_tenant,
)

data_keys = Table(
    "data_keys",
    metadata,
    tenant_column(),
    Column("data_key_id", DataKeyId, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("arn", String, nullable=False),
    Column("key_epoch", Integer, nullable=False),
    Column("context", Json, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("job_id", Uuid),
    Column("moved_at", UtcTime),  # when it was re-wrapped; None for the first generation
    within_tenant("tenants"),
)
Index(None, data_keys.c.tenant_id, data_keys.c.purpose, data_keys.c.job_id)

acceptances = Table(
    "acceptances",
    metadata,
    tenant_column(),
    Column("number", Integer, primary_key=True),
    Column("accepted_at", UtcTime, nullable=False),
    Column("accepted_by", String, nullable=False),
    Column("version", String, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the text that was shown
    Column("arn", String, nullable=False),
    within_tenant("tenants"),
)

untrusted_keys = Table(
    "untrusted_keys",
    metadata,
    tenant_column(),
    Column("arn", String, primary_key=True),
    Column("data_keys", Integer, nullable=False),
    Column("manifests", Integer, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

refusals = Table(
    "refusals",
    metadata,
    tenant_column(),
    Column("arn", String, primary_key=True),
    Column("at", UtcTime, nullable=False),  # of the last refusal
    Column("since", UtcTime),  # of the first refusal since the key was last allowed
    Column("message", String, nullable=False),
    within_tenant("tenants"),
)

key_health = Table(
    "key_health",
    metadata,
    tenant_column(),
    Column("turn", Integer, nullable=False),  # incremented with each probe
    Column("next_probe", UtcTime, nullable=False),
    Column("arn", String, nullable=False),
    Column("condition", String(16), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("code", String(32)),
    Column("message", String, nullable=False),
    Column("found", String(16)),  # the last probe's result, which may be unconfirmed
    Column("checked_at", UtcTime),
    Column("looked_at", UtcTime),
    Column("warnings", Json, nullable=False),
    # Cascades, because older code that does not know this table also removes tenants.
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)
Index(None, key_health.c.next_probe)

key_events = Table(
    "key_events",
    metadata,
    tenant_column(),
    Column("number", Integer, primary_key=True),  # in order, within the tenant
    Column("at", UtcTime, nullable=False),
    Column("arn", String, nullable=False),
    Column("condition", String(16), nullable=False),
    Column("code", String(32)),
    Column("message", String, nullable=False),
    Column("warnings", Json, nullable=False),
    Column("tell_at", UtcTime),  # None: not to be reported
    Column("told_at", UtcTime),
    Column("tries", Integer, nullable=False),
    Column("outcome", String),  # of the last delivery attempt
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)
