"""Insert jobs and steps, queue steps again, and end jobs."""

from typing import Any

from sqlalchemy import ColumnElement, RowMapping

from shared.adapters.catalog.audit import append_end
from shared.adapters.catalog.backup_events import note_end
from shared.adapters.catalog.job_log import log_end
from shared.adapters.catalog.job_rows import existing, job_of
from shared.adapters.catalog.schema import checkpoint_runs, checkpoints, jobs, pins, steps
from shared.adapters.catalog.snapshots import snapshot_row
from shared.adapters.catalog.tenancy import Changes, new_id
from shared.domain.errors import Code
from shared.domain.jobs import JOB_MOVES, Details, Job, JobKind, JobState, Origin, StepState, stored_details


def new_job(
    rows: Changes,
    kind: JobKind,
    *,
    origin: Origin,
    snapshot: str | None = None,
    detail: Details | None = None,
    **values: Any,
) -> Job:
    """Insert a queued job without steps, and pin the snapshot it names. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
    snapshot_id = None if snapshot is None else snapshot_row(rows, snapshot)["snapshot_id"]
    job_id = new_id()
    rows.insert(
        jobs,
        job_id=job_id,
        number=rows.number(jobs),
        kind=kind,
        state=JobState.QUEUED,
        asked=origin,
        created_at=rows.now,
        parent=snapshot_id,
        snapshot=snapshot_id,
        detail=stored_details(detail),
        open_steps=0,
        **{"here": False, "cancel": False, "full": False} | values,
    )
    if snapshot_id is not None:
        rows.insert(pins, job_id=job_id, snapshot_id=snapshot_id)
    return job_of(existing(rows.one(jobs, jobs.c.job_id == job_id), job_id))


def end_job(
    rows: Changes,
    job: RowMapping,
    state: JobState,
    code: Code | None = None,
    message: str | None = None,
    *,
    detail: Details | None = None,
    **values: Any,
) -> None:
    """End a job: finish its steps, remove its checkpoints and pins, append the audit event and log the end.

    Without ``detail`` the job keeps its details. If the audit trail is broken, a job without a code fails with
    ``AUDIT_BROKEN``. Raises ValueError if a job in this state cannot change to ``state``.
    """
    job_id = job["job_id"]
    if state not in JOB_MOVES[JobState(job["state"])]:
        raise ValueError(f"a {job['state']} job cannot become {state}")
    rows.update(
        jobs,
        jobs.c.job_id == job_id,
        state=state,
        code=code,
        message=message,
        finished_at=rows.now,
        open_steps=0,
        **({} if detail is None else {"detail": stored_details(detail)}),
        **values,
    )
    rows.update(
        steps,
        steps.c.job_id == job_id,
        steps.c.state != StepState.DONE.value,
        state=StepState.DONE,
        holder=None,
        claim_until=None,
        ended_at=rows.now,
    )
    remove_checkpoints(rows, checkpoints.c.job_id == job_id)
    rows.delete(pins, pins.c.job_id == job_id)
    broken = append_end(rows, job, state, code, detail)
    if broken is not None and code is None:  # a job that the audit trail cannot report must not count as succeeded
        state, code, message = JobState.FAILED, broken.code, broken.message
        rows.update(jobs, jobs.c.job_id == job_id, state=state, code=code, message=message)
    note_end(rows, job, state, code, message)
    log_end(rows, job, state, code, message, detail, values.get("snapshot"))


def interrupt(rows: Changes, job: RowMapping) -> None:
    """Fail a foreground job whose process has ended."""
    end_job(
        rows, job, JobState.FAILED, Code.INTERRUPTED, "The process that ran the job has ended. Run the command again."
    )


def remove_checkpoints(rows: Changes, where: ColumnElement[bool]) -> None:
    """Remove the checkpoints that meet the condition, and their references to runs."""
    rows.delete(
        checkpoint_runs,
        checkpoint_runs.c.row_id.in_(rows.query(checkpoints, where).with_only_columns(checkpoints.c.row_id)),
    )
    rows.delete(checkpoints, where)
