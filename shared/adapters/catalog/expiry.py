"""Queue steps again whose claim expired, end jobs that lost too many, and end jobs to cancel."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, exists, select

from shared.adapters.catalog.each_row import process_each
from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.job_rows import GOING_ON
from shared.adapters.catalog.job_writes import end_job, interrupt
from shared.adapters.catalog.schema import jobs, steps
from shared.adapters.catalog.step_writes import requeue
from shared.adapters.catalog.tenancy import Changes
from shared.domain.errors import Code
from shared.domain.jobs import JobState, StepState
from shared.domain.jobs.expiry import Expired, effect_of
from shared.ports.catalog.scheduler import RowsFailed

_PROBLEM = "expired claims of a job were not processed"


def expire_claims(database: Database, claims_lost: int) -> int:
    """Process expired claims and jobs to cancel. Return how many rows changed. See ``SchedulerCatalog.expire``."""
    failed: list[Exception] = []
    changed = process_each(
        database, _expired(database), _PROBLEM, lambda rows, job: _handle_expired(rows, job, claims_lost), failed
    )
    changed += process_each(database, _to_cancel(database), _PROBLEM, _end_cancelled, failed)
    if failed:
        raise RowsFailed(failed[-1])
    return changed


def _expired(database: Database) -> Sequence[RowMapping]:
    """Return the jobs with running steps whose claim has expired."""
    with database.read(EVERY_TENANT) as connection:
        now = database.now(connection)
        expired = (steps.c.state == StepState.RUNNING.value, steps.c.claim_until <= now)
        query = select(steps.c.tenant_id, steps.c.job_id).where(*expired).distinct()
        return connection.execute(query).mappings().all()


def _to_cancel(database: Database) -> Sequence[RowMapping]:
    """Return the jobs to cancel that have no running step."""
    running = exists().where(
        steps.c.tenant_id == jobs.c.tenant_id,
        steps.c.job_id == jobs.c.job_id,
        steps.c.state == StepState.RUNNING.value,
    )
    query = select(jobs).where(jobs.c.state.in_(GOING_ON), jobs.c.cancel, ~running)
    with database.read(EVERY_TENANT) as connection:
        return connection.execute(query).mappings().all()


def _handle_expired(rows: Changes, expired_job: RowMapping, claims_lost: int) -> int:
    """Requeue the steps of a job whose claim expired, or end the job. Return how many rows changed."""
    job = rows.one(jobs, jobs.c.job_id == expired_job["job_id"], lock=True)
    expired = (steps.c.job_id == expired_job["job_id"], steps.c.claim_until <= rows.now)
    lost = [step["claims_lost"] + 1 for step in rows.find(steps, steps.c.state == StepState.RUNNING.value, *expired)]
    if job is None or not lost:
        return 0  # the claims were renewed, or the steps or their job ended, since they were read
    effect = effect_of(max(lost), claims_lost, foreground=job["here"])
    if effect is Expired.QUEUED:
        return requeue(rows, *expired, claims_lost=steps.c.claims_lost + 1)
    if effect is Expired.INTERRUPTED:
        interrupt(rows, job)
    else:
        times = f"{max(lost)} times without progress"
        message = f"Its worker was lost {times}. See the workers' logs, then request the job again."
        end_job(rows, job, JobState.FAILED, Code.WORKER_LOST, message)
    return 1


def _end_cancelled(rows: Changes, job: RowMapping) -> int:
    """End a job to cancel, unless it has ended or has a running step. Return how many rows changed."""
    row = rows.one(jobs, jobs.c.job_id == job["job_id"], lock=True)
    if row is None or JobState(row["state"]).ended:
        return 0
    if rows.find(steps, steps.c.job_id == job["job_id"], steps.c.state == StepState.RUNNING.value):
        return 0
    end_job(rows, row, JobState.CANCELLED, Code.CANCELLED, "The job was cancelled.")
    return 1
