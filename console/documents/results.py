"""Documents of jobs with their progress and results."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from console.documents.changes import ChangesDocument
from console.documents.job_sentences import sentence_of
from console.documents.jobs import JobDocument, job_fields
from console.documents.key_jobs import CheckDocument, UnmovedBlob, key_job_of
from console.documents.steps import PhaseDocument, StepDocument, phase_documents, step_documents
from console.documents.times import Moment, moment
from console.documents.verifications import DamagedBlob, damaged_of, strays_of
from shared.domain.errors import Answer, Code
from shared.domain.jobs import Details, Job, JobKind, Origin, Phase, PlanProgress, RestoreProgress, Step
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.resources import RESOURCES

ResourceState = Literal["queued", "reading", "done", "stopped", "not_started"]


class ResourceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A backup's progress with one resource."""

    resource: str
    """The resource's name."""
    state: ResourceState
    """The progress. ``stopped`` and ``not_started``: the job ended before the resource was read completely."""
    records: int
    """Number of records that were read."""
    changed: int
    """Number of lines that were written for added, changed or removed records."""
    answer: Answer | None
    """Graph's answer, null until the resource is read."""
    changes: ChangesDocument | None
    """What differs from the parent snapshot. Null if it is not known, and until the job has made its snapshot."""


class JobWithResults(JobDocument, frozen=True, kw_only=True):
    """A job with its progress and results. Fields that belong to another kind of job are absent."""

    resources: list[ResourceDocument]
    """A backup's progress with each resource; empty for other kinds."""
    damaged: list[DamagedBlob] | UnsetType = UNSET
    """A verify: the blobs that are damaged, missing or unknown. Absent until the job has ended."""
    strays: list[str] | UnsetType = UNSET
    """A verify or sweep: names in the store that are not Entrakeep's and were skipped. Absent if there are none."""
    arn: str | UnsetType = UNSET
    """A key check or key change: the KMS key to change to."""
    checks: list[CheckDocument] | UnsetType = UNSET
    """A key check: the checks made so far, in order."""
    before: str | UnsetType | None = UNSET
    """A key change: the ARN of the previous key."""
    moved: int | UnsetType = UNSET
    """A key change: number of data keys that were moved."""
    to_move: int | UnsetType = UNSET
    """A key change: number of data keys still to move."""
    snapshots: list[str] | UnsetType = UNSET
    """A key change: ids of snapshots that need a data key which could not be moved."""
    plan: str | UnsetType | None = UNSET
    """A plan or restore: the id of the plan, null until it is made."""
    operations: int | UnsetType = UNSET
    """A plan or restore: number of operations of the plan."""
    impossible: int | UnsetType = UNSET
    """A plan or restore: number of differences that the plan does not restore."""
    reason: str | UnsetType | None = UNSET
    """A plan or restore: what the person who requested it gave as reason."""
    undo: str | UnsetType | None = UNSET
    """A plan or restore: the restore that it undoes."""
    backup: str | UnsetType | None = UNSET
    """A plan or restore: the backup job that it waits for, or whose snapshot it has used last."""
    undo_point: str | UnsetType | None = UNSET
    """A restore: the snapshot of the directory before it, to which ``restore --undo`` goes back."""
    after: str | UnsetType | None = UNSET
    """A restore: the snapshot of the directory after it."""
    done: int | UnsetType = UNSET
    """A restore: number of operations that are done."""
    partly: int | UnsetType = UNSET
    """A restore: number of operations that were done without properties that Graph refused."""
    failed: int | UnsetType = UNSET
    """A restore: number of operations that failed, or that Graph accepted and did not apply."""
    not_shown: int | UnsetType = UNSET
    """A restore: number of operations whose result the directory did not show at the last comparison."""
    look_at: Moment | UnsetType | None = UNSET
    """A restore: when it compares again, because the directory does not show everything yet; null otherwise."""
    left: list[UnmovedBlob] | UnsetType = UNSET
    """A key change: key objects that could not be moved."""
    database: str | UnsetType | None = UNSET
    """A key change: what the database's own files may still hold of their wrappings, as a sentence."""


class HindranceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A problem that blocks jobs."""

    code: Code
    """The problem's code."""
    message: str
    """What is wrong, and what to do."""


class JobDetails(JobWithResults, frozen=True, kw_only=True):
    """A job with its progress and results, and with what blocks it."""

    hindrances: list[HindranceDocument]
    """Problems that block the job now; empty for a job that has ended."""
    origin: Origin
    """Whether a person requested the job (``hand``) or the scheduler created it (``schedule``)."""
    due_at: Moment | None
    """When a scheduled job was due."""
    summary: str
    """What the job does now, or how it ended, as a sentence."""
    phases: list[PhaseDocument]
    """Its phases in order, with their numbers of steps; empty until the job is planned."""
    steps: list[StepDocument]
    """Its steps by phase; empty until the job is planned."""


def job_with_results(job: Job, tenant: str, steps: Sequence[Step], made: Snapshot | None = None) -> JobWithResults:
    """Return the document of a job with its resources and results. ``made`` is the snapshot that it made."""
    return JobWithResults(**_result_fields(job, tenant, steps, made))


def job_details(
    job: Job,
    tenant: str,
    steps: Sequence[Step],
    hindrances: Sequence[tuple[Code, str]] = (),
    made: Snapshot | None = None,
) -> JobDetails:
    """Return the document of a job with its results and the problems that block it, each as code and sentence.

    ``made`` is the snapshot that it made.
    """
    blocking = [HindranceDocument(code=code, message=message) for code, message in hindrances]
    own_steps = step_documents(job, steps)
    return JobDetails(
        **_result_fields(job, tenant, steps, made),
        hindrances=blocking,
        origin=job.origin,
        due_at=moment(job.due_at),
        summary=sentence_of(job, steps, made),
        phases=phase_documents(own_steps),
        steps=own_steps,
    )


def resources_of(job: Job, steps: Sequence[Step], made: Snapshot | None = None) -> list[ResourceDocument]:
    """Return a backup's progress with each resource that it was planned to read; an empty list for other kinds of job.

    ``made`` is the backup's snapshot. A backup by another version may have read resources that this version does not know:
    the names of these come from the backup's steps.
    """
    if job.kind is not JobKind.BACKUP:
        return []
    streams = {name: row.stream for name, row in RESOURCES.items()}
    streams |= {progress.resource: step.name for step in steps for progress in step.progress}
    if steps:
        planned = {step.name for step in steps}
        streams = {name: stream for name, stream in streams.items() if stream in planned}
    changes = {report.resource: _changes(report) for report in (made.resources if made is not None else [])}
    return [_resource(name, stream, job, steps, changes.get(name)) for name, stream in streams.items()]


def _result_fields(job: Job, tenant: str, steps: Sequence[Step], made: Snapshot | None) -> dict[str, Any]:
    """Return the fields of a job with its progress and results."""
    damaged, key_job = damaged_of(job), key_job_of(job)
    return {
        **job_fields(job, tenant, steps),
        "resources": resources_of(job, steps, made),
        "damaged": UNSET if damaged is None else damaged,
        "strays": strays_of(job) or UNSET,
        **(msgspec.structs.asdict(key_job) if key_job else {}),
        **restore_fields(job.detail),
    }


def restore_fields(detail: Details | None) -> dict[str, Any]:
    """Return the fields of a plan or a restore; none for another kind of job."""
    if not isinstance(detail, PlanProgress):
        return {}
    names = ("plan", "operations", "impossible", "reason", "undo", "backup")
    fields = {name: getattr(detail, name) for name in names}
    if isinstance(detail, RestoreProgress):
        fields |= {name: getattr(detail, name) for name in ("after", "done", "partly", "failed", "not_shown")}
        fields |= {"undo_point": detail.before, "look_at": moment(detail.look_at)}
    return fields


def _changes(report: ResourceReport) -> ChangesDocument | None:
    """Return what differs from the parent in a resource, or None if that is not known."""
    if report.added is None or report.removed is None or report.changed is None:
        return None
    return ChangesDocument(added=report.added, removed=report.removed, changed=report.changed)


def _resource(
    name: str, stream: str, job: Job, steps: Sequence[Step], changes: ChangesDocument | None
) -> ResourceDocument:
    """Return a backup's progress with one resource."""
    own_steps = [step for step in steps if step.phase < Phase.COMMIT and step.name == stream]
    counted = [progress for step in own_steps for progress in step.progress if progress.resource == name]
    state: ResourceState
    if own_steps and all(step.answer is not None for step in own_steps):
        state = "done"
    elif any(step.began_at is not None for step in own_steps):
        state = "stopped" if job.state.ended else "reading"
    else:
        state = "not_started" if job.state.ended else "queued"
    return ResourceDocument(
        resource=name,
        state=state,
        records=sum(progress.records for progress in counted),
        changed=sum(progress.changed for progress in counted),
        answer=next((step.answer for step in own_steps if step.phase == Phase.READ), None),
        changes=changes,
    )
