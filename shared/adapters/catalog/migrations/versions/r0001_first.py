"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _tenants()
    _data_keys()
    _secrets()
    _refusals()
    _schedules()
    _jobs()
    _steps()
    _snapshots()
    _snapshot_attempts()
    _runs()
    _snapshot_runs()
    _checkpoints()
    _checkpoint_runs()
    _pins()
    _beats()
    _workers()


def _tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(length=36), nullable=False),
        sa.Column("client_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_mode", sa.String(length=16), nullable=False),
        sa.Column("key_arn", sa.String(), nullable=False),
        sa.Column("key_epoch", sa.Integer(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenants"),
        sa.UniqueConstraint("name", name="uq_tenants_name"),
    )


def _data_keys() -> None:
    op.create_table(
        "data_keys",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("data_key_id", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("arn", sa.String(), nullable=False),
        sa.Column("key_epoch", sa.Integer(), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.String(length=36)),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_data_keys_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "data_key_id", "generation", name="pk_data_keys"),
    )
    op.create_index("ix_data_keys_tenant_id_purpose_job_id", "data_keys", ["tenant_id", "purpose", "job_id"])


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("data_key_id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_secrets_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "kind", name="pk_secrets"),
    )


def _refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("arn", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_refusals_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "arn", name="pk_refusals"),
    )


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cron", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("next_due", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_schedules_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_schedules"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("asked", sa.String(length=16), nullable=False),
        sa.Column("here", sa.Boolean(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=32)),
        sa.Column("message", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("parent", sa.String(length=36)),
        sa.Column("snapshot", sa.String(length=36)),
        sa.Column("detail", sa.JSON()),
        sa.Column("open_phase", sa.Integer()),
        sa.Column("open_steps", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_jobs_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", name="pk_jobs"),
        sa.UniqueConstraint("tenant_id", "due_at", name="uq_jobs_tenant_id_due_at"),
        sa.UniqueConstraint("tenant_id", "number", name="uq_jobs_tenant_id_number"),
    )
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"])
    op.create_index("ix_jobs_job_id", "jobs", ["job_id"])
    op.create_index("ix_jobs_state", "jobs", ["state"])


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("step_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=32)),
        sa.Column("request_id", sa.String()),
        sa.Column("began_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String()),
        sa.Column("claim_until", sa.DateTime(timezone=True)),
        sa.Column("claims_lost", sa.Integer(), nullable=False),
        sa.Column("trouble_since", sa.DateTime(timezone=True)),
        sa.Column("send_at", sa.DateTime(timezone=True)),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.job_id"], name="fk_steps_jobs"),
        sa.PrimaryKeyConstraint("tenant_id", "step_id", name="pk_steps"),
    )
    op.create_index("ix_steps_state", "steps", ["state"])
    op.create_index("ix_steps_tenant_id_job_id", "steps", ["tenant_id", "job_id"])


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("parent", sa.String(length=36)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("data_key_id", sa.String(length=64), nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("links", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.Column("going", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_snapshots_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "snapshot_id", name="pk_snapshots"),
        sa.UniqueConstraint("tenant_id", "number", name="uq_snapshots_tenant_id_number"),
    )


def _snapshot_attempts() -> None:
    op.create_table(
        "snapshot_attempts",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_snapshot_attempts_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "snapshot_id", name="pk_snapshot_attempts"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("blobs", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_runs_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", name="pk_runs"),
    )


def _snapshot_runs() -> None:
    op.create_table(
        "snapshot_runs",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"], ["runs.tenant_id", "runs.run_id"], name="fk_snapshot_runs_runs"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "snapshot_id"],
            ["snapshots.tenant_id", "snapshots.snapshot_id"],
            name="fk_snapshot_runs_snapshots",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "snapshot_id", "run_id", name="pk_snapshot_runs"),
    )
    op.create_index("ix_snapshot_runs_tenant_id_run_id", "snapshot_runs", ["tenant_id", "run_id"])


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("step_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("data_key_id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "step_id"], ["steps.tenant_id", "steps.step_id"], name="fk_checkpoints_steps"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "row_id", name="pk_checkpoints"),
        sa.UniqueConstraint("tenant_id", "step_id", "number", name="uq_checkpoints_tenant_id_step_id_number"),
    )
    op.create_index("ix_checkpoints_tenant_id_job_id", "checkpoints", ["tenant_id", "job_id"])


def _checkpoint_runs() -> None:
    op.create_table(
        "checkpoint_runs",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "row_id"],
            ["checkpoints.tenant_id", "checkpoints.row_id"],
            name="fk_checkpoint_runs_checkpoints",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"], ["runs.tenant_id", "runs.run_id"], name="fk_checkpoint_runs_runs"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "row_id", "run_id", name="pk_checkpoint_runs"),
    )
    op.create_index("ix_checkpoint_runs_tenant_id_run_id", "checkpoint_runs", ["tenant_id", "run_id"])


def _pins() -> None:
    op.create_table(
        "pins",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.job_id"], name="fk_pins_jobs"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "snapshot_id"], ["snapshots.tenant_id", "snapshots.snapshot_id"], name="fk_pins_snapshots"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "snapshot_id", name="pk_pins"),
    )
    op.create_index("ix_pins_tenant_id_snapshot_id", "pins", ["tenant_id", "snapshot_id"])


def _beats() -> None:
    op.create_table(
        "beats",
        sa.Column("beat", sa.String(length=16), nullable=False),
        sa.Column("ticked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("beat", name="pk_beats"),
    )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_workers"),
    )
