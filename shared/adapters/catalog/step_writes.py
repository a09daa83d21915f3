"""Insert steps, check claims, queue steps again, finish them, and open phases."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping

from shared.adapters.catalog.schema import jobs, steps
from shared.adapters.catalog.tenancy import Changes
from shared.domain.errors import ClaimLost
from shared.domain.jobs import Claim, ResourceProgress, StepState

NO_TROUBLE = {"trouble": None, "trouble_message": None, "trouble_since": None, "retry_at": None, "alone_since": None}


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


def lock_claim(rows: Changes, claim: Claim) -> tuple[RowMapping, RowMapping]:
    """Lock the job's row, and return the job's and the step's row. Raises ClaimLost if the claim is no longer valid.

    The step's state is enough to check: no step of an ended job is running.
    """
    job = rows.one(jobs, jobs.c.job_id == claim.job_id, lock=True)
    step = rows.one(
        steps,
        steps.c.step_id == claim.step_id,
        steps.c.job_id == claim.job_id,
        steps.c.state == StepState.RUNNING.value,
        steps.c.fence == claim.fence,
        steps.c.claim_until > rows.now,
    )
    if job is None or step is None:
        raise ClaimLost
    return job, step


def finish_step(rows: Changes, claim: Claim, **values: Any) -> None:
    """Mark the step as done and release its claim."""
    rows.update(
        steps,
        steps.c.step_id == claim.step_id,
        state=StepState.DONE,
        ended_at=rows.now,
        holder=None,
        claim_until=None,
        **NO_TROUBLE,
        **values,
    )


def open_next_phase(rows: Changes, job: RowMapping) -> bool:
    """Open the next phase that has steps. Return False if there is none."""
    later = rows.find(steps, steps.c.job_id == job["job_id"], steps.c.phase > job["open_phase"])
    if not later:
        return False
    phase = min(row["phase"] for row in later)
    open_phase(rows, job["job_id"], phase, sum(row["phase"] == phase for row in later))
    return True


def open_phase(rows: Changes, job_id: str, phase: int, count: int) -> None:
    """Open a phase: its steps may be claimed, and their messages are due."""
    rows.update(jobs, jobs.c.job_id == job_id, open_phase=phase, open_steps=count)
    rows.update(steps, steps.c.job_id == job_id, steps.c.phase == phase, send_at=rows.now)


def plain_progress(progress: Sequence[ResourceProgress]) -> Any:
    """Return progress as built-in types, as a row stores it."""
    return msgspec.to_builtins(list(progress))
