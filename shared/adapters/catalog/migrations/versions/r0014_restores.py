"""Add restores: the restore identity of tenants, plans, the id map, results of operations, and created users' passwords.

Code of revision 0002 is compatible. It does not know the columns and the tables; removing a tenant removes rows by
cascade.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("restore_client_id", sa.String(length=36)))
    op.add_column("tenants", sa.Column("restore_expires_at", sa.DateTime(timezone=True)))
    _add_plans()
    _add_results()
    compatible = sa.table("compatible_code", sa.column("revision", sa.String()))
    op.bulk_insert(compatible, [{"revision": revision}])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("restore_plans", "restore_plan_parts", "id_map", "restore_results", "restore_passwords"):
            _keep_apart(table)


def _add_plans() -> None:
    """Add the tables of plans."""
    op.create_table(
        "restore_plans",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("plan_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("live_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("operations", sa.Integer(), nullable=False),
        sa.Column("impossible", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("restore_job", sa.String(length=36)),
        sa.Column("undone_job", sa.String(length=36)),
        _of_tenant("restore_plans"),
        sa.PrimaryKeyConstraint("tenant_id", "plan_id", name="pk_restore_plans"),
        sa.UniqueConstraint("tenant_id", "number", name="uq_restore_plans_tenant_id_number"),
    )
    op.create_table(
        "restore_plan_parts",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("plan_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *_sealed(),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_id"],
            ["restore_plans.tenant_id", "restore_plans.plan_id"],
            name="fk_restore_plan_parts_restore_plans",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "plan_id", "position", name="pk_restore_plan_parts"),
    )


def _add_results() -> None:
    """Add the id map, and the tables of results and passwords."""
    op.create_table(
        "id_map",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("old_id", sa.String(length=64), nullable=False),
        sa.Column("first_id", sa.String(length=64), nullable=False),
        sa.Column("current_id", sa.String(length=64)),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        _of_tenant("id_map"),
        sa.PrimaryKeyConstraint("tenant_id", "old_id", name="pk_id_map"),
    )
    op.create_table(
        "restore_results",
        *_numbered(),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("request_id", sa.String()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *_sealed(),
        _of_tenant("restore_results"),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "number", name="pk_restore_results"),
    )
    op.create_table(
        "restore_passwords",
        *_numbered(),
        *_sealed(),
        _of_tenant("restore_passwords"),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "number", name="pk_restore_passwords"),
    )


def _numbered() -> list["sa.Column[Any]"]:
    """Return the columns that name an operation of a restore."""
    return [
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
    ]


def _sealed() -> list["sa.Column[Any]"]:
    """Return the columns of a sealed row."""
    return [
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("data_key_id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    ]


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    """Return the foreign key to the tenant. It cascades, because older code removes tenants too."""
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=f"fk_{table}_tenants", ondelete="CASCADE")


def _keep_apart(table: str) -> None:
    """Force row-level security: even the table's owner sees only its transaction's tenant."""
    named = "current_setting('entrakeep.tenant', true)"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} USING (tenant_id = {named} OR {named} = '*')")
