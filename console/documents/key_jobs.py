"""Documents of jobs that check a tenant's new KMS key, or change to it."""

from typing import TypeVar

import msgspec

from console.documents.jobs import JobDocument, job_fields
from shared.domain.jobs import Details, Job, KeyChangeProgress, KeyChecks

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


def _as(document: type[_Document], detail: Details | None) -> _Document:
    """Return the fields of the details that the document has."""
    return msgspec.convert(detail, document, from_attributes=True)
