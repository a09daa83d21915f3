"""Run the product's worker with shorter limits and faults: ``celery -A tests.flow.killing_worker worker``."""

import os
import time
from functools import lru_cache
from pathlib import Path
from signal import SIGKILL
from typing import Any

from celery.signals import task_postrun, task_prerun

from shared import wiring
from shared.domain.limits import Limits
from shared.engine.context import Context
from shared.messages import StepMessage, decode
from shared.ports.observer import Observer, Point
from tests.flow.points import FOLDER, OVER, Points
from workers import tasks
from workers.app import app

__all__ = ["app"]

LIMITS = Limits(
    claim_seconds=2.0,
    renew_seconds=0.5,
    resend_seconds=0.5,
    buffer_bytes=64 * 1024,
    chunk_bytes=16 * 1024,
    key_steady_seconds=0.5,
    requests_in_flight=100,  # a killed worker occupies its places for minutes
)

_steps: list[StepMessage] = []


@lru_cache
def _named(tenant_id: str, job_id: str, step_id: str) -> tuple[str, int]:
    """Return the step's name and phase."""
    steps = tasks.context().catalog.tenant(tenant_id).jobs.steps(job_id)
    return next((step.name, step.phase) for step in steps if step.step_id == step_id)


def _pass(point: str) -> None:
    if not _steps:
        return
    (message,) = _steps
    named = _named(message.tenant_id, message.job_id, message.step_id)
    planned = Points(Path(os.environ[FOLDER]), message.tenant_id).meet(point, *named)
    if planned is None:
        return
    if planned is SIGKILL:
        os.kill(os.getpid(), SIGKILL)
    # A worker frozen while another of its threads writes to SQLite would block all the others.
    database = tasks.context().catalog._database  # type: ignore[attr-defined]
    database.rest()
    os.kill(os.getpid(), planned)
    time.sleep(0.5)  # the signal may reach another thread first; this thread continues until that thread runs
    database.go_on()


class KillPoints(Observer):
    """Kills or freezes the worker at the points that the tests planned."""

    def reach(self, point: Point) -> None:
        _pass(point)


@task_prerun.connect
def _begins(kwargs: dict[str, Any], **_: object) -> None:
    message = decode(kwargs)
    _steps[:] = [message] if message else []


@task_postrun.connect
def _ends(**_: object) -> None:
    _pass(OVER)
    _steps.clear()


def _context() -> Context:
    return wiring.worker_context(app, limits=LIMITS, listeners=[KillPoints()])


tasks.make_context = _context
