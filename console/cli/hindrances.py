"""What keeps jobs waiting that workers are to do: beat, the broker or the workers, as SQL knows it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from console.cli.documents import trouble_of
from shared import wiring
from shared.domain.errors import Code, Refuse
from shared.domain.limits import Limits
from shared.domain.model import Job, Step
from shared.ports.catalog import Catalog

_LASTING = 15.0
"""Seconds of trouble that somebody who waits is told of: shorter trouble is usual."""


class Hindrance(NamedTuple):
    """Why nothing happens to queued jobs: a code, and a sentence that says what to do."""

    code: Code
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def hindrances(catalog: Catalog, waited: float = math.inf, limits: Limits = wiring.LIMITS) -> list[Hindrance]:
    """Return what keeps jobs waiting now; nothing if all is well.

    ``waited``: seconds for which somebody has waited for a sign of life; counts where there was none ever.
    """
    scheduler = catalog.scheduler()
    if _or(scheduler.last_tick(), waited) > limits.beat_silent_seconds:
        sentence = f"Beat has not ticked for {limits.beat_silent_seconds:g} s: start the stack with 'entrakeep up'."
        return [Hindrance(Code.STACK_NOT_RUNNING, sentence)]
    found = []
    if (trouble := scheduler.broker_trouble()) is not None:
        found.append(Hindrance(Code.BROKER_UNREACHABLE, trouble))
    if _or(scheduler.worker_silence(), waited) > limits.worker_seen_seconds:
        found.append(Hindrance(Code.NO_WORKER, no_worker(limits)))
    return found


def of_steps(job: Job, steps: Sequence[Step]) -> list[Hindrance]:
    """Return the trouble that one of the job's steps is in, with the store, a key or Graph, if it lasts."""
    trouble = trouble_of(job, steps)
    if trouble is None or (wiring.clock().now() - trouble.since).total_seconds() < _LASTING:
        return []
    return [Hindrance(trouble.code, trouble.message)]


def no_worker(limits: Limits) -> str:
    """Return the sentence for workers that give no sign of life."""
    return (
        f"No worker has been seen for {limits.worker_seen_seconds:g} s. 'entrakeep up' starts its own again after "
        f"{limits.worker_restart_seconds:g} s; elsewhere see the workers' logs and start them again."
    )


def refuse_without_stack(job: Job, found: list[Hindrance]) -> None:
    """Raise Refuse ``STACK_NOT_RUNNING`` if that is among the hindrances."""
    for hindrance in found:
        if hindrance.code is Code.STACK_NOT_RUNNING:
            raise Refuse(hindrance.code, f"{hindrance.message} The job {job.job_id} stays {job.state}.")


def _or(seconds: float | None, never: float) -> float:
    return never if seconds is None else seconds
