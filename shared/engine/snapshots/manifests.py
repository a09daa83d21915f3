"""The manifest of the snapshot that a job builds on, and the row of a manifest's snapshot."""

import logging

from shared.domain.errors import Alarm
from shared.domain.model import Snapshot
from shared.domain.restore.id_map import ID_MAP
from shared.engine.steps.work import Work
from shared.vault.format import Holds, Manifest

log = logging.getLogger(__name__)


def parent_manifest(work: Work) -> Manifest | None:
    """Return the manifest of the snapshot that the job builds on, or None if it builds on none.

    A full backup reads everything anew. It ignores a parent that is missing or damaged, so that a tenant can recover from
    a damaged snapshot.
    """
    job = work.job
    if job.parent is None:
        return None
    snapshot = work.catalog.snapshots.get(job.parent)
    try:
        return work.blobs.manifest(snapshot)
    except Alarm as alarm:
        if not job.full:
            raise
        log.error("full backup ignores its parent: %s", alarm, extra={"job": job.job_id, "blob": alarm.blob})
        return None


def snapshot_of(manifest: Manifest, sha256: str, data_key_id: str) -> Snapshot:
    """Return the row of a manifest's snapshot.

    ``sha256`` is the hash of its sealed bytes. ``data_key_id`` names the data key that seals it.
    """
    counted = [report for report in manifest.resources if report.resource != ID_MAP]
    links = {listed.resource for state in manifest.streams for listed in state.listed if listed.holds is Holds.LINKS}
    return Snapshot(
        snapshot_id=manifest.snapshot_id,
        job_id=manifest.job_id,
        parent=manifest.parent,
        created_at=manifest.created_at,
        manifest_sha256=sha256,
        data_key_id=data_key_id,
        objects=sum(report.records or 0 for report in counted if report.resource not in links),
        links=sum(report.records or 0 for report in counted if report.resource in links),
        complete=not any(report.lacking for report in manifest.resources),
        resources=manifest.resources,
    )
