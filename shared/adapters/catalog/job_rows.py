"""Read jobs and steps from their rows, and select unfinished jobs."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping

from shared.adapters.catalog.schema import jobs
from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import (
    Job,
    JobKind,
    JobState,
    Origin,
    ResourceProgress,
    Step,
    StepState,
    Trouble,
    details_of,
    texts_of,
)

GOING_ON = (JobState.QUEUED.value, JobState.RUNNING.value)


def of_kinds(*kinds: JobKind) -> ColumnElement[bool]:
    """Return the condition for jobs of these kinds."""
    return jobs.c.kind.in_(texts_of(kinds))


def going(kinds: Iterable[JobKind]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for jobs of these kinds that are queued or running."""
    return of_kinds(*kinds), jobs.c.state.in_(GOING_ON)


def job_of(row: RowMapping) -> Job:
    """Return the job in a row."""
    return Job(
        job_id=row["job_id"],
        tenant_id=row["tenant_id"],
        kind=row["kind"],
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
        detail=details_of(row["kind"], row["detail"]),
    )


def step_of(row: RowMapping | Mapping[str, Any]) -> Step:
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
        bundle=row["bundle"],
    )


def _trouble_of(row: RowMapping | Mapping[str, Any]) -> Trouble | None:
    """Return the trouble that an unfinished step is in, or None."""
    if row["trouble"] is None or row["state"] == StepState.DONE:
        return None
    return Trouble(
        code=Code(row["trouble"]),
        message=row["trouble_message"],
        since=row["trouble_since"],
        retry_at=row["retry_at"],
    )


def existing(row: RowMapping | None, job_id: str) -> RowMapping:
    """Return the row. Raises Refuse ``NO_SUCH_JOB`` if it is None."""
    if row is None:
        raise no_such_job(job_id)
    return row


def no_such_job(job_id: str) -> Refuse:
    """Return the refusal ``NO_SUCH_JOB``."""
    return Refuse(Code.NO_SUCH_JOB, f"There is no job {job_id}. See 'entrakeep jobs list'.")
