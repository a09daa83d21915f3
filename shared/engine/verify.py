"""Verify: every blob of one snapshot or of all, opened and held against what the manifest says; or its hash alone."""

import hashlib
from collections.abc import Iterator

from shared.domain.errors import Alarm, Code
from shared.domain.model import JobState, Snapshot
from shared.engine.opening import open_manifest
from shared.engine.work import Work
from shared.vault.format import Run
from shared.vault.manifests import manifest_blob
from shared.vault.reader import read_run
from shared.vault.writer import chunk_blob


def verify_step(work: Work) -> bool:
    """Verifies what the job names. Damage fails the job with ``BLOB_DAMAGED`` and is listed, blob by blob, in its detail."""
    job = work.catalog.jobs.get(work.claim.job_id)
    shallow = bool((job.detail or {}).get("shallow"))
    snapshots = [work.catalog.snapshots.get(job.snapshot)] if job.snapshot else work.catalog.snapshots.all()
    found = _Found()
    for snapshot in snapshots:
        (_shallow if shallow else _deep)(work, snapshot, found)
    detail = {"snapshots": len(snapshots), "blobs": len(found.seen), "damaged": found.damaged}
    if found.damaged:
        message = (
            f"{len(found.damaged)} of {len(found.seen)} blobs are missing or damaged; the job's detail names them."
        )
        work.catalog.claims.fail(work.claim, Code.BLOB_DAMAGED, message, detail=detail)
        return False
    return work.catalog.claims.finish(work.claim, state=JobState.SUCCEEDED, detail=detail)


class _Found:
    """What was looked at, and what was wrong with it. A run shared by snapshots is looked at once."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.runs: set[str] = set()
        self.damaged: list[dict[str, str | None]] = []

    def note(self, alarm: Alarm) -> None:
        self.damaged.append({"blob": alarm.blob, "resource": alarm.resource, "reason": alarm.code.value})


def _deep(work: Work, snapshot: Snapshot, found: _Found) -> None:
    found.seen.add(manifest_blob(work.claim.tenant_id, snapshot.snapshot_id))
    try:
        manifest = open_manifest(work.context, work.custody, work.claim.tenant_id, snapshot)
    except Alarm as alarm:
        found.note(alarm)
        return
    for state in manifest.streams:
        for run in state.runs:
            for piece in _pieces(work, run, found):
                try:
                    for _ in read_run(work.context.store, work.custody.find, work.claim.tenant_id, piece, work.check):
                        pass
                except Alarm as alarm:
                    found.note(alarm)


def _pieces(work: Work, run: Run, found: _Found) -> Iterator[Run]:
    """The run, cut into runs of one chunk, so that each is judged by itself."""
    if run.run_id in found.runs:
        return
    found.runs.add(run.run_id)
    for chunk in run.chunks:
        found.seen.add(chunk_blob(work.claim.tenant_id, run.job_id, chunk.name))
        yield Run(run_id=run.run_id, job_id=run.job_id, stream=run.stream, lines=chunk.lines, chunks=[chunk])


def _shallow(work: Work, snapshot: Snapshot, found: _Found) -> None:
    """Names and hashes as SQL knows them: needs no key."""
    tenant = work.claim.tenant_id
    manifest = manifest_blob(tenant, snapshot.snapshot_id)
    expected: list[tuple[str, str, str | None]] = [(manifest, snapshot.manifest_sha256, None)]
    for run in work.catalog.snapshots.runs(snapshot.snapshot_id):
        if run.run_id not in found.runs:
            found.runs.add(run.run_id)
            expected += [(chunk_blob(tenant, run.job_id, name), name, run.stream) for name in run.blobs]
    for blob, sha256, stream in expected:
        work.hold.check()
        found.seen.add(blob)
        sealed = work.context.store.get(blob)
        if sealed is None:
            found.note(Alarm(Code.BLOB_MISSING, f"The blob {blob} is missing.", blob, stream))
        elif hashlib.sha256(sealed).hexdigest() != sha256:
            found.note(Alarm(Code.BLOB_DAMAGED, f"The blob {blob} is damaged.", blob, stream))
