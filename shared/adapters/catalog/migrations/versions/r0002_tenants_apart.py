"""Separate tenants on PostgreSQL by row-level security, and add columns for trouble, sweeps and compatible code.

The new columns say what trouble a step or a key is in, which of the bucket's jobs a rebuild found, and which were
swept.

Code of revision 0001 is compatible on SQLite. It never ran on PostgreSQL, where it would not name its tenant.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_OF_A_TENANT = (
    "tenants",
    "data_keys",
    "secrets",
    "refusals",
    "schedules",
    "jobs",
    "steps",
    "snapshots",
    "snapshot_attempts",
    "runs",
    "snapshot_runs",
    "checkpoints",
    "checkpoint_runs",
    "pins",
    "bucket_jobs",
)


def upgrade() -> None:
    op.add_column("refusals", sa.Column("since", sa.DateTime(timezone=True)))
    op.add_column("steps", sa.Column("trouble", sa.String(length=32)))
    op.add_column("steps", sa.Column("trouble_message", sa.String()))
    op.add_column("steps", sa.Column("retry_at", sa.DateTime(timezone=True)))
    op.create_table(
        "bucket_jobs",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True)),
        sa.Column("swept_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_bucket_jobs_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", name="pk_bucket_jobs"),
    )
    compatible = op.create_table(
        "compatible_code",
        sa.Column("revision", sa.String(length=4), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_compatible_code"),
    )
    op.bulk_insert(compatible, [{"revision": "0002"}])
    if op.get_bind().dialect.name == "postgresql":
        for table in _OF_A_TENANT:
            _keep_apart(table)
    else:
        op.bulk_insert(compatible, [{"revision": "0001"}])


def _keep_apart(table: str) -> None:
    """Force row-level security: even the table's owner sees only its transaction's tenant."""
    named = "current_setting('entrakeep.tenant', true)"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} USING (tenant_id = {named} OR {named} = '*')")
