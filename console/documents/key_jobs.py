"""Documents of jobs that check a tenant's new KMS key, or change to it."""

from typing import TypeVar

import msgspec

from console.documents.jobs import JobDocument, job_fields
from console.documents.times import Moment, moment
from shared.domain.errors import Code
from shared.domain.jobs import Check, Details, Job, JobState, KeyChangeProgress, KeyChecks
from shared.domain.key_checks import CHECKS, VALID_FOR, running_check

_Document = TypeVar("_Document", bound=msgspec.Struct)


class CheckDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A check of a new KMS key."""

    check: str
    """The check's name."""
    outcome: str
    """``passed``, ``warned`` or ``failed``."""
    message: str | None = None
    """What to know or to change."""


class UnmovedBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A key object that a key change could not move."""

    blob: str
    """The key object's name in the store."""
    reason: str
    """The code of what is wrong with it."""


class KeyValidation(msgspec.Struct, frozen=True, kw_only=True):
    """The checks of a KMS key that the tenant may change to."""

    arn: str
    """The key's ARN or alias, as it was given."""
    checks: list[CheckDocument]
    """The checks made so far, in order."""


class NewKeyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A job that checks a key to change to: all fourteen checks, those to come included."""

    job: str
    """The job's id."""
    state: JobState
    """The job's state."""
    code: Code | None
    """The code of the check that failed, or of what stopped the checks."""
    message: str | None
    """What is wrong, and what to do."""
    arn: str
    """The key's ARN or alias, as it was given."""
    key: str | None
    """The key's own ARN, once AWS KMS has described it."""
    checks: list[CheckDocument]
    """All checks in order: ``passed``, ``warned``, ``failed``, ``running``, ``stopped`` or ``waiting``."""
    valid_until: Moment | None
    """Until when checks that passed permit the change to the key."""
    updates: bool
    """Whether the change begins by itself once all checks have passed."""


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a change to another KMS key."""

    arn: str
    """The ARN of the key to change to."""
    before: str | None = None
    """The ARN of the previous key."""
    moved: int = 0
    """Number of data keys that were moved."""
    to_move: int = 0
    """Number of data keys still to move."""
    snapshots: list[str] = []
    """Ids of snapshots that need a data key which could not be moved."""
    left: list[UnmovedBlob] = []
    """Key objects that could not be moved."""
    database: str | None = None
    """What the database's own files may still hold of their wrappings, as a sentence."""


class KeyChangeJob(JobDocument, frozen=True, kw_only=True):
    """A job that has changed a tenant's KMS key, or has failed to."""

    arn: str
    """The ARN of the key to change to."""
    before: str | None
    """The ARN of the previous key."""
    moved: int
    """Number of data keys that were moved."""
    to_move: int
    """Number of data keys still to move."""
    snapshots: list[str]
    """Ids of snapshots that need a data key which could not be moved."""
    left: list[UnmovedBlob]
    """Key objects that could not be moved."""
    database: str | None
    """What the database's own files may still hold of their wrappings, as a sentence."""


def key_change_job(job: Job, tenant: str) -> KeyChangeJob:
    """Return the document of a job that changes a tenant's key, with its results."""
    return KeyChangeJob(**job_fields(job, tenant, ()), **msgspec.structs.asdict(_as(KeyChange, job.detail)))


def key_job_of(job: Job) -> KeyValidation | KeyChange | None:
    """Return the results of a job that checks a tenant's new key or changes to it; None for other jobs."""
    if isinstance(job.detail, KeyChecks):
        return _as(KeyValidation, job.detail)
    return _as(KeyChange, job.detail) if isinstance(job.detail, KeyChangeProgress) else None


def new_key(job: Job) -> NewKeyDocument | None:
    """Return the document of a job that checks a new key; None for other jobs.

    The check under way is ``running``, those not made yet are ``waiting``. Trouble with AWS KMS ends the job: the check that
    it stopped is ``stopped``.
    """
    detail = job.detail
    if not isinstance(detail, KeyChecks):
        return None
    rows = [_as(CheckDocument, check) for check in detail.checks]
    for name in CHECKS[len(rows) :]:
        under_way = name == running_check(job)
        outcome = ("stopped" if job.state.ended else "running") if under_way else "waiting"
        rows.append(CheckDocument(check=name, outcome=outcome))
    passed_at = job.finished_at if job.state is JobState.SUCCEEDED else None
    return NewKeyDocument(
        job=job.job_id,
        state=job.state,
        code=job.code,
        message=job.message,
        arn=detail.arn,
        key=detail.key.arn if detail.key else None,
        checks=rows,
        valid_until=None if passed_at is None else moment(passed_at + VALID_FOR),
        updates=detail.update_by is not None,
    )


def _as(document: type[_Document], detail: Details | Check | None) -> _Document:
    """Return the fields of the details that the document has."""
    return msgspec.convert(detail, document, from_attributes=True)
