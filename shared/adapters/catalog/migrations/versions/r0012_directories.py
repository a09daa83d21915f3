"""Allow one tenant per directory, and keep which directories were removed under their owner's key.

Directories that were connected more than once stay so: the oldest tenant has the claim. Code of revision 0002 is
compatible. It claims nothing, and newer code compares the ids themselves.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("claimed_directory", sa.String(length=36)))
    _claim()
    op.create_index("ix_tenants_claimed_directory", "tenants", ["claimed_directory"], unique=True)
    op.create_table(
        "withheld_directories",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(length=36), nullable=False),
        sa.Column("key_arn", sa.String(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_withheld_directories"),
    )
    op.create_index("ix_withheld_directories_directory_id", "withheld_directories", ["directory_id"])
    op.bulk_insert(sa.table("compatible_code", sa.column("revision", sa.String())), [{"revision": revision}])
    if op.get_bind().dialect.name == "postgresql":
        named = "current_setting('entrakeep.tenant', true)"
        op.execute("ALTER TABLE withheld_directories ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE withheld_directories FORCE ROW LEVEL SECURITY")
        policy = f"USING (tenant_id = {named} OR {named} = '*')"
        op.execute(f"CREATE POLICY one_tenant ON withheld_directories {policy}")


def _claim() -> None:
    """Give each directory's claim to its oldest tenant."""
    op.execute(
        "UPDATE tenants SET claimed_directory = lower(directory_id) WHERE tenant_id = (SELECT first.tenant_id FROM tenants "
        "AS first WHERE lower(first.directory_id) = lower(tenants.directory_id) "
        "ORDER BY first.created_at, first.tenant_id LIMIT 1)"
    )
