"""The commit: store one manifest, then one row; from then on the snapshot exists."""

import uuid

from shared.domain.errors import Alarm, Answer, Code, Refuse
from shared.domain.jobs import JobState
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.resources import STREAMS
from shared.engine.backup.stream_results import StreamResult, stream_results
from shared.engine.snapshots.chain import to_name
from shared.engine.snapshots.manifests import parent_manifest, snapshot_of
from shared.engine.snapshots.reading import count_records
from shared.engine.steps.checkpoints import run_ref
from shared.engine.steps.work import Work
from shared.ports.observer import Point
from shared.vault.format import Manifest, Run, StreamState
from shared.vault.keyring import check_key_object
from shared.vault.manifests import store_manifest
from shared.vault.merge import Lists
from shared.vault.names import chunk_blob, chunks_prefix, last
from shared.vault.reader import read_chunks
from shared.vault.touched import ReadRun, count, recount, total


def commit_step(work: Work) -> bool:
    """Create the snapshot from what the job's steps have read. Return False, because no phase follows.

    Raises Refuse ``GRAPH_FORBIDDEN`` if Graph refused every resource, ``GRAPH_UNREACHABLE`` if none could be read, and
    the errors for which ``run_step`` stores the step's state.
    """
    parent = parent_manifest(work)
    states = _states(work, stream_results(work, parent))
    _refuse_empty({state.answer for state in states})
    manifest = _manifest(work, parent, states)
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
    if answers == {Answer.FORBIDDEN}:
        raise Refuse(
            Code.GRAPH_FORBIDDEN,
            "Graph refused every resource: the application has none of the permissions that 'entrakeep resources' names.",
        )
    if answers <= {Answer.FORBIDDEN, Answer.FAILED}:
        raise Refuse(
            Code.GRAPH_UNREACHABLE,
            "Nothing could be read from Graph; 'entrakeep jobs show' names the requests. Ask for a backup again later.",
        )


def _states(work: Work, results: list[StreamResult]) -> list[StreamState]:
    """Return the manifest's state of each stream.

    Owners are computed before the streams of their children, because children are counted with their owners.
    """
    states: dict[str, StreamState] = {}
    for result in sorted(results, key=lambda each: each.stream.children is not None):
        children = result.stream.children
        states[result.stream.name] = _state(work, result, states.get(children.owner) if children else None)
    return [states[result.stream.name] for result in results]


def _state(work: Work, result: StreamResult, owner: StreamState | None) -> StreamState:
    """Return the manifest's state of a stream.

    A stream that was not read whole keeps the parent's runs and cursor and is marked as stale.
    """
    stream, before, step = result.stream, result.previous, result.step
    if not result.whole:
        return StreamState(
            stream=stream.name,
            selection=before.selection if before else stream.selection,
            cursor=before.cursor if before else None,
            cursor_issued=before.cursor_issued if before else None,
            begun=before.begun if before else None,
            ended=before.ended if before else None,
            answer=step.answer or Answer.FAILED,
            request_id=step.request_id,
            stale=before is not None and before.begun is not None,
            runs=before.runs if before else [],
            records=_kept_records(work, result, owner),
            again=before.again if before else [],
            refused=before.refused if before else [],
        )
    first, last, refused = result.bodies[0], result.bodies[-1], result.refused
    return StreamState(
        stream=stream.name,
        selection=last.selection,
        cursor=last.cursor,
        cursor_issued=last.cursor_issued if last.cursor else None,
        begun=first.begun,
        ended=work.context.clock.now(),
        answer=Answer.PARTIAL if refused else Answer.WHOLE,
        request_id=refused[0].request_id if refused else None,
        stale=False,
        runs=result.runs,
        records=_records(work, result, owner),
        again=result.to_refetch,
        refused=refused,
    )


def _kept_records(work: Work, result: StreamResult, owner: StreamState | None) -> dict[str, int | None]:
    """Return the records per resource of a stream that keeps the parent's runs, or None where it was never read.

    Children of another stream's objects are counted again, because that stream may have other objects by now.
    """
    before = result.previous
    if before is None:
        return dict.fromkeys(result.stream.resources)
    if owner is None:
        return before.records
    return {
        name: count_records(_reader(work), name, before.runs, owner) if records is not None else None
        for name, records in before.records.items()
    }


def _records(work: Work, result: StreamResult, owner: StreamState | None) -> dict[str, int | None]:
    """Return the number of records per resource, by the cheapest of three ways.

    A stream on top of the parent's runs is counted by its changes. A stream that was read from the beginning adds up the
    counts of its runs, less repeated objects. Otherwise all runs are read.
    """
    read = _reader(work)
    resources, runs, before = result.stream.resources, result.runs, result.previous
    if owner is not None:
        return {name: count_records(read, name, runs, owner) for name in resources}
    known = {name: records for name, records in before.records.items() if records is not None} if before else {}
    if len(runs) > 1 and result.parent_runs and len(known) == len(resources):
        counts = recount(known, result.parent_runs, result.own_runs, read)
    elif len(runs) > 1 and not result.parent_runs and (first_round := result.repeated_by_run) is not None:
        counts = recount(total(first_round, read), runs[: len(first_round)], runs[len(first_round) :], read)
    else:
        counts = count(runs, read)
    return {name: counts[name] for name in resources}


def _reader(work: Work) -> ReadRun:
    """Return a function that reads and decrypts one run of this tenant."""

    def read(run: Run) -> Lists:
        return read_chunks(work.context.store, work.keys.find, work.claim.tenant_id, run, work.check)

    return read


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
            raise Alarm(Code.BLOB_MISSING, f"The chunk {blob} is missing from the store. Ask for a backup again.", blob)
    check_key_object(store, tenant, work.catalog.keys.get(data_key_id))


def _manifest(work: Work, parent: Manifest | None, states: list[StreamState]) -> Manifest:
    """Return the manifest of a new snapshot on top of ``parent``."""
    reports = [_report(name, state) for state in states for name in STREAMS[state.stream].resources]
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


def _report(name: str, state: StreamState) -> ResourceReport:
    """Return a resource's line of the completeness report.

    Refused objects belong to the stream's own resource, so its other resources are reported as whole.
    """
    spared = state.answer is Answer.PARTIAL and name != STREAMS[state.stream].resource
    return ResourceReport(
        resource=name,
        answer=Answer.WHOLE if spared else state.answer,
        records=state.records.get(name),
        stale=state.stale,
        request_id=None if spared else state.request_id,
        refused=0 if spared or state.stale else len(state.refused),
    )


def _ending(snapshot: Snapshot) -> tuple[JobState, str | None]:
    """Return the job's final state, and a warning that names the incomplete resources, or None if all are complete."""
    if snapshot.complete:
        return JobState.SUCCEEDED, None
    lacking = sorted(
        f"{report.resource} ({report.counted_refusals})" if report.refused else report.resource
        for report in snapshot.resources
        if report.lacking
    )
    return (
        JobState.SUCCEEDED_WITH_WARNINGS,
        f"Graph did not show all of: {', '.join(lacking)}. 'entrakeep snapshots NAME' says why.",
    )
