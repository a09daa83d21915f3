"""Opening a snapshot: its manifest, found by its row and held against the hash that stands there."""

from shared.domain.model import Snapshot
from shared.engine.context import Context
from shared.engine.custody import Custody
from shared.engine.work import Work
from shared.vault.format import Manifest
from shared.vault.manifests import load_manifest


def open_manifest(context: Context, custody: Custody, tenant_id: str, snapshot: Snapshot) -> Manifest:
    """The snapshot's manifest. Raises Alarm if it is missing or another, and what the key service raises."""
    return load_manifest(context.store, custody.find, tenant_id, snapshot.snapshot_id, snapshot.manifest_sha256)


def parent_manifest(work: Work) -> Manifest | None:
    """The manifest of the snapshot that the job builds on, if any."""
    job = work.catalog.jobs.get(work.claim.job_id)
    if job.parent is None:
        return None
    snapshot = work.catalog.snapshots.get(job.parent)
    return open_manifest(work.context, work.custody, work.claim.tenant_id, snapshot)
