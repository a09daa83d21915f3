"""Plan the steps of jobs, and recognise steps that only a newer version knows."""

from collections.abc import Collection, Iterable

from shared.domain.jobs.kinds import JobKind, row_of
from shared.domain.jobs.steps import StepPlan


def steps_of(kind: JobKind | str, streams: Collection[str] | None = None) -> list[StepPlan]:
    """Return the planned steps of a job of this kind, by phase; an empty list if only a newer version knows the kind.

    With ``streams``, only these streams are read.
    """
    row = row_of(kind)
    phases = {} if row is None else row.phases
    return [
        StepPlan(phase=number, name=name)
        for number, phase in phases.items()
        for name in phase.steps
        if streams is None or not phase.by_stream or name in streams
    ]


def is_known(kind: JobKind | str, phase: int, name: str) -> bool:
    """Return True if this version knows the step."""
    row = row_of(kind)
    return row is not None and phase in row.phases and name in row.phases[phase].steps


def may_run(kind: JobKind | str, step: StepPlan, planned: Iterable[StepPlan]) -> bool:
    """Return True if this version may run ``step`` of a job with the steps ``planned``.

    A step that reads one stream needs to be known itself. Any other step uses what all steps of its job have stored: it
    would lose the results of a step that it does not know.
    """
    row = row_of(kind)
    if row is None or not is_known(kind, step.phase, step.name):
        return False
    return row.phases[step.phase].by_stream or all(is_known(kind, each.phase, each.name) for each in planned)
