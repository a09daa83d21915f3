"""The commit: one manifest, then one row, and the snapshot is there."""

import uuid

from shared.domain.errors import Alarm, Answer, Code, Refuse
from shared.domain.model import JobState, ResourceReport, Snapshot
from shared.domain.resources import STREAMS
from shared.engine.backup.harvest import Harvest, harvests
from shared.engine.backup.trail import run_ref
from shared.engine.chain import to_name
from shared.engine.opening import parent_manifest, snapshot_of
from shared.engine.reading import count_records
from shared.engine.work import Work
from shared.vault.format import Manifest, Run, StreamState
from shared.vault.keyring import check_key_object
from shared.vault.manifests import store_manifest
from shared.vault.merge import Lists
from shared.vault.names import chunk_blob, chunks_prefix, last
from shared.vault.reader import read_chunks
from shared.vault.touched import ReadRun, count, recount, total


def commit_step(work: Work) -> bool:
    """Makes the snapshot of what the job's steps have read. Never opens another phase.

    Raises Refuse ``GRAPH_FORBIDDEN`` if Graph refused every resource, ``GRAPH_UNREACHABLE`` if none could be read, and
    what ``perform`` gives its fate.
    """
    parent = parent_manifest(work)
    states = _states(work, harvests(work, parent))
    _refuse_nothing({state.answer for state in states})
    manifest = _manifest(work, parent, states)
    key = work.custody.of_job(work.claim.job_id)
    _check_stored(work, states, key.id)
    work.check()
    work.catalog.claims.note_attempt(work.claim, manifest.snapshot_id)
    work.context.at("manifest-noted")
    sha256 = store_manifest(work.context.store, key, manifest)
    work.context.at("manifest-stored")
    snapshot = snapshot_of(manifest, sha256, key.id)
    runs = [run_ref(run) for state in manifest.streams for run in state.runs]
    work.check()
    work.catalog.claims.commit(work.claim, snapshot, runs, *_ending(snapshot))
    work.context.at("committed")
    return False


def _refuse_nothing(answers: set[Answer]) -> None:
    """A snapshot of nothing new would look like a backup."""
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


def _states(work: Work, found: list[Harvest]) -> list[StreamState]:
    """What the manifest says of each stream. Owners come before what belongs to them, to be counted with it."""
    states: dict[str, StreamState] = {}
    for harvest in sorted(found, key=lambda harvest: harvest.stream.children is not None):
        children = harvest.stream.children
        states[harvest.stream.name] = _state(work, harvest, states.get(children.owner) if children else None)
    return [states[harvest.stream.name] for harvest in found]


def _state(work: Work, harvest: Harvest, owner: StreamState | None) -> StreamState:
    """What the manifest says of a stream. One that was not read whole keeps the parent's runs and cursor, as stale."""
    stream, before, step = harvest.stream, harvest.before, harvest.step
    if not harvest.whole:
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
            records=_kept_records(work, harvest, owner),
            again=before.again if before else [],
            refused=before.refused if before else [],
        )
    first, last, refused = harvest.bodies[0], harvest.bodies[-1], harvest.refused
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
        runs=harvest.runs,
        records=_records(work, harvest, owner),
        again=harvest.again,
        refused=refused,
    )


def _kept_records(work: Work, harvest: Harvest, owner: StreamState | None) -> dict[str, int | None]:
    """Return the records per resource of a stream that keeps the parent's runs; None where it was never read.

    What belongs to objects of another stream is counted anew, because these may be others by now.
    """
    before = harvest.before
    if before is None:
        return dict.fromkeys(harvest.stream.resources)
    if owner is None:
        return before.records
    return {
        name: count_records(_reader(work), name, before.runs, owner) if records is not None else None
        for name, records in before.records.items()
    }


def _records(work: Work, harvest: Harvest, owner: StreamState | None) -> dict[str, int | None]:
    """Records per resource: as runs have counted them, less what came again, or by what has changed, or by reading all."""
    read = _reader(work)
    resources, runs, before = harvest.stream.resources, harvest.runs, harvest.before
    if owner is not None:
        return {name: count_records(read, name, runs, owner) for name in resources}
    known = {name: records for name, records in before.records.items() if records is not None} if before else {}
    if len(runs) > 1 and harvest.older and len(known) == len(resources):
        counts = recount(known, harvest.older, harvest.newer, read)
    elif len(runs) > 1 and not harvest.older and (told := harvest.told) is not None:
        counts = recount(total(told, read), runs[: len(told)], runs[len(told) :], read)
    else:
        counts = count(runs, read)
    return {name: counts[name] for name in resources}


def _reader(work: Work) -> ReadRun:
    def read(run: Run) -> Lists:
        return read_chunks(work.context.store, work.custody.find, work.claim.tenant_id, run, work.check)

    return read


def _check_stored(work: Work, states: list[StreamState], data_key_id: str) -> None:
    """Raises Alarm ``BLOB_MISSING`` if a chunk of this job, or its key object, does not lie where the manifest will say.

    Where SQL was put back from an older dump, a job goes on that had ended, and of which the sweep has left nothing.
    """
    tenant, job_id, store = work.claim.tenant_id, work.claim.job_id, work.context.store
    stored = {last(name) for name in store.names(chunks_prefix(tenant, job_id))}
    for run in (run for state in states for run in state.runs if run.job_id == job_id):
        missing = next((chunk.name for chunk in run.chunks if chunk.name not in stored), None)
        if missing is not None:
            store.check(afresh=True)  # a bucket that was emptied, or a disk that is away, lost no chunk
            blob = chunk_blob(tenant, job_id, missing)
            raise Alarm(Code.BLOB_MISSING, f"The chunk {blob} is missing from the store. Ask for a backup again.", blob)
    check_key_object(store, tenant, work.catalog.keys.get(data_key_id))


def _manifest(work: Work, parent: Manifest | None, states: list[StreamState]) -> Manifest:
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
    """Return a resource's line of the completeness report. Refused objects are those of the stream's own resource."""
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
