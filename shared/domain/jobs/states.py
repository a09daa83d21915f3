"""The states of jobs and steps, and the legal moves between them."""

from enum import StrEnum


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    """The job was requested, and no step of it was claimed yet."""
    RUNNING = "running"
    """A step of the job was claimed, and the job has not ended."""
    SUCCEEDED = "succeeded"
    """The job ended with all that it was to do."""
    SUCCEEDED_WITH_WARNINGS = "succeeded_with_warnings"
    """The backup made a snapshot that is incomplete, or the restore ends with differences."""
    FAILED = "failed"
    """The job ended with an error; its code says which."""
    CANCELLED = "cancelled"
    """Somebody cancelled the job before it ended."""

    @property
    def ended(self) -> bool:
        """Return True if the job has ended."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.SUCCEEDED_WITH_WARNINGS: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}
"""The legal next states of each state."""


class StepState(StrEnum):
    """The state of a step."""

    QUEUED = "queued"
    """The step waits for a claim; it may have been released by an earlier one."""
    RUNNING = "running"
    """A worker has claimed the step."""
    DONE = "done"
    """The step has ended, successfully or with its job."""
