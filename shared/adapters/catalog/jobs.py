"""Request, read and cancel jobs, and begin and interrupt foreground jobs."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from shared.adapters.catalog.audit import append, append_if_sound
from shared.adapters.catalog.job_rows import GOING_ON, existing, going, job_of, step_of
from shared.adapters.catalog.job_writes import end_job, interrupt, new_job
from shared.adapters.catalog.schema import jobs, pins, steps
from shared.adapters.catalog.snapshots import snapshot_row
from shared.adapters.catalog.statements import locked
from shared.adapters.catalog.step_writes import insert_step
from shared.adapters.catalog.tenancy import Changes, Tenancy, new_id
from shared.domain.audit import Action, Plain
from shared.domain.errors import Code
from shared.domain.jobs import KINDS, Claim, Details, Job, JobKind, JobState, Origin, Step, StepState
from shared.domain.jobs.expiry import is_foreground_expired
from shared.ports.catalog.jobs import Fate

HOLDER_HERE = "here"


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
        detail: Details | None = None,
        retried: str | None = None,
    ) -> tuple[Job, bool]:
        """Request a job, or return the tenant's unfinished one of a kind that runs one at a time.

        The second value is True if the job is new."""
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            if KINDS[kind].one_at_a_time:
                unfinished = rows.all(rows.query(jobs, *going([kind])).order_by(jobs.c.number).limit(1))
                if unfinished:
                    return job_of(unfinished[0]), False
            job = new_job(rows, kind, origin=origin, full=full, snapshot=snapshot, detail=detail)
            if origin is Origin.HAND:
                report_request(rows, job, kind, retried)
        return job, True

    def begin_foreground(
        self,
        kind: JobKind,
        snapshot: str,
        step: str,
        seconds: float,
        others: Sequence[str] = (),
        detail: Mapping[str, Plain] | None = None,
    ) -> Claim:
        """Begin a job that runs in the calling process, and return the claim on its only step."""
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            job = new_job(rows, kind, origin=Origin.HAND, snapshot=snapshot)
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
            pinned = [_pin_also(rows, job, other) for other in others]
            if kind is JobKind.COMPARE and pinned:
                subject["other"] = pinned[-1]
            begin_event = KINDS[kind].begin_event
            if begin_event is not None:
                append(rows, begin_event, subject, detail)
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
            return job_of(existing(rows.one(jobs, jobs.c.job_id == job_id), job_id))

    def recent(self, limit: int = 100) -> list[Job]:
        """Return the latest jobs, the newest first."""
        with self._tenancy.read() as rows:
            return [job_of(row) for row in rows.all(rows.query(jobs).order_by(jobs.c.number.desc()).limit(limit))]

    def unfinished(self) -> bool:
        """Return True if a job is queued or running."""
        with self._tenancy.read() as rows:
            return bool(rows.all(rows.query(jobs, jobs.c.state.in_(GOING_ON)).limit(1)))

    def steps(self, job_id: str) -> list[Step]:
        """Return a job's steps by phase and name."""
        with self._tenancy.read() as rows:
            query = rows.query(steps, steps.c.job_id == job_id).order_by(steps.c.phase, steps.c.name, steps.c.step_id)
            return [step_of(row) for row in rows.all(query)]

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
            row = existing(rows.one(jobs, jobs.c.job_id == job_id, lock=True), job_id)
            if not JobState(row["state"]).ended and not row["cancel"]:
                append_if_sound(
                    rows, Action.JOB_CANCELLED, {"job": job_id}, {"kind": row["kind"], "state": row["state"]}
                )
            if row["state"] == JobState.QUEUED:
                end_job(rows, row, JobState.CANCELLED, Code.CANCELLED, "The job was cancelled.")
            elif row["state"] == JobState.RUNNING:
                rows.update(jobs, jobs.c.job_id == job_id, cancel=True)
            return job_of(existing(rows.one(jobs, jobs.c.job_id == job_id), job_id))

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
                if any(
                    is_foreground_expired(step["claim_until"], rows.now, seconds)
                    for step in rows.find(steps, steps.c.job_id == row["job_id"], steps.c.claim_until.is_not(None))
                )
            ]
            for row in expired:
                interrupt(rows, row)
            return len(expired)


def report_request(rows: Changes, job: Job, kind: JobKind, retried: str | None = None) -> None:
    """Append an audit event about a request by hand, for kinds that have one."""
    row = KINDS[kind]
    if row.requested is None:
        return
    fields = {"full": job.full} if row.may_be_full else job.detail.requested() if job.detail else {}
    requested = (job.detail.requested_as() if job.detail else None) or row.requested
    action = requested if retried is None else Action.JOB_RETRIED
    append(rows, action, {"job": job.job_id, "snapshot": job.snapshot, "retried": retried}, fields)


def _pin_also(rows: Changes, job: Job, snapshot: str) -> str:
    """Pin another snapshot for a job, unless it is pinned already. Return its id. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
    snapshot_id: str = snapshot_row(rows, snapshot)["snapshot_id"]
    if snapshot_id != job.snapshot:
        rows.insert(pins, job_id=job.job_id, snapshot_id=snapshot_id)
    return snapshot_id
