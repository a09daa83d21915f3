"""Add the messages that a worker understands, events about backups, and each tenant's usage.

Code of revision 0002 is compatible. It does not know the columns and tables; removing a tenant removes rows by cascade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("workers", sa.Column("messages", sa.Integer()))
    op.add_column("workers", sa.Column("messages_at", sa.DateTime(timezone=True)))
    op.create_table(
        "backup_events",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("job_id", sa.String(length=36)),
        sa.Column("code", sa.String(length=32)),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("tell_at", sa.DateTime(timezone=True)),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.tenant_id"], name="fk_backup_events_tenants", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "number", name="pk_backup_events"),
    )
    op.create_table(
        "usage",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_usage_tenants", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_usage"),
    )
    compatible = sa.table("compatible_code", sa.column("revision", sa.String()))
    op.bulk_insert(compatible, [{"revision": revision}])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("backup_events", "usage"):
            _keep_apart(table)


def _keep_apart(table: str) -> None:
    """Force row-level security: even the table's owner sees only its transaction's tenant."""
    named = "current_setting('entrakeep.tenant', true)"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} USING (tenant_id = {named} OR {named} = '*')")
