"""Run the product's worker and beat with shorter times and with faults at planned points.

``celery -A tests.flow.chaos_parts worker``, and ``beat --scheduler tests.flow.chaos_parts:Beat``.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from scheduler.beat import CatalogScheduler
from shared import wiring
from shared.domain.limits import Limits
from shared.engine.context import Context
from tests.flow.faults import FOLDER, Faults
from workers import tasks
from workers.app import app

__all__ = ["Beat", "app"]

LIMITS = Limits(
    claim_seconds=1.0,
    renew_seconds=0.25,
    resend_seconds=0.2,
    broker_seconds=0.1,
    step_seconds=0.3,  # a step goes through SQL, beat and Redis many times
    key_steady_seconds=0.2,
)

app.conf.imports = ("workers.tasks",)  # these tests need no prober


def _context() -> Context:
    return wiring.worker_context(app, limits=LIMITS, listeners=[Faults(Path(os.environ[FOLDER]))])


tasks.make_context = _context


class Beat(CatalogScheduler):
    """Beat with a shorter interval between ticks."""

    @cached_property
    def context(self) -> Context:
        return wiring.beat_context(self.app, limits=LIMITS)

    def tick(self, *arguments: Any, **named: Any) -> float:
        return min(0.1, super().tick(*arguments, **named))
