"""The tables of the catalog. Every table of a tenant has a primary key that begins with ``tenant_id``.

Types are portable: ids are text, times go through ``UtcTime``, lists and details are JSON. The migrations make these
tables; a test holds the two against each other.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

REVISION = "0006"
"""The revision that this code needs: the newest migration."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite, which knows no zones, keeps it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


Uuid = String(36)
DataKeyId = String(64)
Json = JSON(none_as_null=True)


def _tenant_id() -> Column[str]:
    return Column("tenant_id", Uuid, primary_key=True)


def _to(table: str, *columns: str) -> ForeignKeyConstraint:
    """A foreign key within the tenant."""
    local = ("tenant_id", *columns)
    return ForeignKeyConstraint(local, [f"{table}.{column}" for column in local])


tenants = Table(
    "tenants",
    metadata,
    _tenant_id(),
    Column("name", String, nullable=False),
    Column("directory_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("key_mode", String(16), nullable=False),
    Column("key_arn", String, nullable=False),
    Column("key_epoch", Integer, nullable=False),
    Column("key_allowed_at", UtcTime),  # since when it may have a key of its own
    Column("key_switched_at", UtcTime),  # when new data keys began to be born under key_arn
    Column("key_free_at", UtcTime),  # from when on the key before it may be disabled
    Column("served_at", UtcTime),  # when a message for a step of it was last sent: whose turn is next
    UniqueConstraint("name"),
)

data_keys = Table(
    "data_keys",
    metadata,
    _tenant_id(),
    Column("data_key_id", DataKeyId, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("arn", String, nullable=False),
    Column("key_epoch", Integer, nullable=False),
    Column("context", Json, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("job_id", Uuid),
    Column("moved_at", UtcTime),  # when it was wrapped anew; None for the first generation
    _to("tenants"),
)
Index(None, data_keys.c.tenant_id, data_keys.c.purpose, data_keys.c.job_id)

acceptances = Table(
    "acceptances",
    metadata,
    _tenant_id(),
    Column("number", Integer, primary_key=True),
    Column("accepted_at", UtcTime, nullable=False),
    Column("accepted_by", String, nullable=False),
    Column("version", String, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the text that was shown
    Column("arn", String, nullable=False),
    _to("tenants"),
)

secrets = Table(
    "secrets",
    metadata,
    _tenant_id(),
    Column("kind", String(32), primary_key=True),
    Column("row_id", String, nullable=False),
    Column("data_key_id", DataKeyId, nullable=False),
    Column("data", LargeBinary, nullable=False),
    _to("tenants"),
)

refusals = Table(
    "refusals",
    metadata,
    _tenant_id(),
    Column("arn", String, primary_key=True),
    Column("at", UtcTime, nullable=False),  # the last one
    Column("since", UtcTime),  # the first one since the key was last allowed
    Column("message", String, nullable=False),
    _to("tenants"),
)

schedules = Table(
    "schedules",
    metadata,
    _tenant_id(),
    Column("cron", String, nullable=False),
    Column("timezone", String, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("next_due", UtcTime),
    _to("tenants"),
)

jobs = Table(
    "jobs",
    metadata,
    _tenant_id(),
    Column("job_id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False),  # in order of asking, within the tenant
    Column("kind", String(16), nullable=False),
    Column("state", String(32), nullable=False),
    Column("asked", String(16), nullable=False),
    Column("here", Boolean, nullable=False),  # runs in the process that asked, never sent
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
    Column("open_phase", Integer),  # None: without steps yet
    Column("open_steps", Integer, nullable=False),
    Column("birth_until", UtcTime),  # until when one of its steps is left to have its data key made
    _to("tenants"),
    UniqueConstraint("tenant_id", "due_at"),
    UniqueConstraint("tenant_id", "number"),
)
Index(None, jobs.c.state)
Index(None, jobs.c.created_at)
Index(None, jobs.c.job_id)

steps = Table(
    "steps",
    metadata,
    _tenant_id(),
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
    Column("trouble", String(32)),  # the code of the trouble that it is in, and the sentence
    Column("trouble_message", String),
    Column("retry_at", UtcTime),  # when it was to be tried again after it last met trouble
    Column("send_at", UtcTime),  # when its message is due
    Column("sends", Integer, nullable=False),  # messages sent since it was last queued
    _to("jobs", "job_id"),
)
Index(None, steps.c.tenant_id, steps.c.job_id)
Index(None, steps.c.state)

snapshots = Table(
    "snapshots",
    metadata,
    _tenant_id(),
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
    Column("going", Boolean, nullable=False),  # let go by retention: no longer offered
    _to("tenants"),
    UniqueConstraint("tenant_id", "number"),
)

snapshot_attempts = Table(
    "snapshot_attempts",
    metadata,
    _tenant_id(),
    Column("snapshot_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("noted_at", UtcTime, nullable=False),
    _to("tenants"),
)

bucket_jobs = Table(
    "bucket_jobs",
    metadata,
    _tenant_id(),
    Column("job_id", Uuid, primary_key=True),
    Column("found_at", UtcTime),  # when a rebuild found it in the bucket; else it stands in jobs
    Column("swept_at", UtcTime),
    _to("tenants"),
)

runs = Table(
    "runs",
    metadata,
    _tenant_id(),
    Column("run_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("stream", String, nullable=False),
    Column("blobs", Json, nullable=False),
    _to("tenants"),
)

snapshot_runs = Table(
    "snapshot_runs",
    metadata,
    _tenant_id(),
    Column("snapshot_id", Uuid, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    Column("position", Integer, nullable=False),  # oldest first within a stream
    _to("snapshots", "snapshot_id"),
    _to("runs", "run_id"),
)
Index(None, snapshot_runs.c.tenant_id, snapshot_runs.c.run_id)

checkpoints = Table(
    "checkpoints",
    metadata,
    _tenant_id(),
    Column("row_id", String, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("step_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),  # in order of writing, within the step
    Column("phase", Integer, nullable=False),
    Column("stream", String, nullable=False),
    Column("data_key_id", DataKeyId, nullable=False),
    Column("data", LargeBinary, nullable=False),
    _to("steps", "step_id"),
    UniqueConstraint("tenant_id", "step_id", "number"),
)
Index(None, checkpoints.c.tenant_id, checkpoints.c.job_id)

checkpoint_runs = Table(
    "checkpoint_runs",
    metadata,
    _tenant_id(),
    Column("row_id", String, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    _to("checkpoints", "row_id"),
    _to("runs", "run_id"),
)
Index(None, checkpoint_runs.c.tenant_id, checkpoint_runs.c.run_id)

pins = Table(
    "pins",
    metadata,
    _tenant_id(),
    Column("job_id", Uuid, primary_key=True),
    Column("snapshot_id", Uuid, primary_key=True),
    _to("jobs", "job_id"),
    _to("snapshots", "snapshot_id"),
)
Index(None, pins.c.tenant_id, pins.c.snapshot_id)

key_health = Table(
    "key_health",
    metadata,
    _tenant_id(),
    Column("turn", Integer, nullable=False),  # raised with every probe that is taken on
    Column("next_probe", UtcTime, nullable=False),
    Column("arn", String, nullable=False),
    Column("condition", String(16), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("code", String(32)),
    Column("message", String, nullable=False),
    Column("found", String(16)),  # what the last probe found, which need not be held to be so yet
    Column("checked_at", UtcTime),
    Column("looked_at", UtcTime),
    Column("warnings", Json, nullable=False),
    # Code that does not know this table removes tenants too.
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)
Index(None, key_health.c.next_probe)

key_events = Table(
    "key_events",
    metadata,
    _tenant_id(),
    Column("number", Integer, primary_key=True),  # in order, within the tenant
    Column("at", UtcTime, nullable=False),
    Column("arn", String, nullable=False),
    Column("condition", String(16), nullable=False),
    Column("code", String(32)),
    Column("message", String, nullable=False),
    Column("warnings", Json, nullable=False),
    Column("tell_at", UtcTime),  # None: nobody wants to know
    Column("told_at", UtcTime),
    Column("tries", Integer, nullable=False),
    Column("outcome", String),  # of the last try
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    _tenant_id(),
    Column("name", String, nullable=False),  # what the tenant is called, or was: the trail outlives it
    Column("number", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("hash", String(64), nullable=False),
)

audit_events = Table(
    "audit_events",
    metadata,
    _tenant_id(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", String, nullable=False),  # what is hashed, to the letter
    Column("hash", String(64), nullable=False),
)

AUDIT = frozenset({"audit_heads", "audit_events"})
"""Tables that outlive their tenant."""

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
