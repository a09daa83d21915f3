"""Documents of jobs."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from console.documents.times import Moment, moment, to_second
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, Step, Trouble


class RequestedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was requested, or that runs already."""

    job: str
    """The job's id."""


class JobDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A job."""

    id: str
    """The job's id."""
    tenant: str
    """The tenant's name."""
    kind: Annotated[str, msgspec.Meta(examples=[*JobKind])]
    """What the job does: one of the examples, or a kind that only a newer version knows."""
    state: JobState
    """The job's state."""
    code: Code | None
    """The code of the error that ended the job, or of the trouble that it waits for."""
    message: str | None
    """The sentence for the code; or a warning of a job that succeeded."""
    created_at: Moment
    """When the job was requested."""
    started_at: Moment | None
    """When a worker began the job."""
    finished_at: Moment | None
    """When the job ended."""
    snapshot: str | None
    """The id of the snapshot that the job made or read."""


def job_document(job: Job, tenant: str, steps: Sequence[Step] = ()) -> JobDocument:
    """Return the document of a job.

    ``steps`` are those of a job that has not ended: the trouble of one of them is reported as ``code`` and ``message``.
    """
    return JobDocument(**job_fields(job, tenant, steps))


def job_fields(job: Job, tenant: str, steps: Sequence[Step]) -> dict[str, Any]:
    """Return the fields that every document of a job has."""
    trouble = trouble_of(job, steps)
    return {
        "id": job.job_id,
        "tenant": tenant,
        "kind": job.kind,
        "state": job.state,
        "code": job.code or (trouble.code if trouble else None),
        "message": job.message or (in_trouble(trouble) if trouble else None),
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "snapshot": job.snapshot,
    }


def trouble_of(job: Job, steps: Sequence[Step]) -> Trouble | None:
    """Return the trouble that has blocked the job for longest; None without trouble, or if the job has ended."""
    troubles = [step.trouble for step in steps if step.trouble is not None and not job.state.ended]
    return min(troubles, key=lambda trouble: trouble.since, default=None)


def in_trouble(trouble: Trouble) -> str:
    """Return the sentences for what blocks a job, since when, and when it is retried."""
    since, retry_at = (to_second(moment(time)) for time in (trouble.since, trouble.retry_at))
    return f"{trouble.message} Waiting since {since}, next retry at {retry_at}."
