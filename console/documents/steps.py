"""Documents of the steps of a job."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

import msgspec

from console.documents.times import Moment, moment
from shared.domain.errors import Answer, Code
from shared.domain.jobs import Job, JobState, Step, row_of

StepProgress = Literal["queued", "running", "done", "stopped", "not_started"]


class StepDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a job."""

    id: str
    """The step's id, which is also the id of its Celery task."""
    phase: str
    """The name of its phase. A phase begins when all steps of the phase before it have ended."""
    name: str
    """What the step works on: a stream of resources, or what the job does."""
    state: StepProgress
    """Its state. ``stopped`` and ``not_started``: the job ended before the step did."""
    answer: Answer | None
    """Graph's answer to its stream, null until the step has ended and for other steps."""
    request_id: str | None
    """Graph's id of the request that was refused."""
    records: int
    """Number of records that were read, or of operations that have ended."""
    began_at: Moment | None
    """When a worker first claimed it."""
    ended_at: Moment | None
    """When it ended."""
    code: Code | None
    """The code of the trouble that it waits for."""
    message: str | None
    """The sentence for that trouble."""
    retry_at: Moment | None
    """When it is tried again after that trouble."""


class PhaseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a phase, counted."""

    name: str
    """The phase's name."""
    steps: int
    """Number of its steps."""
    done: int
    """Number of its steps that have ended."""
    running: int
    """Number of its steps that a worker has claimed."""
    troubled: int
    """Number of its steps that Graph refused, or that wait because something does not answer."""


def step_documents(job: Job, steps: Sequence[Step]) -> list[StepDocument]:
    """Return the documents of a job's steps, by phase."""
    return [_step(job, step) for step in steps]


def phase_documents(steps: Iterable[StepDocument]) -> list[PhaseDocument]:
    """Return the phases of a job's steps, in order."""
    return [_phase(name, list(own)) for name, own in groupby(steps, lambda step: step.phase)]


def phase_name(job: Job, phase: int) -> str:
    """Return the name of a phase: ``read``, ``second round``. A number for a job that only a newer version knows."""
    row = row_of(job.kind)
    known = row.phases.get(phase) if row is not None else None
    return str(phase) if known is None else known.task.rpartition(".")[2].replace("_", " ")


def troubled(step: StepDocument) -> bool:
    """Return True if Graph did not show a step's resources, or if the step waits because something does not answer."""
    return step.code is not None or step.answer in (Answer.FORBIDDEN, Answer.FAILED, Answer.PARTIAL)


def _step(job: Job, step: Step) -> StepDocument:
    """Return the document of a step."""
    trouble = step.trouble if not job.state.ended else None
    return StepDocument(
        id=step.step_id,
        phase=phase_name(job, step.phase),
        name=step.name,
        state=_progress(job, step),
        answer=step.answer,
        request_id=step.request_id,
        records=sum(progress.records for progress in step.progress),
        began_at=moment(step.began_at),
        ended_at=moment(step.ended_at),
        code=trouble.code if trouble else None,
        message=trouble.message if trouble else None,
        retry_at=moment(trouble.retry_at) if trouble else None,
    )


def _progress(job: Job, step: Step) -> StepProgress:
    """Return the state of a step. Steps that the failure or the cancellation of their job ended are not done."""
    cut_short = job.state in (JobState.FAILED, JobState.CANCELLED) and step.ended_at == job.finished_at
    if cut_short and step.answer is None:
        return "not_started" if step.began_at is None else "stopped"
    return step.state.value


def _phase(name: str, steps: Sequence[StepDocument]) -> PhaseDocument:
    """Return the counts of a phase."""
    return PhaseDocument(
        name=name,
        steps=len(steps),
        done=sum(step.state == "done" for step in steps),
        running=sum(step.state == "running" for step in steps),
        troubled=sum(map(troubled, steps)),
    )
