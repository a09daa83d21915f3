"""Problems that block queued jobs, as SQL knows them: with beat, the broker, the workers or a step."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from console.cli.opening import now
from console.documents.jobs import trouble_of
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, Step
from shared.domain.limits import LIMITS, Limits
from shared.ports.catalog.database import Catalog


class Hindrance(NamedTuple):
    """A problem that blocks jobs: its code, and a sentence that says what to do."""

    code: Code
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def hindrances(catalog: Catalog, waited: float = math.inf, limits: Limits = LIMITS) -> list[Hindrance]:
    """Return the problems that block jobs now, or an empty list.

    ``waited``: the seconds that the caller has waited for a heartbeat. It is used where there was never a heartbeat.
    """
    scheduler = catalog.scheduler()
    if _or(scheduler.last_tick(), waited) > limits.beat_silent_seconds:
        sentence = (
            f"Beat has not ticked for {limits.beat_silent_seconds:g} s: start the stack with 'entrakeep up', or read "
            "beat's log if it runs."
        )
        return [Hindrance(Code.STACK_NOT_RUNNING, sentence)]
    problems = []
    if (trouble := scheduler.broker_trouble()) is not None:
        problems.append(Hindrance(Code.BROKER_UNREACHABLE, trouble))
    if _or(scheduler.worker_silence(), waited) > limits.worker_seen_seconds:
        problems.append(Hindrance(Code.NO_WORKER, no_worker(limits)))
    return problems


def of_steps(job: Job, steps: Sequence[Step]) -> list[Hindrance]:
    """Return the trouble of the job's steps with the store, a key or Graph, if it has lasted for a while."""
    trouble = trouble_of(job, steps)
    if trouble is None or (now() - trouble.since).total_seconds() < LIMITS.trouble_shown_seconds:
        return []
    return [Hindrance(trouble.code, trouble.message)]


def no_worker(limits: Limits) -> str:
    """Return the sentence for workers without a heartbeat."""
    return (
        f"No worker has been seen for {limits.worker_seen_seconds:g} s. 'entrakeep up' restarts its own after "
        f"{limits.worker_restart_seconds:g} s; elsewhere look into the workers' logs and restart them."
    )


def refuse_without_stack(job: Job, problems: list[Hindrance]) -> None:
    """Raise Refuse ``STACK_NOT_RUNNING`` if that is one of the problems."""
    for hindrance in problems:
        if hindrance.code is Code.STACK_NOT_RUNNING:
            raise Refuse(hindrance.code, f"{hindrance.message} The job {job.job_id} stays {job.state}.")


def _or(seconds: float | None, never: float) -> float:
    """Return ``seconds``, or ``never`` if there was never a heartbeat."""
    return never if seconds is None else seconds
