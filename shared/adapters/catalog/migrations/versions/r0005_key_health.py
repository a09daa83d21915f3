"""Add the health of each tenant's KMS key, the time of its next probe, and the history of changes.

Code of revision 0002 is compatible. It does not know the tables; removing a tenant removes their rows by cascade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "key_health",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("next_probe", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arn", sa.String(), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=32)),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("found", sa.String(length=16)),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_key_health_tenants", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_key_health"),
    )
    op.create_index("ix_key_health_next_probe", "key_health", ["next_probe"])
    op.create_table(
        "key_events",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arn", sa.String(), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=32)),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("tell_at", sa.DateTime(timezone=True)),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_key_events_tenants", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "number", name="pk_key_events"),
    )
    compatible = sa.table("compatible_code", sa.column("revision", sa.String()))
    op.bulk_insert(compatible, [{"revision": revision}])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("key_health", "key_events"):
            _keep_apart(table)


def _keep_apart(table: str) -> None:
    """Force row-level security: even the table's owner sees only its transaction's tenant."""
    named = "current_setting('entrakeep.tenant', true)"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} USING (tenant_id = {named} OR {named} = '*')")
