"""Verify: open every blob of one snapshot or of all, and compare it with its manifest; or compare only its hash.

Key objects are compared with SQL: without them the bucket would not be enough for a restore. Parents are compared with the
hash that their children's sealed manifests have. Every other object under the tenant's prefix is accounted for.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from shared.domain.errors import Alarm, Code
from shared.domain.jobs import DamagedBlob, GraphVerifyRequest, JobState, VerifyRequest, VerifyResult
from shared.domain.model import Snapshot, WrappedKey
from shared.engine.snapshots.chain import check_hash, known_let_go
from shared.engine.steps.checkpoints import last_state, store_state
from shared.engine.steps.work import TimeSliceOver, Work
from shared.engine.upkeep.accounting import unaccounted
from shared.engine.upkeep.against_graph import verify_against_graph
from shared.vault.format import Manifest, Run
from shared.vault.keyring import check_key_object
from shared.vault.listing import Listing
from shared.vault.names import chunk_blob, manifest_blob


class _Progress(msgspec.Struct):
    """The verified blobs and the damage so far. A run shared by snapshots, and a key, is verified once."""

    snapshots: set[str] = msgspec.field(default_factory=set)
    """Ids of the snapshots that were verified whole."""
    runs: set[str] = msgspec.field(default_factory=set)
    """Ids of the runs that were verified."""
    keys: set[str] = msgspec.field(default_factory=set)
    """Ids of the data keys whose key objects were verified."""
    blobs: int = 0
    """Number of blobs verified."""
    damaged: list[DamagedBlob] = msgspec.field(default_factory=list)
    """Blobs that are missing, damaged or unknown."""
    noted: set[str] = msgspec.field(default_factory=set)
    """Names of the blobs in ``damaged``."""

    def verify(self, check: Callable[[], object]) -> None:
        """Count one more blob, and call ``check``. An Alarm that it raises is listed."""
        self.blobs += 1
        try:
            check()
        except Alarm as alarm:
            self.add_alarm(alarm)

    def add_alarm(self, alarm: Alarm) -> None:
        """List a damaged blob, unless it is listed: a manifest is verified for its own snapshot and again as a parent."""
        if alarm.blob not in self.noted:
            self.noted.add(alarm.blob)
            self.damaged.append(DamagedBlob(alarm.blob, alarm.resource, alarm.code.value))


def verify_step(work: Work) -> bool:
    """Verify the snapshots that the job names. Return whether the job goes on to a next step.

    Damage fails the job with ``BLOB_DAMAGED``, and its detail lists each blob. A verify that opens blobs stops when its time
    slice is over: it stores a checkpoint and raises TimeSliceOver. The next claim continues after the last verified run.
    """
    job = work.job
    if isinstance(job.detail, GraphVerifyRequest):
        return verify_against_graph(work)
    shallow = isinstance(job.detail, VerifyRequest) and job.detail.shallow
    snapshots = [work.catalog.snapshots.get(job.snapshot)] if job.snapshot else work.catalog.snapshots.all()
    keys = work.catalog.keys.all()  # once, because a tenant has many, and each snapshot needs few
    progress = (None if shallow else last_state(work, _Progress)) or _Progress()
    time_slice = work.time_slice()
    for snapshot in snapshots:
        if snapshot.snapshot_id in progress.snapshots:
            continue
        _verify_keys(work, snapshot, keys, progress)
        for _ in (_verify_hashes if shallow else _verify_contents)(work, snapshot, progress):
            if not shallow and time_slice.over:
                store_state(work, progress)
                raise TimeSliceOver
        progress.snapshots.add(snapshot.snapshot_id)
    return _end(work, progress, shallow=shallow)


def _end(work: Work, progress: _Progress, *, shallow: bool) -> bool:
    """Account for all other objects under the tenant's prefix, then end the job as succeeded or failed."""
    listing = Listing(work.context.store, work.claim.tenant_id)
    for alarm in unaccounted(work, listing, progress.keys):
        progress.add_alarm(alarm)
    damaged = progress.damaged
    detail = VerifyResult(
        snapshots=len(progress.snapshots),
        blobs=progress.blobs,
        damaged=damaged,
        strays=listing.report(),
        shallow=shallow,
    )
    if not damaged:
        return work.catalog.claims.finish(work.claim, state=JobState.SUCCEEDED, detail=detail)
    message = (
        f"Missing, damaged or unknown blobs: {len(damaged):,}; 'entrakeep jobs show {work.claim.job_id}' names them. A full "
        "backup ('entrakeep backup NAME --full') needs none of them."
    )
    work.catalog.claims.fail(work.claim, Code.BLOB_DAMAGED, message, detail=detail)
    return False


def _verify_keys(work: Work, snapshot: Snapshot, keys: Sequence[WrappedKey], progress: _Progress) -> None:
    """Verify the key objects of those data keys that the snapshot needs. Needs no key."""
    jobs = {run.job_id for run in work.catalog.snapshots.runs(snapshot.snapshot_id)}
    for key in keys:
        needed = key.job_id in jobs or key.data_key_id == snapshot.data_key_id
        if needed and key.data_key_id not in progress.keys:
            work.claim_keeper.check()
            progress.keys.add(key.data_key_id)
            progress.verify(lambda key=key: _check_key_object(work, key))  # type: ignore[misc]


def _check_key_object(work: Work, key: WrappedKey) -> None:
    """Raise Alarm if the key object is missing or differs from SQL.

    A concurrent change of the tenant's KMS key may have replaced it by a newer generation, which is then compared.
    """
    try:
        check_key_object(work.context.store, work.claim.tenant_id, key)
    except Alarm:
        newest = work.catalog.keys.get(key.data_key_id)
        if newest == key:
            raise
        check_key_object(work.context.store, work.claim.tenant_id, newest)


def _verify_contents(work: Work, snapshot: Snapshot, progress: _Progress) -> Iterator[None]:
    """Open the manifest and each chunk of its runs. Yield after each run."""
    progress.blobs += 1
    try:
        manifest = work.blobs.manifest(snapshot)
    except Alarm as alarm:
        progress.add_alarm(alarm)
        return
    try:
        _check_parent(work, manifest)
    except Alarm as alarm:
        progress.add_alarm(alarm)
    for run in (run for state in manifest.streams for run in state.runs if run.run_id not in progress.runs):
        for chunk in run.chunks:
            # Each chunk is read as a run of its own, so that one damaged chunk does not hide the next.
            one_chunk = msgspec.structs.replace(run, lines=chunk.lines, chunks=[chunk])
            progress.verify(lambda one_chunk=one_chunk: _open_run(work, one_chunk))  # type: ignore[misc]
        progress.runs.add(run.run_id)
        yield


def _check_parent(work: Work, manifest: Manifest) -> None:
    """Raise Alarm if the manifest's parent is missing or is not the one that it builds on.

    A parent that retention removed raises nothing.
    """
    if manifest.parent is None or manifest.parent_sha256 is None:
        return
    blob = manifest_blob(work.claim.tenant_id, manifest.parent)
    work.claim_keeper.check()
    try:
        check_hash(work.context.store, blob, manifest.parent_sha256)
    except Alarm:
        newest = work.blobs.manifest(work.catalog.snapshots.get("latest"))
        if manifest.parent not in known_let_go(work.catalog, [newest]):
            raise


def _open_run(work: Work, run: Run) -> None:
    """Read all lines of the run. Raise Alarm if a chunk is missing or damaged."""
    for _ in work.blobs.lists(run):
        pass


def _verify_hashes(work: Work, snapshot: Snapshot, progress: _Progress) -> Iterator[None]:
    """Compare the hashes of the manifest and of each chunk with SQL. Yield after each run. Needs no key."""
    tenant = work.claim.tenant_id
    manifest = manifest_blob(tenant, snapshot.snapshot_id)
    progress.verify(lambda: _check_hash(work, manifest, snapshot.manifest_sha256, None))
    for run in work.catalog.snapshots.runs(snapshot.snapshot_id):
        if run.run_id in progress.runs:
            continue
        for name in run.blobs:
            blob = chunk_blob(tenant, run.job_id, name)
            progress.verify(lambda blob=blob, name=name, run=run: _check_hash(work, blob, name, run.stream))  # type: ignore[misc]
        progress.runs.add(run.run_id)
        yield


def _check_hash(work: Work, blob: str, sha256: str, stream: str | None) -> None:
    """Raise Alarm if the blob is missing or its SHA-256 differs, and what ended the claim."""
    work.claim_keeper.check()
    check_hash(work.context.store, blob, sha256, stream)
