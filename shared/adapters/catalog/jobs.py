"""Request, read, cancel and end jobs and their steps."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, or_

from shared.adapters.catalog.audit import append, append_end, append_if_sound
from shared.adapters.catalog.backup_events import note_end
from shared.adapters.catalog.job_log import log_end
from shared.adapters.catalog.schema import checkpoint_runs, checkpoints, jobs, pins, steps
from shared.adapters.catalog.snapshots import snapshot_row
from shared.adapters.catalog.statements import locked
from shared.adapters.catalog.tenancy import Changes, Tenancy, new_id
from shared.domain.audit import ASKED, BEGUN, Action, Plain
from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import (
    JOB_MOVES,
    Claim,
    Job,
    JobKind,
    JobState,
    Origin,
    ResourceProgress,
    Step,
    StepState,
    Trouble,
)
from shared.ports.catalog.jobs import Fate

HOLDER_HERE = "here"
GOING_ON = (JobState.QUEUED.value, JobState.RUNNING.value)
NO_TROUBLE = {"trouble": None, "trouble_message": None, "trouble_since": None, "retry_at": None, "alone_since": None}
KNOWN_KINDS = tuple(kind.value for kind in JobKind)
"""Kinds that this code knows. A newer version may request jobs of other kinds: this code leaves them to it."""


class SqlJobs:
    """``ports.catalog.jobs.Jobs`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def request(
        self,
        kind: JobKind,
        *,
        origin: Origin,
        full: bool = False,
        snapshot: str | None = None,
        detail: Any = None,
        retried: str | None = None,
    ) -> tuple[Job, bool]:
        """Request a job, or return the backup that is queued or running. The second value is True if the job is new."""
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            if kind is JobKind.BACKUP:
                unfinished = rows.all(rows.query(jobs, *backup_going()).order_by(jobs.c.number).limit(1))
                if unfinished:
                    return job_of(unfinished[0]), False
            job = new_job(rows, kind, asked=origin, full=full, snapshot=snapshot, detail=detail)
            if origin is Origin.HAND:
                _report_request(rows, job, retried)
        return job, True

    def begin_foreground(
        self, kind: JobKind, snapshot: str, step: str, seconds: float, others: Sequence[str] = ()
    ) -> Claim:
        """Begin a job that runs in the calling process, and return the claim on its only step."""
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            job = new_job(rows, kind, asked=Origin.HAND, snapshot=snapshot)
            rows.update(
                jobs,
                jobs.c.job_id == job.job_id,
                state=JobState.RUNNING,
                started_at=rows.now,
                here=True,
                open_phase=1,
                open_steps=1,
            )
            step_id = new_id()
            insert_step(
                rows,
                step_id,
                job.job_id,
                1,
                step,
                state=StepState.RUNNING,
                began_at=rows.now,
                fence=1,
                holder=HOLDER_HERE,
                claim_until=rows.now + timedelta(seconds=seconds),
            )
            subject = {"job": job.job_id, "snapshot": job.snapshot}
            for other in others:
                subject["other"] = _pin_also(rows, job, other)
            append(rows, BEGUN[kind], subject)
        return Claim(
            tenant_id=job.tenant_id,
            job_id=job.job_id,
            step_id=step_id,
            kind=kind,
            phase=1,
            name=step,
            fence=1,
            seconds=seconds,
        )

    def get(self, job_id: str) -> Job:
        """Return a job. Raises Refuse ``NO_SUCH_JOB``."""
        with self._tenancy.read() as rows:
            return job_of(_existing(rows.one(jobs, jobs.c.job_id == job_id), job_id))

    def recent(self, limit: int = 100) -> list[Job]:
        """Return the latest jobs of known kinds, the newest first."""
        with self._tenancy.read() as rows:
            query = rows.query(jobs, jobs.c.kind.in_(KNOWN_KINDS)).order_by(jobs.c.number.desc()).limit(limit)
            return [job_of(row) for row in rows.all(query)]

    def unfinished(self) -> bool:
        """Return True if a job is queued or running."""
        with self._tenancy.read() as rows:
            return bool(rows.all(rows.query(jobs, jobs.c.state.in_(GOING_ON)).limit(1)))

    def steps(self, job_id: str) -> list[Step]:
        """Return a job's steps by phase and name."""
        with self._tenancy.read() as rows:
            query = rows.query(steps, steps.c.job_id == job_id).order_by(steps.c.phase, steps.c.name, steps.c.step_id)
            return [_step_of(row) for row in rows.all(query)]

    def fate(self, job_id: str, step_id: str) -> Fate | None:
        """Return the states of a job and a step, or None if one of them does not exist."""
        with self._tenancy.read() as rows:
            job = rows.one(jobs, jobs.c.job_id == job_id)
            step = rows.one(steps, steps.c.job_id == job_id, steps.c.step_id == step_id)
        if job is None or step is None:
            return None
        code = Code(job["code"]) if job["code"] else None
        return Fate(job=JobState(job["state"]), code=code, step=StepState(step["state"]))

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued job, or mark a running one for cancellation. Raises Refuse ``NO_SUCH_JOB``."""
        with self._tenancy.write() as rows:
            row = _existing(rows.one(jobs, jobs.c.job_id == job_id, lock=True), job_id)
            if not JobState(row["state"]).ended and not row["cancel"]:
                append_if_sound(
                    rows, Action.JOB_CANCELLED, {"job": job_id}, {"kind": row["kind"], "state": row["state"]}
                )
            if row["state"] == JobState.QUEUED:
                end_job(rows, row, JobState.CANCELLED, Code.CANCELLED, "The job was cancelled.")
            elif row["state"] == JobState.RUNNING:
                rows.update(jobs, jobs.c.job_id == job_id, cancel=True)
            return job_of(_existing(rows.one(jobs, jobs.c.job_id == job_id), job_id))

    def end_expired_foreground(self, seconds: float) -> int:
        """Fail the jobs of calling processes whose claim has expired. Return how many."""
        with self._tenancy.read() as reading:  # nearly always none: avoid the write lock
            if not reading.find(jobs, jobs.c.here, jobs.c.state == JobState.RUNNING):
                return 0
        with self._tenancy.write() as rows:
            expired = [
                row
                for row in rows.all(
                    locked(rows.query(jobs, jobs.c.here, jobs.c.state == JobState.RUNNING).order_by(jobs.c.job_id))
                )
                if rows.find(
                    steps,
                    steps.c.job_id == row["job_id"],
                    # A claim that ends later than any claim given now is from before the clock was set back.
                    or_(steps.c.claim_until <= rows.now, steps.c.claim_until > rows.now + timedelta(seconds=seconds)),
                )
            ]
            for row in expired:
                interrupt(rows, row)
            return len(expired)


def backup_going() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for backups that are queued or running."""
    return going([JobKind.BACKUP])


def going(kinds: Iterable[JobKind]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for jobs of these kinds that are queued or running."""
    return jobs.c.kind.in_([kind.value for kind in kinds]), jobs.c.state.in_(GOING_ON)


def _report_request(rows: Changes, job: Job, retried: str | None) -> None:
    """Append an audit event about a request by hand, for kinds that have one."""
    if job.kind not in ASKED:
        return
    requested = job.detail or {}
    if job.kind is JobKind.BACKUP:
        detail: dict[str, Plain] = {"full": job.full}
    else:
        detail = (
            {"shallow": bool(requested.get("shallow"))}
            if job.kind is JobKind.VERIFY
            else {"arn": str(requested.get("arn"))}
        )
    action = ASKED[job.kind] if retried is None else Action.JOB_RETRIED
    append(rows, action, {"job": job.job_id, "snapshot": job.snapshot, "retried": retried}, detail)


def new_job(rows: Changes, kind: JobKind, *, asked: Origin, snapshot: str | None = None, **values: Any) -> Job:
    """Insert a queued job without steps, and pin the snapshot it names. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
    snapshot_id = None if snapshot is None else snapshot_row(rows, snapshot)["snapshot_id"]
    job_id = new_id()
    rows.insert(
        jobs,
        job_id=job_id,
        number=rows.number(jobs),
        kind=kind,
        state=JobState.QUEUED,
        asked=asked,
        created_at=rows.now,
        parent=snapshot_id,
        snapshot=snapshot_id,
        open_steps=0,
        **{"here": False, "cancel": False, "full": False} | values,
    )
    if snapshot_id is not None:
        rows.insert(pins, job_id=job_id, snapshot_id=snapshot_id)
    return job_of(_existing(rows.one(jobs, jobs.c.job_id == job_id), job_id))


def _pin_also(rows: Changes, job: Job, snapshot: str) -> str:
    """Pin another snapshot for a job, unless it is pinned already. Return its id. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
    snapshot_id: str = snapshot_row(rows, snapshot)["snapshot_id"]
    if snapshot_id != job.snapshot:
        rows.insert(pins, job_id=job.job_id, snapshot_id=snapshot_id)
    return snapshot_id


def insert_step(rows: Changes, step_id: str, job_id: str, phase: int, name: str, **values: Any) -> None:
    """Insert a queued step without a claim; ``values`` override its columns."""
    fresh = {"state": StepState.QUEUED, "progress": [], "fence": 0, "claims_lost": 0, "sends": 0}
    rows.insert(steps, step_id=step_id, job_id=job_id, phase=phase, name=name, **fresh | values)


def requeue(rows: Changes, *where: ColumnElement[bool], after: float = 0.0, **values: Any) -> int:
    """Queue running steps again; their messages are due ``after`` seconds from now. Return how many."""
    return rows.update(
        steps,
        steps.c.state == StepState.RUNNING.value,
        *where,
        state=StepState.QUEUED,
        holder=None,
        claim_until=None,
        send_at=rows.now + timedelta(seconds=after),
        **values,
    )


def end_job(
    rows: Changes,
    job: RowMapping,
    state: JobState,
    code: Code | None = None,
    message: str | None = None,
    **values: Any,
) -> None:
    """End a job: finish its steps, remove its checkpoints and pins, append the audit event and log the end.

    If the audit trail is broken, a job without a code fails with ``AUDIT_BROKEN``. Raises ValueError if a job in this
    state cannot change to ``state``.
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
    broken = append_end(rows, job, state, code, values.get("detail"))
    if broken is not None and code is None:  # a job that the audit trail cannot report must not count as succeeded
        state, code, message = JobState.FAILED, broken.code, broken.message
        rows.update(jobs, jobs.c.job_id == job_id, state=state, code=code, message=message)
    note_end(rows, job, state, code, message)
    log_end(rows, job, state, code, message, values)


def interrupt(rows: Changes, job: RowMapping) -> None:
    """Fail a job whose calling process went away."""
    end_job(rows, job, JobState.FAILED, Code.INTERRUPTED, "The process that asked for it went away. Ask again.")


def remove_checkpoints(rows: Changes, where: ColumnElement[bool]) -> None:
    """Remove the checkpoints that meet the condition, and their references to runs."""
    rows.delete(
        checkpoint_runs,
        checkpoint_runs.c.row_id.in_(rows.query(checkpoints, where).with_only_columns(checkpoints.c.row_id)),
    )
    rows.delete(checkpoints, where)


def plain_progress(progress: Sequence[ResourceProgress]) -> Any:
    """Return progress as built-in types, as a row stores it."""
    return msgspec.to_builtins(list(progress))


def job_of(row: RowMapping) -> Job:
    """Return the job in a row."""
    return Job(
        job_id=row["job_id"],
        tenant_id=row["tenant_id"],
        kind=JobKind(row["kind"]),
        state=JobState(row["state"]),
        origin=Origin(row["asked"]),
        code=Code(row["code"]) if row["code"] else None,
        message=row["message"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        due_at=row["due_at"],
        full=row["full"],
        parent=row["parent"],
        snapshot=row["snapshot"],
        detail=row["detail"],
    )


def _step_of(row: RowMapping) -> Step:
    """Return the step in a row."""
    return Step(
        step_id=row["step_id"],
        phase=row["phase"],
        name=row["name"],
        state=StepState(row["state"]),
        answer=Answer(row["answer"]) if row["answer"] else None,
        request_id=row["request_id"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        progress=msgspec.convert(row["progress"], list[ResourceProgress]),
        trouble=_trouble_of(row),
    )


def _trouble_of(row: RowMapping) -> Trouble | None:
    """Return the trouble that an unfinished step is in, or None."""
    if row["trouble"] is None or row["state"] == StepState.DONE:
        return None
    return Trouble(
        code=Code(row["trouble"]),
        message=row["trouble_message"],
        since=row["trouble_since"],
        retry_at=row["retry_at"],
    )


def _existing(row: RowMapping | None, job_id: str) -> RowMapping:
    """Return the row. Raises Refuse ``NO_SUCH_JOB`` if it is None."""
    if row is None:
        raise no_such_job(job_id)
    return row


def no_such_job(job_id: str) -> Refuse:
    """Return the refusal ``NO_SUCH_JOB``."""
    return Refuse(Code.NO_SUCH_JOB, f"There is no job {job_id}. See 'entrakeep jobs list'.")
