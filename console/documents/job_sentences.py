"""One sentence for a job: what it does now, or how it ended."""

from collections.abc import Sequence

from console.documents.changes import total_changes
from console.documents.times import moment, to_second
from console.documents.words import counted, duration
from shared.domain.errors import Answer
from shared.domain.jobs import (
    Details,
    GraphVerifyResult,
    Job,
    JobKind,
    JobState,
    KeyChangeProgress,
    KeyChecks,
    Phase,
    PlanProgress,
    RecordsShown,
    RestoreProgress,
    Step,
    StepState,
    SweepResult,
    TenantChecks,
    VerifyResult,
)
from shared.domain.model import Snapshot


def sentence_of(job: Job, steps: Sequence[Step], made: Snapshot | None = None) -> str:
    """Return what a job does now, or how it ended. ``made`` is the snapshot that it made."""
    if not job.state.ended:
        return _going_on(job, steps)
    took = duration(job.finished_at - job.started_at) if job.finished_at and job.started_at else None
    if job.state in (JobState.CANCELLED, JobState.FAILED):
        return f"{job.state.capitalize()} {f'after {took}' if took else 'before it began'}."
    return f"{result_of(job, made)}{f', in {took}' if took else ''}."


def step_sentence(job: Job, steps: Sequence[Step]) -> str:
    """Return what the steps of a running job do now, without a stop. Empty if nothing is known of it."""
    if job.kind is JobKind.BACKUP:
        return _backing_up(steps) if steps else ""
    detail = job.detail
    if isinstance(detail, PlanProgress):
        return _restoring(detail, steps)
    if isinstance(detail, KeyChangeProgress):
        moved = f"{detail.moved:,} of {counted(detail.moved + detail.to_move, 'data key')}"
        return f"moving data keys: {moved} moved" if detail.moved + detail.to_move else "checking the key"
    if isinstance(detail, KeyChecks):
        return f"checking the key: {counted(len(detail.checks), 'check')} made"
    return ""


def _going_on(job: Job, steps: Sequence[Step]) -> str:
    """Return the sentence for a job that has not ended."""
    if job.state is JobState.QUEUED:
        return "Waits for a worker." if steps else "Waits for its turn."
    words = step_sentence(job, steps) or f"the {job.kind} runs"
    return f"{words[0].upper()}{words[1:]}."


def _backing_up(steps: Sequence[Step]) -> str:
    """Return what a backup does now."""
    phase = min((step.phase for step in steps if step.state is not StepState.DONE), default=Phase.COMMIT)
    own = [step for step in steps if step.phase == phase]
    done = f"{sum(step.state is StepState.DONE for step in own)} of {counted(len(own), 'stream')} done"
    if phase == Phase.READ:
        records = sum(progress.records for step in own for progress in step.progress)
        return f"reading the directory: {done}, {counted(records, 'record')} so far"
    if phase == Phase.SECOND_ROUND:
        return f"reading what changed meanwhile: {done}"
    return "merging small runs" if phase == Phase.COMPACT else "storing the snapshot"


def _restoring(detail: PlanProgress, steps: Sequence[Step]) -> str:
    """Return what a plan or restore does now."""
    began = [step.name for step in steps if step.began_at is not None]
    now = began[-1] if began else ""
    if now == "write" and isinstance(detail, RestoreProgress):
        ended = detail.done + detail.partly + detail.failed
        return f"writing: {ended:,} of {counted(detail.operations, 'operation')}"
    if now == "prove" and isinstance(detail, RestoreProgress):
        return _comparing(detail)
    if detail.backup is not None:
        return f"backing up the directory (job {detail.backup}), then planning"
    return ""


def _comparing(detail: RestoreProgress) -> str:
    """Return what the comparison after a restore does, or what it waits for."""
    if detail.look_at is None or detail.backup is not None:
        return "comparing the directory with the snapshot"
    waits = counted(detail.not_shown, "operation")
    return f"waiting until Graph shows the result of {waits}; next look at {to_second(moment(detail.look_at))}"


def result_of(job: Job, made: Snapshot | None = None) -> str:
    """Return what a job that succeeded did, without a stop."""
    if job.kind is JobKind.BACKUP:
        return "Succeeded" if made is None else _backed_up(made)
    return _counted_result(job.detail)


def _backed_up(made: Snapshot) -> str:
    """Return what a backup found."""
    lacking = sum(report.lacking for report in made.resources)
    changes = total_changes(made)
    words = {"none": "nothing changed", "unknown": f"{counted(made.objects, 'object')} stored"}.get(changes, changes)
    if made.parent is None:
        words = f"{counted(made.objects, 'object')} and {counted(made.links, 'link')} in the first snapshot"
    lacks = f"; {counted(lacking, 'resource')} not read whole" if lacking else ""
    return f"{words[0].upper()}{words[1:]}{lacks}"


def _counted_result(detail: Details | None) -> str:
    """Return the counts of a job that succeeded."""
    if isinstance(detail, VerifyResult):
        damaged = f"{counted(len(detail.damaged), 'blob')} damaged" if detail.damaged else "all intact"
        return f"Verified {counted(detail.blobs, 'blob')} in {counted(detail.snapshots, 'snapshot')}: {damaged}"
    if isinstance(detail, GraphVerifyResult):
        return f"Compared {counted(len(detail.untold), 'resource')} with Graph: {counted(detail.differing, 'record')} differ"
    if isinstance(detail, RestoreProgress):
        others = {"done in part": detail.partly, "failed": detail.failed, "not shown": detail.not_shown}
        rest = "".join(f", {number:,} {word}" for word, number in others.items() if number)
        return f"Restored: {counted(detail.done, 'operation')} done{rest}"
    if isinstance(detail, PlanProgress):
        return f"Planned {counted(detail.operations, 'operation')}; {detail.impossible:,} cannot be restored"
    if isinstance(detail, KeyChangeProgress):
        return f"Moved {counted(detail.moved, 'data key')}"
    if isinstance(detail, KeyChecks):
        return f"The key passed {counted(len(detail.checks), 'check')}"
    if isinstance(detail, TenantChecks):
        refused = sum(each.answer == Answer.FORBIDDEN for each in [*detail.reading, *(detail.writing or [])])
        words = f"{counted(refused, 'permission')} missing" if refused else "no permission is missing"
        return f"Checked {counted(len(detail.reading), 'resource')}: {words}"
    if isinstance(detail, SweepResult):
        return f"Removed {counted(detail.removed, 'blob')}"
    if isinstance(detail, RecordsShown):
        return f"Showed {counted(detail.records, 'record')}"
    return "Succeeded"
