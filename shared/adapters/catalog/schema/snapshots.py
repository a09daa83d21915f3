"""Define the tables of snapshots and runs."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, UniqueConstraint

from shared.adapters.catalog.schema.columns import (
    DataKeyId,
    Json,
    UtcTime,
    Uuid,
    metadata,
    tenant_column,
    within_tenant,
)

snapshots = Table(
    "snapshots",
    metadata,
    tenant_column(),
    Column("snapshot_id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False),  # in order of commits, within the tenant
    Column("job_id", Uuid, nullable=False),
    Column("parent", Uuid),
    Column("created_at", UtcTime, nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("data_key_id", DataKeyId, nullable=False),
    Column("objects", BigInteger, nullable=False),
    Column("links", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("resources", Json, nullable=False),
    Column("going", Boolean, nullable=False),  # being removed by retention: no longer listed
    within_tenant("tenants"),
    UniqueConstraint("tenant_id", "number"),
)

_NEWEST = ("tenant_id", "going", "complete", "number", "created_at", "job_id")
Index("ix_snapshots_newest", *(snapshots.c[name] for name in _NEWEST))
"""All that the fleet reads of older snapshots, whose rows are large."""

snapshot_attempts = Table(
    "snapshot_attempts",
    metadata,
    tenant_column(),
    Column("snapshot_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("noted_at", UtcTime, nullable=False),
    within_tenant("tenants"),
)

bucket_jobs = Table(
    "bucket_jobs",
    metadata,
    tenant_column(),
    Column("job_id", Uuid, primary_key=True),
    Column("found_at", UtcTime),  # when a rebuild found it; None: it is in jobs
    Column("swept_at", UtcTime),
    within_tenant("tenants"),
)

runs = Table(
    "runs",
    metadata,
    tenant_column(),
    Column("run_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("stream", String, nullable=False),
    Column("blobs", Json, nullable=False),
    within_tenant("tenants"),
)

snapshot_runs = Table(
    "snapshot_runs",
    metadata,
    tenant_column(),
    Column("snapshot_id", Uuid, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    Column("position", Integer, nullable=False),  # oldest first within a stream
    within_tenant("snapshots", "snapshot_id"),
    within_tenant("runs", "run_id"),
)
Index(None, snapshot_runs.c.tenant_id, snapshot_runs.c.run_id)

checkpoint_runs = Table(
    "checkpoint_runs",
    metadata,
    tenant_column(),
    Column("row_id", String, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    within_tenant("checkpoints", "row_id"),
    within_tenant("runs", "run_id"),
)
Index(None, checkpoint_runs.c.tenant_id, checkpoint_runs.c.run_id)
