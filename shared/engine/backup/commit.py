"""The commit: store one manifest, then one row; from then on the snapshot exists."""

import uuid
from collections.abc import Mapping

from shared.domain.errors import Alarm, Answer, Code, Refuse
from shared.domain.jobs import JobState
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.restore.id_map import ID_MAP
from shared.engine.backup.changes import known_changes
from shared.engine.backup.id_map import id_map_states
from shared.engine.backup.stream_results import stream_results
from shared.engine.backup.stream_states import counted_states, stream_states, switched_off_states, unknown_states
from shared.engine.snapshots.chain import to_name
from shared.engine.snapshots.manifests import parent_manifest, snapshot_of
from shared.engine.steps.checkpoints import run_ref
from shared.engine.steps.work import Work
from shared.ports.observer import Point
from shared.vault.format import Manifest, StreamState
from shared.vault.keyring import check_key_object
from shared.vault.manifests import store_manifest
from shared.vault.names import chunk_blob, chunks_prefix, last
from shared.vault.touched import Changes


def commit_step(work: Work) -> bool:
    """Create the snapshot from what the job's steps have read. Return False, because no phase follows.

    Raises Refuse ``GRAPH_FORBIDDEN`` if Graph refused every resource, ``GRAPH_UNREACHABLE`` if none could be read, and
    the errors for which ``run_step`` stores the step's state.
    """
    parent = parent_manifest(work)
    results = stream_results(work, parent)
    states = stream_states(work, results)
    _refuse_empty({state.answer for state in states})
    states = [*states, *switched_off_states(work, parent, results)]
    unknown = [state for state in unknown_states(parent, states) if state.stream != ID_MAP]
    states, recounted = counted_states(work, results, [*states, *unknown, *id_map_states(work, parent)])
    changes = known_changes(work, parent, states, recounted)
    manifest = _manifest(work, parent, states, {state.stream for state in unknown}, changes)
    key = work.keys.job_key(work.claim.job_id)
    _check_stored(work, states, key.id)
    work.check()
    work.catalog.claims.note_attempt(work.claim, manifest.snapshot_id)
    work.context.observer.reach(Point.MANIFEST_NOTED)
    sha256 = store_manifest(work.context.store, key, manifest)
    work.context.observer.reach(Point.MANIFEST_STORED)
    snapshot = snapshot_of(manifest, sha256, key.id)
    runs = [run_ref(run) for state in manifest.streams for run in state.runs]
    work.check()
    work.catalog.claims.commit(work.claim, snapshot, runs, *_ending(snapshot))
    work.context.observer.reach(Point.COMMITTED)
    return False


def _refuse_empty(answers: set[Answer]) -> None:
    """Raise Refuse if no stream was read: a snapshot without new data would look like a backup."""
    answers -= {Answer.NOT_FOR_APPLICATIONS}
    if answers == {Answer.FORBIDDEN}:
        raise Refuse(
            Code.GRAPH_FORBIDDEN,
            "Graph refused every resource: the application has none of the permissions that 'entrakeep resources' names.",
        )
    if answers <= {Answer.FORBIDDEN, Answer.FAILED}:
        raise Refuse(
            Code.GRAPH_UNREACHABLE,
            "Nothing could be read from Graph; 'entrakeep jobs show' names the requests. Request a backup again later.",
        )


def _check_stored(work: Work, states: list[StreamState], data_key_id: str) -> None:
    """Raise Alarm ``BLOB_MISSING`` if a chunk of this job, or its key object, is not stored under the manifest's name.

    If SQL was restored from an older dump, a job continues that had already ended and whose blobs the sweep has deleted.
    """
    tenant, job_id, store = work.claim.tenant_id, work.claim.job_id, work.context.store
    stored = {last(name) for name in store.names(chunks_prefix(tenant, job_id))}
    for run in (run for state in states for run in state.runs if run.job_id == job_id):
        missing = next((chunk.name for chunk in run.chunks if chunk.name not in stored), None)
        if missing is not None:
            store.check(afresh=True)  # first report an emptied bucket or an unmounted disk: they are no lost chunk
            blob = chunk_blob(tenant, job_id, missing)
            raise Alarm(Code.BLOB_MISSING, f"The chunk {blob} is missing from the store. Request a backup again.", blob)
    check_key_object(store, tenant, work.catalog.keys.get(data_key_id))


def _manifest(
    work: Work,
    parent: Manifest | None,
    states: list[StreamState],
    unknown: set[str],
    changes: Mapping[str, Changes],
) -> Manifest:
    """Return the manifest of a new snapshot on top of ``parent``.

    ``unknown`` are streams that the job does not know. ``changes`` are the changes since the parent, by resource.
    """
    reports = [
        _report(listed.resource, state, changes.get(listed.resource), unknown=state.stream in unknown)
        for state in states
        for listed in state.listed
    ]
    row = work.catalog.snapshots.get(parent.snapshot_id) if parent is not None else None
    return Manifest(
        snapshot_id=str(uuid.uuid4()),
        tenant_id=work.claim.tenant_id,
        job_id=work.claim.job_id,
        parent=parent.snapshot_id if parent else None,
        parent_sha256=row.manifest_sha256 if row else None,
        created_at=work.context.clock.now(),
        streams=states,
        resources=reports,
        tenant=work.catalog.tenant(),
        let_go=to_name(work.catalog, parent),
    )


def _report(name: str, state: StreamState, changes: Changes | None, *, unknown: bool) -> ResourceReport:
    """Return a resource's line of the completeness report.

    Refused objects belong to the stream's own resource, so its other resources are reported as whole.
    """
    spared = state.answer is Answer.PARTIAL and name != state.listed[0].resource
    return ResourceReport(
        resource=name,
        answer=Answer.WHOLE if spared else state.answer,
        records=state.records[name],
        stale=state.stale,
        request_id=None if spared else state.request_id,
        refused=0 if spared or state.stale else len(state.refused),
        unknown=unknown,
        **(changes._asdict() if changes is not None else {}),
    )


def _ending(snapshot: Snapshot) -> tuple[JobState, str | None]:
    """Return the job's final state, and a warning that names the incomplete resources, or None if all are complete."""
    if snapshot.complete:
        return JobState.SUCCEEDED, None
    lacking = sorted(
        f"{report.resource} ({reason})" if reason else report.resource
        for report in snapshot.resources
        if report.lacking
        for reason in ["unknown to this version" if report.unknown else report.counted_refusals]
    )
    return (
        JobState.SUCCEEDED_WITH_WARNINGS,
        f"Graph did not show all of: {', '.join(lacking)}. 'entrakeep snapshots NAME' says why.",
    )
