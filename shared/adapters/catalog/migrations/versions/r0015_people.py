"""Add people, their ways to sign in, roles and tokens, notice targets, and which AWS identity a worker has.

Add indexes for the fleet: the newest snapshots of a tenant, and its last jobs of a kind.

Code of revision 0002 is compatible. It does not know the tables and columns; removing a tenant removes its grants, tokens
and notice targets by cascade.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_KEPT_APART = ("grants", "tokens", "notices", "notice_targets", "deliveries")
"""Tables whose rows name a tenant, or else are of the installation."""


def upgrade() -> None:
    op.add_column("workers", sa.Column("aws_account", sa.String(length=12)))
    op.add_column("workers", sa.Column("aws_principal", sa.String()))
    op.create_index("ix_jobs_tenant_id_kind_number", "jobs", ["tenant_id", "kind", "number"])
    newest = ["tenant_id", "going", "complete", "number", "created_at", "job_id"]
    op.create_index("ix_snapshots_newest", "snapshots", newest)
    _add_people()
    _add_ways_to_sign_in()
    _add_sign_ins()
    _add_rights()
    _add_notices()
    compatible = sa.table("compatible_code", sa.column("revision", sa.String()))
    op.bulk_insert(compatible, [{"revision": revision}])
    if op.get_bind().dialect.name == "postgresql":
        for table in _KEPT_APART:
            _keep_apart(table)


def _add_people() -> None:
    """Add the table of people."""
    op.create_table(
        "people",
        _uuid("person_id", nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("break_glass", sa.Boolean(), nullable=False),
        _time("created_at", nullable=False),
        _time("seen_at"),
        _time("signed_in_at"),
        sa.PrimaryKeyConstraint("person_id", name="pk_people"),
        sa.UniqueConstraint("handle", name="uq_people_handle"),
    )


def _add_ways_to_sign_in() -> None:
    """Add the tables of passkeys, identities, and hashed passwords and codes."""
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.String(), nullable=False),
        _uuid("person_id", nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("aaguid", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        _time("added_at", nullable=False),
        _time("used_at"),
        _of_person("passkeys"),
        sa.PrimaryKeyConstraint("credential_id", name="pk_passkeys"),
    )
    op.create_index("ix_passkeys_person_id", "passkeys", ["person_id"])
    op.create_table(
        "identities",
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        _uuid("person_id", nullable=False),
        _time("bound_at", nullable=False),
        _of_person("identities"),
        sa.PrimaryKeyConstraint("authority", "subject", name="pk_identities"),
    )
    op.create_index("ix_identities_person_id", "identities", ["person_id"])
    op.create_table(
        "secrets_hashed",
        _uuid("secret_id", nullable=False),
        _uuid("person_id"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        _time("made_at", nullable=False),
        _time("expires_at"),
        _time("used_at"),
        _of_person("secrets_hashed"),
        sa.PrimaryKeyConstraint("secret_id", name="pk_secrets_hashed"),
    )
    op.create_index("ix_secrets_hashed_person_id_kind", "secrets_hashed", ["person_id", "kind"])


def _add_sign_ins() -> None:
    """Add the tables of sign-ins, invitations, failed tries and challenges."""
    op.create_table(
        "sign_ins",
        sa.Column("hash", sa.String(length=64), nullable=False),
        _uuid("sign_in_id", nullable=False),
        _uuid("person_id", nullable=False),
        sa.Column("means", sa.String(length=16), nullable=False),
        _time("begun_at", nullable=False),
        _time("seen_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("confirmed_at"),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        _of_person("sign_ins"),
        sa.PrimaryKeyConstraint("hash", name="pk_sign_ins"),
        sa.UniqueConstraint("sign_in_id", name="uq_sign_ins_sign_in_id"),
    )
    op.create_index("ix_sign_ins_person_id", "sign_ins", ["person_id"])
    op.create_table(
        "invitations",
        sa.Column("hash", sa.String(length=64), nullable=False),
        _uuid("invitation_id", nullable=False),
        _uuid("person_id", nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        _time("made_at", nullable=False),
        _time("expires_at", nullable=False),
        _of_person("invitations"),
        sa.PrimaryKeyConstraint("hash", name="pk_invitations"),
        sa.UniqueConstraint("invitation_id", name="uq_invitations_invitation_id"),
    )
    op.create_index("ix_invitations_person_id", "invitations", ["person_id"])
    op.create_table(
        "tries",
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        _time("last_at", nullable=False),
        sa.PrimaryKeyConstraint("who", name="pk_tries"),
    )
    op.create_table(
        "challenges",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        _time("expires_at", nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_challenges"),
    )
    op.create_index("ix_challenges_expires_at", "challenges", ["expires_at"])


def _add_rights() -> None:
    """Add the tables of grants and tokens."""
    op.create_table(
        "grants",
        _uuid("grant_id", nullable=False),
        _uuid("person_id", nullable=False),
        _uuid("tenant_id"),
        sa.Column("role", sa.String(length=16), nullable=False),
        _time("until"),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        _time("given_at", nullable=False),
        _of_person("grants"),
        _of_tenant("grants"),
        sa.PrimaryKeyConstraint("grant_id", name="pk_grants"),
    )
    op.create_index("ix_grants_person_id", "grants", ["person_id"])
    op.create_index("ix_grants_tenant_id", "grants", ["tenant_id"])
    op.create_table(
        "tokens",
        sa.Column("hash", sa.String(length=64), nullable=False),
        _uuid("token_id", nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        _uuid("tenant_id"),
        _uuid("person_id"),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("networks", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        _time("made_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("used_at"),
        _of_tenant("tokens"),
        _of_person("tokens"),
        sa.PrimaryKeyConstraint("hash", name="pk_tokens"),
        sa.UniqueConstraint("token_id", name="uq_tokens_token_id"),
    )
    op.create_index("ix_tokens_tenant_id", "tokens", ["tenant_id"])
    op.create_index("ix_tokens_person_id", "tokens", ["person_id"])


def _add_notices() -> None:
    """Add the tables of the installation's data keys, queued notices, notice targets and deliveries."""
    op.create_table(
        "installation_keys",
        sa.Column("data_key_id", sa.String(length=64), nullable=False),
        sa.Column("arn", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        _time("created_at", nullable=False),
        sa.PrimaryKeyConstraint("data_key_id", name="pk_installation_keys"),
    )
    op.create_table(
        "notices",
        _uuid("tenant_id", nullable=False),
        _uuid("notice_id", nullable=False),
        sa.Column("notice", sa.String(length=32), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        _time("made_at", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "notice_id", name="pk_notices"),
    )
    op.create_table(
        "notice_targets",
        _uuid("target_id", nullable=False),
        _uuid("tenant_id"),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        _time("made_at", nullable=False),
        sa.Column("data_key_id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _of_tenant("notice_targets"),
        sa.PrimaryKeyConstraint("target_id", name="pk_notice_targets"),
    )
    op.create_index("ix_notice_targets_tenant_id", "notice_targets", ["tenant_id"])
    op.create_table(
        "deliveries",
        _uuid("delivery_id", nullable=False),
        _uuid("target_id", nullable=False),
        _uuid("tenant_id"),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("notice", sa.String(length=32), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        _time("made_at", nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        _time("tried_at"),
        _time("next_try_at"),
        _time("delivered_at"),
        sa.Column("outcome", sa.String()),
        sa.ForeignKeyConstraint(
            ["target_id"], ["notice_targets.target_id"], name="fk_deliveries_notice_targets", ondelete="CASCADE"
        ),
        _of_tenant("deliveries"),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_target_id_source", "deliveries", ["target_id", "source"], unique=True)
    op.create_index("ix_deliveries_next_try_at", "deliveries", ["next_try_at"])


def _uuid(name: str, *, nullable: bool = True) -> "sa.Column[Any]":
    """Return a column for an id."""
    return sa.Column(name, sa.String(length=36), nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> "sa.Column[Any]":
    """Return a column for a time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of_person(table: str) -> sa.ForeignKeyConstraint:
    """Return the foreign key to the person."""
    return sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=f"fk_{table}_people", ondelete="CASCADE")


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    """Return the foreign key to the tenant. It cascades, because older code removes tenants too."""
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=f"fk_{table}_tenants", ondelete="CASCADE")


def _keep_apart(table: str) -> None:
    """Force row-level security: even the table's owner sees only its transaction's tenant."""
    named = "current_setting('entrakeep.tenant', true)"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} USING (tenant_id = {named} OR {named} = '*')")
