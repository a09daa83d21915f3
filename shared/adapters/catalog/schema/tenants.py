"""Define the tables of tenants, their sealed credentials and their schedules."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from shared.adapters.catalog.schema.columns import (
    DataKeyId,
    Json,
    UtcTime,
    Uuid,
    metadata,
    tenant_column,
    within_tenant,
)

tenants = Table(
    "tenants",
    metadata,
    tenant_column(),
    Column("name", String, nullable=False),
    Column("directory_id", Uuid, nullable=False),
    # The same in lower case. Older versions allowed several tenants of one directory: all but one of them have None.
    Column("claimed_directory", Uuid),
    Column("client_id", Uuid, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("key_mode", String(16), nullable=False),
    Column("key_arn", String, nullable=False),
    Column("key_epoch", Integer, nullable=False),
    Column("key_allowed_at", UtcTime),  # since when it may have a key of its own
    Column("key_switched_at", UtcTime),  # since when key_arn wraps new data keys
    Column("key_free_at", UtcTime),  # from when on the previous key may be disabled
    Column("sign_in_expires_at", UtcTime),  # of its client secret or certificate, if known
    Column("served_at", UtcTime),  # when a message for one of its steps was last sent
    Column("restore_client_id", Uuid),  # the application that restores
    Column("restore_expires_at", UtcTime),  # of its client secret or certificate, if known
    Column("choice", Json),  # what is backed up. None: the defaults
    Column("full_every", Integer),  # days until streams that are read seldom are read again. None: the default
    UniqueConstraint("name"),
)
Index(None, tenants.c.claimed_directory, unique=True)

withheld_directories = Table(
    "withheld_directories",
    metadata,
    tenant_column(),
    Column("name", String, nullable=False),
    Column("directory_id", Uuid, nullable=False),  # in lower case
    Column("key_arn", String, nullable=False),
    Column("removed_at", UtcTime, nullable=False),
)
"""Directories whose tenant was removed while its owner's KMS key protected it: adding them again needs consent."""
Index(None, withheld_directories.c.directory_id)

secrets = Table(
    "secrets",
    metadata,
    tenant_column(),
    Column("kind", String(32), primary_key=True),
    Column("row_id", String, nullable=False),
    Column("data_key_id", DataKeyId, nullable=False),
    Column("data", LargeBinary, nullable=False),
    within_tenant("tenants"),
)

schedules = Table(
    "schedules",
    metadata,
    tenant_column(),
    Column("cron", String, nullable=False),
    Column("timezone", String, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("next_due", UtcTime),
    within_tenant("tenants"),
)
