"""Open a snapshot: read its manifest by its row, and compare it with the hash stored there."""

import logging

from shared.domain.errors import Alarm
from shared.domain.model import Snapshot
from shared.domain.resources import LINKS
from shared.engine.context import Context
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.steps.work import Work
from shared.vault.format import Manifest
from shared.vault.manifests import load_manifest

log = logging.getLogger(__name__)


def open_manifest(context: Context, keys: ProcessKeys, tenant_id: str, snapshot: Snapshot) -> Manifest:
    """Return the snapshot's manifest. Raises Alarm if it is missing or differs, and what the key service raises."""
    return load_manifest(context.store, keys.find, tenant_id, snapshot.snapshot_id, snapshot.manifest_sha256)


def parent_manifest(work: Work) -> Manifest | None:
    """Return the manifest of the snapshot that the job builds on, or None if it builds on none.

    A full backup reads everything anew. It ignores a parent that is missing or damaged, so that a tenant can recover from
    a damaged snapshot.
    """
    job = work.catalog.jobs.get(work.claim.job_id)
    if job.parent is None:
        return None
    snapshot = work.catalog.snapshots.get(job.parent)
    try:
        return open_manifest(work.context, work.keys, work.claim.tenant_id, snapshot)
    except Alarm as alarm:
        if not job.full:
            raise
        log.error("full backup ignores its parent: %s", alarm, extra={"job": job.job_id, "blob": alarm.blob})
        return None


def snapshot_of(manifest: Manifest, sha256: str, data_key_id: str) -> Snapshot:
    """Return the row of a manifest's snapshot.

    ``sha256`` is the hash of its sealed bytes. ``data_key_id`` names the data key that seals it.
    """
    return Snapshot(
        snapshot_id=manifest.snapshot_id,
        job_id=manifest.job_id,
        parent=manifest.parent,
        created_at=manifest.created_at,
        manifest_sha256=sha256,
        data_key_id=data_key_id,
        objects=sum(report.records or 0 for report in manifest.resources if report.resource not in LINKS),
        links=sum(report.records or 0 for report in manifest.resources if report.resource in LINKS),
        complete=not any(report.lacking for report in manifest.resources),
        resources=manifest.resources,
    )
