"""Requests for jobs: back up, verify, show, retry, cancel."""

from typing import NamedTuple

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import (
    GraphVerifyRequest,
    Job,
    JobKind,
    JobState,
    KeyChangeProgress,
    Origin,
    Step,
    VerifyRequest,
    row_of,
)
from shared.domain.model import Snapshot
from shared.engine.requests.hindrances import Hindrance, hindrances
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.tenant import TenantCatalog


class RequestedJob(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a request for a job."""

    job: Job
    """The requested job, or the one that is queued or running already."""
    new: bool
    """True if the request created the job."""


class JobOverview(NamedTuple):
    """A job, with all that SQL knows about it."""

    job: Job
    tenant: str
    """The tenant's name."""
    steps: list[Step]
    hindrances: list[Hindrance]
    """Problems that block the job now; empty for a job that has ended."""
    made: Snapshot | None
    """The snapshot that it made, if it is a backup."""


class Cancellation(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a request to cancel a job."""

    job: Job
    """The job as it is now. A running job ends at the next renewal of its claim."""
    late: bool
    """True if the job had ended before the request."""


def request_backup(catalog: Catalog, actor: str, name: str, *, full: bool = False) -> RequestedJob:
    """Request a backup. If one is queued or running, return that one. Raise Refuse ``NO_SUCH_TENANT``."""
    jobs = catalog.as_actor(actor).tenant(catalog.find(name).tenant_id).jobs
    job, new = jobs.request(JobKind.BACKUP, origin=Origin.HAND, full=full)
    return RequestedJob(job=job, new=new)


def request_verify(
    catalog: Catalog, actor: str, name: str, snapshot: str | None = None, *, shallow: bool = False
) -> Job:
    """Request a verify of one snapshot, by id or ``latest``, or of all of them. Return its job.

    A shallow verify checks hashes only, which needs no key. Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_SNAPSHOT``.
    """
    jobs = catalog.as_actor(actor).tenant(catalog.find(name).tenant_id).jobs
    detail = VerifyRequest(shallow=True) if shallow else None
    return jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot=snapshot, detail=detail)[0]


def request_graph_verify(catalog: Catalog, actor: str, name: str) -> Job:
    """Request a comparison of the newest snapshot with a full reading of Graph. Return its job.

    Raise Refuse ``NO_SUCH_TENANT``, and ``NO_SUCH_SNAPSHOT`` if there is none.
    """
    jobs = catalog.as_actor(actor).tenant(catalog.find(name).tenant_id).jobs
    detail = GraphVerifyRequest(against_graph=True)
    return jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot="latest", detail=detail)[0]


def request_tenant_check(catalog: Catalog, actor: str, name: str) -> RequestedJob:
    """Request a check of the tenant's applications by a worker. If one is queued or running, return that one.

    Raise Refuse ``NO_SUCH_TENANT``.
    """
    jobs = catalog.as_actor(actor).tenant(catalog.find(name).tenant_id).jobs
    job, new = jobs.request(JobKind.TENANT_CHECK, origin=Origin.HAND)
    return RequestedJob(job=job, new=new)


def _made_snapshot(catalog: TenantCatalog, job: Job) -> Snapshot | None:
    """Return the snapshot that a backup has made, or None if it made none or the snapshot was removed."""
    if job.kind is not JobKind.BACKUP or job.snapshot is None:
        return None
    try:
        return catalog.snapshots.get(job.snapshot)
    except Refuse as refusal:
        if refusal.code is not Code.NO_SUCH_SNAPSHOT:
            raise
        return None


def job_overview(catalog: Catalog, job_id: str) -> JobOverview:
    """Return a job with its steps and what blocks it. Raise Refuse ``NO_SUCH_JOB``."""
    job = catalog.find_job(job_id)
    tenant = catalog.tenant(job.tenant_id)
    return JobOverview(
        job=job,
        tenant=tenant.tenant().name,
        steps=tenant.jobs.steps(job_id),
        hindrances=[] if job.state.ended else hindrances(catalog),
        made=_made_snapshot(tenant, job),
    )


def retry_job(catalog: Catalog, actor: str, job_id: str) -> RequestedJob:
    """Request the same job as one that has ended. If one is queued or running, return that one.

    Raise Refuse ``NO_SUCH_JOB``, ``BUSY`` if the job has not ended, ``WRONG_USE`` if jobs of its kind cannot be retried, or
    if it is a restore that has carried its plan out. A change of the key raises what its first request does.
    """
    ended = catalog.find_job(job_id)
    if not ended.state.ended:
        raise Refuse(Code.BUSY, f"The job is still {ended.state}. See 'entrakeep jobs show {job_id}'.")
    row = row_of(ended.kind)
    if row is None:
        raise Refuse(Code.WRONG_USE, f"This version does not know {ended.kind} jobs. Update it to retry the job.")
    if not row.may_retry:
        advice = f"run '{row.command}' again" if row.command else "the scheduler creates the next one"
        raise Refuse(Code.WRONG_USE, f"{ended.kind} jobs cannot be retried; {advice}.")
    if ended.kind is JobKind.RESTORE and ended.state in (JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS):
        sentence = "The restore has carried its plan out. What is left needs a new one: 'entrakeep plan make'."
        raise Refuse(Code.WRONG_USE, sentence)
    handle = catalog.as_actor(actor).tenant(ended.tenant_id)
    detail = ended.detail.for_retry() if ended.detail else None
    if isinstance(detail, KeyChangeProgress):
        detail.asked_by = actor
        job, new = handle.customer_keys.request_change(row.kind, detail, retried=job_id)
        return RequestedJob(job=job, new=new)
    snapshot = None if row.builds_on_newest else ended.parent
    job, new = handle.jobs.request(
        row.kind, origin=Origin.HAND, full=ended.full, snapshot=snapshot, detail=detail, retried=job_id
    )
    return RequestedJob(job=job, new=new)


def cancel_job(catalog: Catalog, actor: str, job_id: str) -> Cancellation:
    """Cancel a job. A job that has ended stays unchanged. Raise Refuse ``NO_SUCH_JOB``."""
    before = catalog.find_job(job_id)
    after = catalog.as_actor(actor).tenant(before.tenant_id).jobs.cancel(job_id)
    return Cancellation(job=after, late=before.state.ended)
