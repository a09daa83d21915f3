"""Define the tables of jobs, steps, checkpoints, pins on snapshots, and events about backups."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from shared.adapters.catalog.schema.columns import (
    DataKeyId,
    Json,
    Kind,
    UtcTime,
    Uuid,
    metadata,
    tenant_column,
    within_tenant,
)

jobs = Table(
    "jobs",
    metadata,
    tenant_column(),
    Column("job_id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False),  # in order of requests, within the tenant
    Column("kind", Kind, nullable=False),
    Column("state", String(32), nullable=False),
    Column("asked", String(16), nullable=False),
    Column("here", Boolean, nullable=False),  # runs in the calling process; no message is sent
    Column("cancel", Boolean, nullable=False),
    Column("code", String(32)),
    Column("message", String),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("due_at", UtcTime),
    Column("full", Boolean, nullable=False),
    Column("parent", Uuid),
    Column("snapshot", Uuid),
    Column("detail", Json),
    Column("open_phase", Integer),  # None: no steps yet
    Column("open_steps", Integer, nullable=False),
    Column("birth_until", UtcTime),  # when the reservation of its data key expires
    within_tenant("tenants"),
    UniqueConstraint("tenant_id", "due_at"),
    UniqueConstraint("tenant_id", "number"),
)
Index(None, jobs.c.state)
Index(None, jobs.c.created_at)
Index(None, jobs.c.job_id)
Index(None, jobs.c.tenant_id, jobs.c.kind, jobs.c.number)  # the last job of a kind

steps = Table(
    "steps",
    metadata,
    tenant_column(),
    Column("step_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("phase", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", String(32)),
    Column("request_id", String),
    Column("began_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("progress", Json, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("holder", String),
    Column("claim_until", UtcTime),
    Column("claims_lost", Integer, nullable=False),
    Column("trouble_since", UtcTime),
    Column("trouble", String(32)),  # the code of its current trouble
    Column("trouble_message", String),
    Column("retry_at", UtcTime),  # when to retry after the last trouble
    Column("alone_since", UtcTime),  # since when Graph answers other streams but not this one
    Column("fresh_starts", Integer, nullable=False, server_default="0"),  # restarted reads, after an unusable cursor
    Column("send_at", UtcTime),  # when its message is due
    Column("sends", Integer, nullable=False),  # messages sent since it was last queued
    Column("bundle", Integer),  # its number within the phase: one message and one claim for all its rows. None: alone
    within_tenant("jobs", "job_id"),
)
Index(None, steps.c.tenant_id, steps.c.job_id)
Index(None, steps.c.state)

checkpoints = Table(
    "checkpoints",
    metadata,
    tenant_column(),
    Column("row_id", String, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("step_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),  # in order of writing, within the step
    Column("phase", Integer, nullable=False),
    Column("stream", String, nullable=False),
    Column("data_key_id", DataKeyId, nullable=False),
    Column("data", LargeBinary, nullable=False),
    within_tenant("steps", "step_id"),
    UniqueConstraint("tenant_id", "step_id", "number"),
)
Index(None, checkpoints.c.tenant_id, checkpoints.c.job_id)

pins = Table(
    "pins",
    metadata,
    tenant_column(),
    Column("job_id", Uuid, primary_key=True),
    Column("snapshot_id", Uuid, primary_key=True),
    within_tenant("jobs", "job_id"),
    within_tenant("snapshots", "snapshot_id"),
)
Index(None, pins.c.tenant_id, pins.c.snapshot_id)

backup_events = Table(
    "backup_events",
    metadata,
    tenant_column(),
    Column("number", Integer, primary_key=True),  # in order, within the tenant
    Column("at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("job_id", Uuid),
    Column("code", String(32)),
    Column("message", String, nullable=False),
    Column("tell_at", UtcTime),
    Column("told_at", UtcTime),
    Column("tries", Integer, nullable=False),
    Column("outcome", String),  # of the last delivery attempt
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)
