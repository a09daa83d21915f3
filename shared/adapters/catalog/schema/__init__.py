"""Define the catalog's tables, one module per area.

The primary key of each tenant's table begins with ``tenant_id``. Rows that may also be of the installation have a key of
their own (``people.tenant_or_installation``). Types are portable: ids are text, times go through ``UtcTime``, lists and
details are JSON. The migrations create these tables; a test compares the two.
"""

from shared.adapters.catalog.schema.audit import AUDIT, audit_events, audit_heads
from shared.adapters.catalog.schema.columns import DataKeyId, Json, UtcTime, Uuid, metadata
from shared.adapters.catalog.schema.jobs import backup_events, checkpoints, jobs, pins, steps
from shared.adapters.catalog.schema.keys import acceptances, data_keys, key_events, key_health, refusals, untrusted_keys
from shared.adapters.catalog.schema.notices import deliveries, installation_keys, notice_targets, notices
from shared.adapters.catalog.schema.people import (
    challenges,
    grants,
    identities,
    invitations,
    passkeys,
    people,
    secrets_hashed,
    sign_ins,
    tokens,
    tries,
)
from shared.adapters.catalog.schema.processes import beats, compatible_code, usage, workers
from shared.adapters.catalog.schema.restores import (
    id_map,
    restore_passwords,
    restore_plan_parts,
    restore_plans,
    restore_results,
)
from shared.adapters.catalog.schema.snapshots import (
    bucket_jobs,
    checkpoint_runs,
    runs,
    snapshot_attempts,
    snapshot_runs,
    snapshots,
)
from shared.adapters.catalog.schema.stores import stores
from shared.adapters.catalog.schema.tenants import schedules, secrets, tenants, withheld_directories

REVISION = "0016"
"""The revision that this code needs: the newest migration."""

OUTLIVES_TENANT = AUDIT | {withheld_directories.name}
"""Tables whose rows stay when their tenant is removed."""

__all__ = [
    "AUDIT",
    "OUTLIVES_TENANT",
    "REVISION",
    "DataKeyId",
    "Json",
    "UtcTime",
    "Uuid",
    "acceptances",
    "audit_events",
    "audit_heads",
    "backup_events",
    "beats",
    "bucket_jobs",
    "challenges",
    "checkpoint_runs",
    "checkpoints",
    "compatible_code",
    "data_keys",
    "deliveries",
    "grants",
    "id_map",
    "identities",
    "installation_keys",
    "invitations",
    "jobs",
    "key_events",
    "key_health",
    "metadata",
    "notice_targets",
    "notices",
    "passkeys",
    "people",
    "pins",
    "refusals",
    "restore_passwords",
    "restore_plan_parts",
    "restore_plans",
    "restore_results",
    "runs",
    "schedules",
    "secrets",
    "secrets_hashed",
    "sign_ins",
    "snapshot_attempts",
    "snapshot_runs",
    "snapshots",
    "steps",
    "stores",
    "tenants",
    "tokens",
    "tries",
    "untrusted_keys",
    "usage",
    "withheld_directories",
    "workers",
]
