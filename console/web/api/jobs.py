"""Endpoints about jobs: lists, one job, and what may be asked of jobs."""

from console.documents.jobs import RequestedJob, job_document
from console.documents.results import job_details
from console.web.api.queries import BackupBody, JobsQuery, VerifyBody
from console.web.api.table import Answer, Call
from console.web.pages.jobs import UNFINISHED, action_to_retry
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind
from shared.engine.requests import jobs as requests
from shared.ports.catalog.queries import JobFilter


def of_all(call: Call) -> Answer:
    """Return the jobs of all tenants, newest first."""
    return _listed(call, None)


def of_tenant(call: Call) -> Answer:
    """Return a tenant's jobs, newest first."""
    return _listed(call, call.of_tenant.tenant_id)


def one(call: Call) -> Answer:
    """Return a job with its results, the progress of each resource, and what blocks it."""
    return Answer(document=job_details(*requests.job_overview(call.catalog, _own(call).job_id)))


def back_up(call: Call) -> Answer:
    """Request a backup. If one is queued or running, return that one."""
    body: BackupBody = call.body
    requested = requests.request_backup(call.catalog, call.actor, call.of_tenant.name, full=body.full)
    return Answer(document=RequestedJob(job=requested.job.job_id))


def verify(call: Call) -> Answer:
    """Request a verify of one snapshot or of all. If one is queued or running, return that one."""
    body: VerifyBody = call.body
    wanted = JobFilter(tenant_id=call.of_tenant.tenant_id, kinds=(JobKind.VERIFY,), states=UNFINISHED, limit=1)
    for job, _ in call.catalog.queries().jobs(wanted):
        return Answer(document=RequestedJob(job=job.job_id))
    job = requests.request_verify(call.catalog, call.actor, call.of_tenant.name, body.snapshot, shallow=body.shallow)
    return Answer(document=RequestedJob(job=job.job_id))


def cancel(call: Call) -> Answer:
    """Cancel a job. A running job ends within seconds; a job that has ended stays unchanged."""
    after = requests.cancel_job(call.catalog, call.actor, _own(call).job_id).job
    return Answer(document=job_document(after, call.of_tenant.name))


def retry(call: Call) -> Answer:
    """Request an ended job again. It takes the action of the job's kind."""
    job = _own(call)
    action = action_to_retry(job)
    if action is None:
        raise Refuse(Code.WRONG_USE, f"A {job.kind} job cannot be retried here. Use the command line.")
    if not call.use.may(action, job.tenant_id, call.now):
        raise Refuse(Code.NOT_ALLOWED, f"The token may not do {action}, which retrying a {job.kind} job takes.")
    requested = requests.retry_job(call.catalog, call.actor, job.job_id)
    return Answer(document=RequestedJob(job=requested.job.job_id))


def _own(call: Call) -> Job:
    """Return the job that the path names. Raise Refuse ``NO_SUCH_JOB``, alike for jobs of other tenants."""
    return call.catalog.tenant(call.of_tenant.tenant_id).jobs.get(call.path["job"])


def _listed(call: Call, tenant_id: str | None) -> Answer:
    """Return a page of jobs."""
    query: JobsQuery = call.query
    wanted = JobFilter(
        tenant_id=tenant_id,
        states=tuple(query.state),
        since=query.since,
        after=query.after,
        limit=query.limit + 1,
    )
    listed = call.catalog.queries().jobs(wanted)
    documents = [job_document(job, name) for job, name in listed[: query.limit]]
    return Answer(document=documents, after=documents[-1].id if len(listed) > query.limit else None)
