"""Request checks of new KMS keys, and changes to them: one job for a request, however often and by how many it is sent."""

from collections.abc import Iterable

from shared.adapters.catalog.audit import append
from shared.adapters.catalog.job_rows import going, job_of, of_kinds
from shared.adapters.catalog.job_writes import new_job
from shared.adapters.catalog.jobs import report_request
from shared.adapters.catalog.schema import acceptances, jobs
from shared.adapters.catalog.tenancy import Changes, Rows
from shared.domain.audit import Action
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import KEY_CHANGES, Job, JobKind, KeyChangeProgress, KeyChecks, Origin
from shared.ports.catalog.customer_keys import Acceptance, AcceptedTerms

_RECENT = 20
"""Number of a tenant's latest key changes among which the one of a check is looked for."""


def request_check(rows: Changes, checks: KeyChecks) -> tuple[Job, bool]:
    """Create the job of a check, or return the unfinished one of the same request."""
    for job in _jobs(rows, [JobKind.KEY_CHECK], unfinished=True):
        detail = job.detail
        if isinstance(detail, KeyChecks) and (detail.arn, detail.update_by) == (checks.arn, checks.update_by):
            return job, False
    job = new_job(rows, JobKind.KEY_CHECK, origin=Origin.HAND, detail=checks)
    report_request(rows, job, JobKind.KEY_CHECK)
    return job, True


def request_of_check(rows: Rows, change: KeyChangeProgress) -> Job | None:
    """Return the job that was requested by the same check, whether it has ended or not, or None."""
    if change.check is None:
        return None
    for job in _jobs(rows, KEY_CHANGES):
        if isinstance(job.detail, KeyChangeProgress) and job.detail.check == change.check:
            return job
    return None


def request_change(
    rows: Changes, kind: JobKind, change: KeyChangeProgress, terms: AcceptedTerms | None, retried: str | None
) -> tuple[Job, bool]:
    """Create the job of a change, or return the unfinished one of the same request.

    Raise Refuse ``BUSY`` if another change is queued or running.
    """
    for job in _jobs(rows, KEY_CHANGES, unfinished=True):
        if job.kind is kind and _same_request(job.detail, change):
            return job, False
        raise _busy(job)
    if terms is not None:
        accept(rows, terms, change.arn)
    job = new_job(rows, kind, origin=Origin.HAND, detail=change)
    report_request(rows, job, kind, retried)
    return job, True


def accept(rows: Changes, terms: AcceptedTerms, arn: str) -> Acceptance:
    """Store and audit that the terms were accepted for this key."""
    values = {"version": terms.version, "sha256": terms.sha256, "arn": arn}
    number = rows.number(acceptances)
    rows.insert(acceptances, number=number, accepted_at=rows.now, accepted_by=terms.actor, **values)
    append(rows, Action.KEY_TERMS_ACCEPTED, {}, {"by": terms.actor, **values})
    return Acceptance(accepted_at=rows.now, accepted_by=terms.actor, **values)


def _jobs(rows: Rows, kinds: Iterable[JobKind], *, unfinished: bool = False) -> list[Job]:
    """Return the latest jobs of these kinds, newest first."""
    where = going(kinds) if unfinished else (of_kinds(*kinds),)
    return [job_of(row) for row in rows.all(rows.query(jobs, *where).order_by(jobs.c.number.desc()).limit(_RECENT))]


def _same_request(detail: object, change: KeyChangeProgress) -> bool:
    """Return True if the same person has asked for a change to the same key."""
    if not isinstance(detail, KeyChangeProgress):
        return False
    return (detail.arn, detail.asked_by) == (change.arn, change.asked_by)


def _busy(job: Job) -> Refuse:
    """Return the refusal of a second change while one is queued or running."""
    detail = job.detail
    person = f" for {detail.asked_by}" if isinstance(detail, KeyChangeProgress) and detail.asked_by else ""
    arn = f" to {detail.arn}" if isinstance(detail, KeyChangeProgress) else ""
    return Refuse(
        Code.BUSY,
        f"Job {job.job_id} is changing the key of this tenant already{person}{arn}. Nothing else was changed. Wait for its "
        f"end, or cancel it with 'entrakeep jobs cancel {job.job_id}'.",
    )
