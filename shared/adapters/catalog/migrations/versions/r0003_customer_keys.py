"""Add a tenant's own KMS key: whether it may have one, who accepted the terms, and the progress of a key change.

Code of revision 0002 is compatible. It knows neither the new columns nor the new kinds of jobs, and opens each data key
under the KMS key that wraps its newest generation.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for column in ("key_allowed_at", "key_switched_at", "key_free_at"):
        op.add_column("tenants", sa.Column(column, sa.DateTime(timezone=True)))
    op.add_column("data_keys", sa.Column("moved_at", sa.DateTime(timezone=True)))
    op.create_table(
        "acceptances",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("arn", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_acceptances_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "number", name="pk_acceptances"),
    )
    op.execute("DELETE FROM compatible_code WHERE revision = '0001'")
    op.execute("INSERT INTO compatible_code (revision) VALUES ('0003')")
    if op.get_bind().dialect.name == "postgresql":
        named = "current_setting('entrakeep.tenant', true)"
        op.execute("ALTER TABLE acceptances ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE acceptances FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY one_tenant ON acceptances USING (tenant_id = {named} OR {named} = '*')")
