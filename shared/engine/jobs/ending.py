"""What an attempt at a step came to, for whoever watches workers. SQL is the truth about it, so that is where it is read."""

from enum import StrEnum

import msgspec

from shared.domain.errors import ClaimLost, Code, EntrakeepError
from shared.domain.model import JobState, StepState
from shared.engine.work import StepTired
from shared.messages import StepMessage
from shared.ports.catalog import TenantCatalog


class Outcome(StrEnum):
    DONE = "done"
    RETRIED = "retried"
    """The step is queued again: after trouble, at the end of its time slice, or because its worker ends."""
    FAILED = "failed"
    """The step ended its job."""
    DROPPED = "dropped"
    """The job has ended, and not by this step."""
    ELSEWHERE = "elsewhere"
    """Another attempt has the step, or nobody may have it now: a late or doubled message."""


class Ending(msgspec.Struct, frozen=True):
    """An outcome, and the code of what led to it."""

    outcome: Outcome
    code: Code | None = None


def ending_of(catalog: TenantCatalog, message: StepMessage, error: EntrakeepError | StepTired | None) -> Ending:
    """Return what became of the step in an attempt that ``error`` ended, if anything did."""
    fate = catalog.jobs.fate(message.job_id, message.step_id)
    if fate is None:
        return Ending(Outcome.DROPPED)
    if fate.job is JobState.FAILED and not isinstance(error, ClaimLost):
        return Ending(Outcome.FAILED, fate.code)
    if fate.job in (JobState.FAILED, JobState.CANCELLED):
        return Ending(Outcome.DROPPED, fate.code)
    if fate.step is StepState.DONE:
        return Ending(Outcome.DONE)
    if fate.step is StepState.QUEUED and error is not None:
        return Ending(Outcome.RETRIED, None if isinstance(error, ClaimLost | StepTired) else error.code)
    return Ending(Outcome.ELSEWHERE)


def ending_unclaimed(catalog: TenantCatalog, message: StepMessage) -> Ending:
    """Return what there is to say of a message that led to no claim."""
    fate = catalog.jobs.fate(message.job_id, message.step_id)
    if fate is None or fate.job in (JobState.FAILED, JobState.CANCELLED):
        return Ending(Outcome.DROPPED, fate.code if fate else None)
    return Ending(Outcome.DONE if fate.step is StepState.DONE else Outcome.ELSEWHERE)
