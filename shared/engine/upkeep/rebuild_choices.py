"""Rules of a rebuild: which manifests and data keys count, and which KMS key is the tenant's.

Nothing here reads the store, SQL or KMS.
"""

from collections.abc import Iterable

import msgspec

from shared.domain.model import KeyMode, RunRef, Snapshot, Tenant, WrappedKey
from shared.domain.restore.id_map import ID_MAP
from shared.engine.snapshots.manifests import snapshot_of
from shared.engine.steps.checkpoints import run_ref
from shared.ports.catalog.upkeep import KnownBlobs
from shared.vault.format import Manifest, StreamState
from shared.vault.trust_record import TrustRecord


class StoredManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that SQL does not know, reduced to what SQL keeps of it and to its place in the chain."""

    snapshot: Snapshot
    """The row of its snapshot."""
    runs: list[RunRef]
    """The runs that the snapshot consists of."""
    id_map: StreamState | None
    """The stream with the id map, if the snapshot has one."""
    tenant: Tenant | None
    """The tenant as the manifest describes it, if it does."""
    parent_sha256: str | None
    """The hash of the parent's sealed manifest, None without a parent."""
    let_go: list[str]
    """Ids of earlier snapshots that retention removed."""


def reduce_manifest(manifest: Manifest, sha256: str, data_key_id: str) -> StoredManifest:
    """Return what SQL keeps of a manifest.

    ``sha256`` is the hash of its sealed bytes. ``data_key_id`` names the data key that seals it.
    """
    return StoredManifest(
        snapshot=snapshot_of(manifest, sha256, data_key_id),
        runs=[run_ref(run) for state in manifest.streams for run in state.runs],
        id_map=next((state for state in manifest.streams if state.stream == ID_MAP), None),
        tenant=manifest.tenant,
        parent_sha256=manifest.parent_sha256,
        let_go=manifest.let_go,
    )


def choose_manifests(
    manifests: list[StoredManifest], known: KnownBlobs
) -> tuple[list[StoredManifest], list[StoredManifest]]:
    """Return the manifest that counts for each job, and all other manifests.

    If SQL has a snapshot of the job, that one counts and none is chosen here. Otherwise the manifest that a later
    snapshot names as its parent counts; without one, the newest. For a swept job none counts: the sweep removed its
    manifests, and somebody put them back.
    """
    parents = known.parents | {each.snapshot.parent for each in manifests if each.snapshot.parent}
    committed = set(known.snapshots.values())
    by_job: dict[str, list[StoredManifest]] = {}
    for each in manifests:
        by_job.setdefault(each.snapshot.job_id, []).append(each)
    chosen = [
        max(group, key=lambda each: (each.snapshot.snapshot_id in parents, each.snapshot.created_at))
        for job_id, group in by_job.items()
        if job_id not in committed | known.swept
    ]
    chosen_ids = {each.snapshot.snapshot_id for each in chosen}
    return chosen, [each for each in manifests if each.snapshot.snapshot_id not in chosen_ids]


def needed_keys(
    keys: Iterable[WrappedKey], keys_in_sql: Iterable[WrappedKey], chosen: list[StoredManifest]
) -> list[WrappedKey]:
    """Return the data keys of jobs that wrote part of these snapshots, and those that belong to no job.

    The data key for credentials belongs to no job. If several data keys were created for one job, only one is returned: the
    one that SQL knows, or the one that sealed the job's manifest.
    """
    own = {key.job_id: key.data_key_id for key in keys_in_sql if key.job_id is not None}
    own |= {each.snapshot.job_id: each.snapshot.data_key_id for each in chosen}
    jobs = {run.job_id for each in chosen for run in each.runs} | {each.snapshot.job_id for each in chosen}
    return [
        key
        for key in keys
        if key.job_id is None or (key.job_id in jobs and own.get(key.job_id, key.data_key_id) == key.data_key_id)
    ]


def under_current_key(
    tenant: Tenant, keys: list[WrappedKey], record: TrustRecord | None, operator_arns: frozenset[str]
) -> Tenant:
    """Return the tenant under its current KMS key, which may have changed after its newest manifest was written.

    The trust record names the key. Without a record, a key that the operator names counts if it wraps any data key;
    otherwise the key with the newest epoch counts.
    """
    if record is not None:
        mode, arn, epoch = record.key_mode, record.key_arn, record.key_epoch
        return msgspec.structs.replace(tenant, key_mode=mode, key_arn=arn, key_epoch=epoch)
    named = [key for key in keys if key.arn in operator_arns]
    newest = max(named or keys, key=lambda key: key.key_epoch, default=None)
    if newest is None or newest.arn == tenant.key_arn or newest.key_epoch <= tenant.key_epoch:
        return tenant
    return msgspec.structs.replace(tenant, key_mode=KeyMode.CUSTOMER, key_arn=newest.arn, key_epoch=newest.key_epoch)
