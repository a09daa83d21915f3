"""Add how far each audit trail is anchored in the store, and what the store holds under untrusted KMS keys.

Code of revision 0002 is compatible. It does not know the column and the table; removing a tenant removes rows by
cascade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("audit_heads", sa.Column("anchored", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "untrusted_keys",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("arn", sa.String(), nullable=False),
        sa.Column("data_keys", sa.Integer(), nullable=False),
        sa.Column("manifests", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.tenant_id"], name="fk_untrusted_keys_tenants", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "arn", name="pk_untrusted_keys"),
    )
    compatible = sa.table("compatible_code", sa.column("revision", sa.String()))
    op.bulk_insert(compatible, [{"revision": revision}])
    if op.get_bind().dialect.name == "postgresql":
        _keep_apart("untrusted_keys")


def _keep_apart(table: str) -> None:
    """Force row-level security: even the table's owner sees only its transaction's tenant."""
    named = "current_setting('entrakeep.tenant', true)"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} USING (tenant_id = {named} OR {named} = '*')")
