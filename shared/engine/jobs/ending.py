"""The outcome of an attempt at a step, for logs and for monitoring of workers. It is read from SQL, the source of truth."""

from enum import StrEnum

import msgspec

from shared.domain.errors import ClaimLost, Code, EntrakeepError
from shared.domain.jobs import JobState, StepState
from shared.engine.steps.work import TimeSliceOver, WaitFor
from shared.messages import StepMessage
from shared.ports.catalog.tenant import TenantCatalog


class Outcome(StrEnum):
    """The outcome of an attempt at a step."""

    DONE = "done"
    """The step is done."""
    RETRIED = "retried"
    """The step is queued again: after trouble, to wait for another job, or because its time slice or its worker ends."""
    FAILED = "failed"
    """The step failed its job."""
    DROPPED = "dropped"
    """The job does not exist, or it was ended by something other than this step."""
    ELSEWHERE = "elsewhere"
    """Another attempt has claimed the step, or it cannot be claimed now: the message was late or a duplicate."""


class Ending(msgspec.Struct, frozen=True):
    """The outcome of an attempt, with its cause."""

    outcome: Outcome
    code: Code | None = None
    """The error code that led to the outcome, if an error did."""


def ending_of(
    catalog: TenantCatalog, message: StepMessage, error: EntrakeepError | TimeSliceOver | WaitFor | None
) -> Ending:
    """Return how the attempt at the step ended. ``error`` is what ended it early, or None."""
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
        return Ending(Outcome.RETRIED, None if isinstance(error, ClaimLost | TimeSliceOver | WaitFor) else error.code)
    return Ending(Outcome.ELSEWHERE)


def ending_unclaimed(catalog: TenantCatalog, message: StepMessage) -> Ending:
    """Return the outcome of a message whose step could not be claimed."""
    fate = catalog.jobs.fate(message.job_id, message.step_id)
    if fate is None or fate.job in (JobState.FAILED, JobState.CANCELLED):
        return Ending(Outcome.DROPPED, fate.code if fate else None)
    return Ending(Outcome.DONE if fate.step is StepState.DONE else Outcome.ELSEWHERE)
