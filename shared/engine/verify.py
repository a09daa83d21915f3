"""Verify: every blob of one snapshot or of all, opened and held against what the manifest says; or its hash alone.

Key objects are compared with SQL: without them the bucket would not be enough. Parents are compared with the hash that their
children's sealed manifests have, and every other object under the tenant's prefix is accounted for.
"""

import time
import uuid
from collections.abc import Callable, Iterator

import msgspec

from shared.domain.errors import Alarm, Code
from shared.domain.model import JobState, Snapshot, WrappedKey
from shared.engine.accounting import unaccounted
from shared.engine.chain import check_hash, known_let_go
from shared.engine.opening import open_manifest
from shared.engine.work import StepTired, Work
from shared.ports.catalog import Checkpoint
from shared.vault.format import Manifest, Run
from shared.vault.keyring import check_key_object
from shared.vault.listing import Listing
from shared.vault.names import chunk_blob, manifest_blob
from shared.vault.reader import read_run
from shared.vault.sealing import Kind, open_row, seal_row


class _Damaged(msgspec.Struct):
    blob: str
    resource: str | None
    reason: str


class _Found(msgspec.Struct):
    """What was looked at, and what was wrong with it. A run shared by snapshots, and a key, is looked at once."""

    snapshots: set[str] = msgspec.field(default_factory=set)
    runs: set[str] = msgspec.field(default_factory=set)
    keys: set[str] = msgspec.field(default_factory=set)
    blobs: int = 0
    damaged: list[_Damaged] = msgspec.field(default_factory=list)
    noted: set[str] = msgspec.field(default_factory=set)
    """Blobs among ``damaged``."""

    def look(self, blob: Callable[[], object]) -> None:
        """Looks at one more blob; what is wrong with it is noted."""
        self.blobs += 1
        try:
            blob()
        except Alarm as alarm:
            self.note(alarm)

    def note(self, alarm: Alarm) -> None:
        """Note what is wrong with a blob, once: a manifest is looked at as a snapshot's and as a parent's."""
        if alarm.blob not in self.noted:
            self.noted.add(alarm.blob)
            self.damaged.append(_Damaged(alarm.blob, alarm.resource, alarm.code.value))


def verify_step(work: Work) -> bool:
    """Verifies what the job names. Damage fails the job with ``BLOB_DAMAGED`` and is listed, blob by blob, in its detail.

    With the key, a step that has run for its time gives itself back and goes on behind the last run that it looked at.
    """
    job = work.catalog.jobs.get(work.claim.job_id)
    shallow = bool((job.detail or {}).get("shallow"))
    snapshots = [work.catalog.snapshots.get(job.snapshot)] if job.snapshot else work.catalog.snapshots.all()
    found = _Found() if shallow else _resumed(work)
    tired_at = time.monotonic() + work.context.limits.step_seconds
    for snapshot in snapshots:
        if snapshot.snapshot_id in found.snapshots:
            continue
        _keys(work, snapshot, found)
        for _ in (_shallow if shallow else _deep)(work, snapshot, found):
            if not shallow and time.monotonic() >= tired_at:
                _leave(work, found)
                raise StepTired
        found.snapshots.add(snapshot.snapshot_id)
    return _end(work, found)


def _end(work: Work, found: _Found) -> bool:
    listing = Listing(work.context.store, work.claim.tenant_id)
    for alarm in unaccounted(work, listing, found.keys):
        found.note(alarm)
    damaged = msgspec.to_builtins(found.damaged)
    detail = {
        "snapshots": len(found.snapshots),
        "blobs": found.blobs,
        "damaged": damaged,
        "strays": listing.report(),
    }
    if not damaged:
        return work.catalog.claims.finish(work.claim, state=JobState.SUCCEEDED, detail=detail)
    message = (
        f"Missing, damaged or unknown blobs: {len(damaged):,}; 'entrakeep jobs show {work.claim.job_id}' names them. A full "
        "backup ('entrakeep backup NAME --full') needs none of them."
    )
    work.catalog.claims.fail(work.claim, Code.BLOB_DAMAGED, message, detail=detail)
    return False


def _keys(work: Work, snapshot: Snapshot, found: _Found) -> None:
    """The key objects of the data keys that the snapshot needs. Needs no key."""
    jobs = {run.job_id for run in work.catalog.snapshots.runs(snapshot.snapshot_id)}
    for key in work.catalog.keys.all():
        needed = key.job_id in jobs or key.data_key_id == snapshot.data_key_id
        if needed and key.data_key_id not in found.keys:
            work.hold.check()
            found.keys.add(key.data_key_id)
            found.look(lambda key=key: _key_object(work, key))  # type: ignore[misc]


def _key_object(work: Work, key: WrappedKey) -> None:
    """A change of the tenant's KMS key may have put a newer generation in its place meanwhile."""
    try:
        check_key_object(work.context.store, work.claim.tenant_id, key)
    except Alarm:
        newest = work.catalog.keys.get(key.data_key_id)
        if newest == key:
            raise
        check_key_object(work.context.store, work.claim.tenant_id, newest)


def _deep(work: Work, snapshot: Snapshot, found: _Found) -> Iterator[None]:
    """Opens manifest and chunks; stops after each run."""
    found.blobs += 1
    try:
        manifest = open_manifest(work.context, work.custody, work.claim.tenant_id, snapshot)
    except Alarm as alarm:
        found.note(alarm)
        return
    try:
        _parent(work, manifest)
    except Alarm as alarm:
        found.note(alarm)
    for run in (run for state in manifest.streams for run in state.runs if run.run_id not in found.runs):
        for chunk in run.chunks:
            # Each is judged by itself, as a run of one chunk.
            piece = msgspec.structs.replace(run, lines=chunk.lines, chunks=[chunk])
            found.look(lambda piece=piece: _open(work, piece))  # type: ignore[misc]
        found.runs.add(run.run_id)
        yield


def _parent(work: Work, manifest: Manifest) -> None:
    """Raise Alarm if the manifest's parent is missing, or not the one that it builds on, unless retention let it go."""
    if manifest.parent is None or manifest.parent_sha256 is None:
        return
    blob = manifest_blob(work.claim.tenant_id, manifest.parent)
    work.hold.check()
    try:
        check_hash(work.context.store, blob, manifest.parent_sha256)
    except Alarm:
        newest = open_manifest(work.context, work.custody, manifest.tenant_id, work.catalog.snapshots.get("latest"))
        if manifest.parent not in known_let_go(work.catalog, [newest]):
            raise


def _open(work: Work, run: Run) -> None:
    for _ in read_run(work.context.store, work.custody.find, work.claim.tenant_id, run, work.check):
        pass


def _shallow(work: Work, snapshot: Snapshot, found: _Found) -> Iterator[None]:
    """Names and hashes as SQL knows them: needs no key."""
    tenant = work.claim.tenant_id
    manifest = manifest_blob(tenant, snapshot.snapshot_id)
    found.look(lambda: _hash(work, manifest, snapshot.manifest_sha256, None))
    for run in work.catalog.snapshots.runs(snapshot.snapshot_id):
        if run.run_id in found.runs:
            continue
        for name in run.blobs:
            blob = chunk_blob(tenant, run.job_id, name)
            found.look(lambda blob=blob, name=name, run=run: _hash(work, blob, name, run.stream))  # type: ignore[misc]
        found.runs.add(run.run_id)
        yield


def _hash(work: Work, blob: str, sha256: str, stream: str | None) -> None:
    work.hold.check()
    check_hash(work.context.store, blob, sha256, stream)


def _leave(work: Work, found: _Found) -> None:
    """A checkpoint of what was looked at. It names what belongs to whom, so it is sealed as others are."""
    tenant = work.claim.tenant_id
    text = msgspec.json.encode(found)
    sealed = seal_row(work.custody.secrets(), tenant, Kind.CHECKPOINT, str(uuid.uuid4()), text)
    checkpoint = Checkpoint(phase=work.claim.phase, stream=work.claim.name, sealed=sealed, run=None)
    work.catalog.claims.checkpoint(work.claim, checkpoint, [])


def _resumed(work: Work) -> _Found:
    checkpoints = work.catalog.claims.checkpoints(work.claim)
    if not checkpoints:
        return _Found()
    tenant = work.claim.tenant_id
    text = open_row(work.custody.find, tenant, Kind.CHECKPOINT, checkpoints[-1].sealed)
    return msgspec.json.decode(text, type=_Found)
