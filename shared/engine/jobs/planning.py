"""The steps of each kind of job that workers run."""

from shared.domain.jobs import JobKind, StepPlan
from shared.engine.backup import backup_steps


def steps_of(kind: JobKind) -> list[StepPlan]:
    """Return the planned steps of a job of this kind.

    A backup has steps by stream and phase. Every other kind has one step, named after the kind.
    """
    return backup_steps() if kind is JobKind.BACKUP else [StepPlan(phase=1, name=kind.value)]
