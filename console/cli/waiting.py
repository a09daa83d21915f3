"""Waiting for a job that workers do: by looking into SQL, for as long as beat is alive."""

import time
from collections.abc import Callable
from contextlib import nullcontext

from console.cli.hindrances import Hindrance, hindrances, of_steps, refuse_without_stack
from console.cli.output import note
from console.cli.progress import shown_job
from shared import wiring
from shared.domain.errors import Code, Refuse
from shared.domain.limits import Limits
from shared.domain.model import Job, JobState
from shared.ports.catalog import Catalog

_LOOK, _LOOK_ASIDE = 0.25, 1.0
"""Seconds between two looks at the job, and at what it needs to go on."""


def wait_for(
    catalog: Catalog, job: Job, told: Callable[[Job], None] | None = None, limits: Limits = wiring.LIMITS
) -> Job:
    """The job, ended. Meanwhile shows on a terminal how far it has come; or tells ``told`` each time it looks, the last one
    included.

    Raises Refuse ``STACK_NOT_RUNNING`` when beat has not ticked for ten seconds; the job stays as it is. Notes when the
    broker takes no messages (``BROKER_UNREACHABLE``) or no worker is seen (``NO_WORKER``), and waits on: both recover.
    Ctrl-C says how to look at the job and comes through; the job goes on.
    """
    jobs = catalog.tenant(job.tenant_id).jobs
    started_at, notes = time.monotonic(), _Notes()
    look_at = started_at
    try:
        with shown_job() if told is None else nullcontext(lambda job, _: told(job)) as show:
            while not (job := jobs.get(job.job_id)).state.ended:
                if (now := time.monotonic()) >= look_at:
                    look_at = now + _LOOK_ASIDE
                    found = hindrances(catalog, now - started_at, limits)
                    refuse_without_stack(job, found)
                    notes.update([*found, *of_steps(job, jobs.steps(job.job_id))])
                show(job, jobs.steps(job.job_id))
                time.sleep(_LOOK)
    except KeyboardInterrupt:
        note(f"The job goes on. Look with 'entrakeep jobs show {job.job_id}'.")
        raise
    if told is not None:
        told(job)
    return job


def refuse_failed(job: Job) -> None:
    """Raises Refuse with the job's code and sentence if it failed or was cancelled; notes its warning if it has one."""
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        raise Refuse(job.code or Code.UNEXPECTED, job.message or f"The job {job.job_id} failed without saying why.")
    if job.message:
        note(job.message)


def note_hindrances(catalog: Catalog) -> None:
    """Note what keeps the job waiting, if anything does."""
    for hindrance in hindrances(catalog):
        note(f"{hindrance} The job waits.")


class _Notes:
    """Notes each hindrance when it appears and when it is gone."""

    def __init__(self) -> None:
        self._noted: list[Hindrance] = []

    def update(self, found: list[Hindrance]) -> None:
        for hindrance in found:
            if hindrance.code not in {each.code for each in self._noted}:
                note(f"{hindrance} The job waits until that is over.")
        for hindrance in self._noted:
            if hindrance.code not in {each.code for each in found}:
                note(f"recovered: {hindrance.code}. The job goes on.")
        self._noted = found
