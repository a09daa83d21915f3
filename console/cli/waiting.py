"""Waiting for a job that workers do: by looking into SQL, for as long as beat is alive."""

import time
from collections.abc import Callable
from contextlib import nullcontext

from console.cli.output import note
from console.cli.progress import shown_job
from shared.domain.errors import Code, Refuse
from shared.domain.model import Job, JobState
from shared.ports.catalog import Catalog

_LOOK = 0.25
SILENCE = 10.0
"""Seconds without a tick of beat after which the stack does not run."""


def wait_for(catalog: Catalog, job: Job, told: Callable[[Job], None] | None = None) -> Job:
    """The job, ended. Meanwhile shows on a terminal how far it has come; or tells ``told`` each time it looks, the last one
    included.

    Raises Refuse ``STACK_NOT_RUNNING`` when beat has not ticked for ten seconds; the job stays as it is. Ctrl-C says how to
    look at the job and comes through; the job goes on.
    """
    jobs = catalog.tenant(job.tenant_id).jobs
    begun = time.monotonic()
    try:
        with shown_job() if told is None else nullcontext(lambda job, _: told(job)) as show:
            while not (job := jobs.get(job.job_id)).state.ended:
                if silence(catalog, time.monotonic() - begun) > SILENCE:
                    raise _not_running(job)
                show(job, jobs.steps(job.job_id))
                time.sleep(_LOOK)
    except KeyboardInterrupt:
        note(f"The job goes on. Look with 'entrakeep jobs show {job.job_id}'.")
        raise
    if told is not None:
        told(job)
    return job


def silence(catalog: Catalog, never: float) -> float:
    """Seconds since beat's last tick; ``never`` if it has not ticked yet."""
    last = catalog.scheduler().last_tick()
    return never if last is None else last


def refuse_failed(job: Job) -> None:
    """Raises Refuse with the job's code and sentence if it failed or was cancelled; notes its warning if it has one."""
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        raise Refuse(job.code or Code.UNEXPECTED, job.message or f"The job {job.job_id} failed without saying why.")
    if job.message:
        note(job.message)


def _not_running(job: Job) -> Refuse:
    return Refuse(
        Code.STACK_NOT_RUNNING,
        f"Beat has not ticked for ten seconds: start the stack with 'entrakeep up'. The job {job.job_id} stays {job.state}.",
    )


def note_silence(catalog: Catalog) -> None:
    """Notes that nobody does the job yet, where beat does not tick."""
    if silence(catalog, SILENCE + 1) > SILENCE:
        note("The stack does not run: the job waits until it is started with 'entrakeep up'.")
