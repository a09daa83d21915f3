"""Problems that block queued jobs, as SQL knows them: with beat, the broker or the workers."""

import math
from typing import NamedTuple

from shared.domain.errors import Code
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
        problems.append(Hindrance(Code.NO_WORKER, _no_worker(limits)))
    return problems


def _no_worker(limits: Limits) -> str:
    """Return the sentence for workers without a heartbeat."""
    return (
        f"No worker has been seen for {limits.worker_seen_seconds:g} s. 'entrakeep up' restarts its own after "
        f"{limits.worker_restart_seconds:g} s; elsewhere look into the workers' logs and restart them."
    )


def _or(seconds: float | None, never: float) -> float:
    """Return ``seconds``, or ``never`` if there was never a heartbeat."""
    return never if seconds is None else seconds
