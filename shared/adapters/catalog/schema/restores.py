"""Define the tables of restores: plans, the id map, results of operations, and passwords of created users."""

from sqlalchemy import Column, ForeignKeyConstraint, Integer, LargeBinary, String, Table, UniqueConstraint

from shared.adapters.catalog.schema.columns import DataKeyId, UtcTime, Uuid, metadata, tenant_column


def _within_tenant() -> ForeignKeyConstraint:
    """Return the foreign key to the tenant. It cascades, because older code removes tenants too."""
    return ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE")


def _sealed_columns() -> tuple[Column[str], Column[str], Column[bytes]]:
    """Return the columns of a sealed row."""
    return (
        Column("row_id", String, nullable=False),
        Column("data_key_id", DataKeyId, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )


restore_plans = Table(
    "restore_plans",
    metadata,
    tenant_column(),
    Column("plan_id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False),  # in order of creation, within the tenant
    Column("job_id", Uuid, nullable=False),
    Column("snapshot_id", Uuid, nullable=False),
    Column("live_id", Uuid, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("operations", Integer, nullable=False),
    Column("impossible", Integer, nullable=False),
    Column("reason", String),
    Column("restore_job", Uuid),
    Column("undone_job", Uuid),
    _within_tenant(),
    UniqueConstraint("tenant_id", "number"),
)

restore_plan_parts = Table(
    "restore_plan_parts",
    metadata,
    tenant_column(),
    Column("plan_id", Uuid, primary_key=True),
    Column("position", Integer, primary_key=True),
    *_sealed_columns(),
    ForeignKeyConstraint(
        ["tenant_id", "plan_id"], ["restore_plans.tenant_id", "restore_plans.plan_id"], ondelete="CASCADE"
    ),
)

id_map = Table(
    "id_map",
    metadata,
    tenant_column(),
    Column("old_id", String(64), primary_key=True),  # in lower case
    Column("first_id", String(64), nullable=False),
    Column("current_id", String(64)),
    Column("resource", String, nullable=False),
    Column("state", String(16), nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("mark", String, nullable=False),
    _within_tenant(),
)

restore_results = Table(
    "restore_results",
    metadata,
    tenant_column(),
    Column("job_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),  # of the operation in its plan
    Column("state", String(16), nullable=False),
    Column("code", String, nullable=False),
    Column("request_id", String),
    Column("at", UtcTime, nullable=False),
    *_sealed_columns(),
    _within_tenant(),
)

restore_passwords = Table(
    "restore_passwords",
    metadata,
    tenant_column(),
    Column("job_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),  # of the operation that created the user
    *_sealed_columns(),
    _within_tenant(),
)
"""Passwords of created users, until they are handed out."""
