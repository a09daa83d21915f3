"""The steps of each kind of job that workers do."""

from shared.domain.model import JobKind, StepPlan
from shared.engine.backup import backup_steps


def steps_of(kind: JobKind) -> list[StepPlan]:
    """A backup has steps by stream and phase; the other kinds have one step, named for the kind."""
    return backup_steps() if kind is JobKind.BACKUP else [StepPlan(phase=1, name=kind.value)]
