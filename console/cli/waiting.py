"""Wait for a job of the workers by polling SQL, as long as beat is alive."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from console.cli.opening import now
from console.cli.output import note, print_document, print_line
from console.cli.progress import shown_job
from console.documents.jobs import RequestedJob, trouble_of
from shared.domain.deadline import Deadline, seconds_since
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobState, Step
from shared.domain.limits import LIMITS, Limits
from shared.engine.requests.hindrances import Hindrance, hindrances
from shared.ports.catalog.database import Catalog

_LOOK, _LOOK_ASIDE = 0.25, 1.0
"""Seconds between two polls of the job, and between two checks for problems that block it."""


def wait_for(catalog: Catalog, job: Job, report: Callable[[Job], None] | None = None, limits: Limits = LIMITS) -> Job:
    """Wait for the end of the job, and return it.

    Meanwhile show its progress on a terminal; or, with ``report``, call that with the job after each poll, the last included.
    Raise Refuse ``STACK_NOT_RUNNING`` when beat has not ticked for ten seconds; the job stays unchanged. Note when the broker
    takes no messages (``BROKER_UNREACHABLE``) or no worker is seen (``NO_WORKER``), and go on waiting, as both recover. On
    Ctrl-C, note how to follow the job, which goes on, and raise KeyboardInterrupt.
    """
    jobs = catalog.tenant(job.tenant_id).jobs
    started_at, notes = time.monotonic(), _Notes()
    aside = Deadline(0.0, time.monotonic)
    try:
        with shown_job() if report is None else nullcontext(lambda job, _: report(job)) as show:
            while not (job := jobs.get(job.job_id)).state.ended:
                if aside.over:
                    aside = Deadline(_LOOK_ASIDE, time.monotonic)
                    problems = hindrances(catalog, seconds_since(started_at, time.monotonic), limits)
                    _refuse_without_stack(job, problems)
                    notes.update([*problems, *_of_steps(job, jobs.steps(job.job_id))])
                show(job, jobs.steps(job.job_id))
                time.sleep(_LOOK)
    except KeyboardInterrupt:
        note(f"The job goes on. Follow it with 'entrakeep jobs show {job.job_id}'.")
        raise
    if report is not None:
        report(job)
    return job


def refuse_failed(job: Job) -> None:
    """Raise Refuse with the job's code and sentence if it failed or was cancelled. Note its warning, if it has one."""
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        raise Refuse(job.code or Code.UNEXPECTED, job.message or f"The job {job.job_id} failed without a reason.")
    if job.message:
        note(job.message)


def print_requested(
    catalog: Catalog, job: Job, sentence: str | None = None, *, new: bool = True, as_json: bool
) -> None:
    """Note the problems that block a requested job, and print how to follow it: ``sentence``, or 'jobs show' if None.

    A job that is not ``new`` has no sentence, because the caller has noted it.
    """
    for hindrance in hindrances(catalog):
        note(f"{hindrance} The job waits.")
    if as_json:
        print_document(RequestedJob(job=job.job_id))
    elif new:
        print_line(sentence or f"Job {job.job_id} is queued. Follow it with 'entrakeep jobs show {job.job_id}'.")


def _of_steps(job: Job, steps: Sequence[Step]) -> list[Hindrance]:
    """Return the trouble of the job's steps with the store, a key or Graph, if the trouble has lasted for a while."""
    trouble = trouble_of(job, steps)
    if trouble is None or (now() - trouble.since).total_seconds() < LIMITS.trouble_shown_seconds:
        return []
    return [Hindrance(trouble.code, trouble.message)]


def _refuse_without_stack(job: Job, problems: list[Hindrance]) -> None:
    """Raise Refuse ``STACK_NOT_RUNNING`` if that is one of the problems."""
    for hindrance in problems:
        if hindrance.code is Code.STACK_NOT_RUNNING:
            raise Refuse(hindrance.code, f"{hindrance.message} The job {job.job_id} stays {job.state}.")


class _Notes:
    """Notes on standard error: one for each new problem, and one when it is over."""

    def __init__(self) -> None:
        self._shown: list[Hindrance] = []

    def update(self, problems: list[Hindrance]) -> None:
        """Note the changes since the last call."""
        for hindrance in problems:
            if hindrance.code not in {each.code for each in self._shown}:
                note(f"{hindrance} The job waits until this is over.")
        for hindrance in self._shown:
            if hindrance.code not in {each.code for each in problems}:
                note(f"recovered: {hindrance.code}. The job goes on.")
        self._shown = problems
